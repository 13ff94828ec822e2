"""Collaborative models: each learns from a log and scores all items for any history (model).

One a file: als, ease, neighbours, transitions, popular, categories, profiles, revisits. users and links are what
several of them are made of, product and compiled how that is computed.
"""
