"""The online service: HTTP over the one `Recommender`, with a store of events behind it."""
