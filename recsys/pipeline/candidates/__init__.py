"""The first stage: sources propose items for a request, and their proposals are merged.

request_block   requests in numbers, as many as are scored at once
stages          how long each step took, and what was left out for lack of time
sources         the fitted models, and what each says of a block of requests
fitting         fits them on a stretch of the log
live_sources    trending and newest items, which learn nothing
cold_items      what the models lend to items that they never met
merging         one list of candidates from all proposals
source_weights  how much each source counts in that
"""
