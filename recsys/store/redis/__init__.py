"""Redis: one database, for several servers on several machines.

store               events, items, users and answered lists
connections         opened on demand, and again after the server was away
scripts             what is done inside Redis
precomputed_lists   ranked lists of a batch
stream              events from a stream
"""
