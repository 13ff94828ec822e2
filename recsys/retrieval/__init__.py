"""What sources say of items (scores), without asking them about every item of the catalogue (inverted_file).

The other files hold compiled loops: sort_keys, sparse, products, fusion.
"""
