"""Files to arrays: read, checked, and numbered; ids become numbers here and nowhere else.

A data set
    dataset, loading            a catalogue and a log in one set of numbers, read from a folder or from frames
    dataset_summary             what is in it
    repeats, split              whether people come back; windows in time
Items
    catalogue, vocabulary, id_table   the items; ids to numbers and back
    item_past                   how often each was wanted, and how long it was there
    item_changes, halving       what comes, changes and goes; entries that do not fit are found by halving
Events
    interactions, merging       the log; logs as one
    visits                      acts on an item within the hour
    history, history_loops      what users did before some requests; loops over it
    events                      one event
Requests
    requests, request_file      one request; a table of them
    served_list, list_places    one answered list; what its places are worth
People
    user_profiles               the user table
    pseudonyms, forget          hashed ids; users who are forgotten
Its rooms
    tables                      files to checked columns, whatever they are of
    reading                     what comes in: the tables of a folder, events of the API or a stream
    groups                      items or users with something in common
    datasets                    readers of public data sets
"""
