"""Scores of items by sources, and how the best items are found without scoring every one.

scores         the scores of one source for a block of requests
inverted_file  the nearest vectors, by cells
sort_keys, sparse, products, fusion   compiled loops for both
"""
