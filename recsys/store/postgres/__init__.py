"""PostgreSQL: one database, for several servers on several machines.

store               events, items, users and answered lists
connections         opened on demand, and again after the server was away
schema              the tables
precomputed_lists   ranked lists of a batch
"""
