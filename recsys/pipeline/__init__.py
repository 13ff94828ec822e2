"""Requests to lists, and all that learns, measures and retrains along that one path.

One list: `candidates` proposes, `ranking` orders, `recommender` is the class around both. `past` asks them about
requests whose outcome is known: from that `training` learns and `evaluation` measures. `retraining` repeats it
unattended, `offline` ranks many requests at once, on one of the `engines`; `training_run` says how a training is done.
`ingest` takes events from a stream into the store.
"""
