"""What sources say of items, and how the best are found without asking about every one.

scores         what a source says of a block of requests
inverted_file  the nearest vectors, by cells
sort_keys, sparse, products, fusion   compiled loops for both
"""
