"""Requests to lists, and all that learns, measures and retrains along that one path.

candidates    the first stage: sources propose items
ranking       the second stage: features, ranker and rules order them
recommender   a version in memory, and the class that answers requests with it
past          requests whose outcome is known, replayed as of their moment
training      from a log to a version
evaluation    how good a version is
retraining    unattended learning from the events since the last training
offline       many requests into one file
ingest        events from a stream into the store
training_run  how a training is done: seed, vectors of texts, engine, progress
engines       threads, processes of one machine, or a Ray cluster, that work side by side
"""
