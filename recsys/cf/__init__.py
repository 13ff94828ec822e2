"""Collaborative models: each learns from a log and scores all items for any history (model).

One a file: als, ease, neighbours, transitions, popular, categories, profiles, revisits; rhythm and season are periodic.
users and links are what several of them are made of, lifts what profiles and periodic ones are; product and compiled
are how that is computed.
"""
