"""SQLite: one file, for one machine.

store               events, items, users and answered lists
connection          a file that threads use in turn
wal                 its write-ahead log
schema              its tables
precomputed_lists   ranked lists of a batch, in a file of their own
"""
