"""The first stage: models that propose items for a request, and their proposals merged.

sources holds the fitted models, and fitting fits them on a stretch of the log. live_sources read the moment of a
request and learn nothing; cold_items says what the models lend to items that they never met. merging makes one list of
all proposals, in which each source counts as source_weights says.
"""
