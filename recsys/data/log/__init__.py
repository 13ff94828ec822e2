"""The log: all events in time order, as columns, and what they say.

interactions, merging     the log; logs as one
visits                    acts on an item within the hour
history, history_loops    what users did before some requests; loops over it
repeats                   whether people come back
taken_back                what they brought back
"""
