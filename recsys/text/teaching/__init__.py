"""A cross-encoder that reranks a few items, and teaches the interest model.

teacher            the cross-encoder
teacher_training   how it learns
distillation       what the interest model learns from it
"""
