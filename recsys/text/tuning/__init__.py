"""Tuning the upper layers of the encoder.

adapter   an encoder in training
methods   LoRA, AdaLoRA, IA3, or all weights
layers    which parts of an encoder are tuned
lower     the frozen layers below, which run once per text
"""
