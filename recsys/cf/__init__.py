"""Collaborative models: each learns from a log and scores all items for any history (model).

One a file: als, ease, neighbours, transitions, popular, categories, profiles, revisits. users and links are what
several of them are made of, and lifts what profiles are; product and compiled are how that is computed.
"""
