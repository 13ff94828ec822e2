"""Files and messages to arrays: read, checked, and numbered; ids become numbers here and nowhere else.

A data set
    dataset, loading            a catalogue and a log in one set of numbers, read from a folder or from frames
    summary, doubts             what is in it; what may be a mistake
    repeats, split              whether people come back; windows in time
Tables
    files, places               found in a folder, or at a URL
    csv_file, jsonl_file        opened
    table, schema               what is not read yet; which columns there are
    parsing, validation         cells to values; which cells are wrong
    rejections                  bad rows set aside
    items_table, events_table, users_table, attributes
Items
    catalogue, item_columns     the items; their columns
    item_changes, halving       what comes, changes and goes; entries that do not fit are found by halving
    vocabulary, id_table        ids to numbers and back
    paths, references           columns that are paths; those that name other items
    tenths, words               numbers and texts as names of groups
Events
    interactions, merging       the log; two logs as one
    visits, history             acts on an item within the hour; what users did before some requests
    events, event_batch         one event; events of the API to a log
    event_messages, event_fields   events from a stream; what their fields may hold
Requests
    requests, request_file      one request; a table of them
    served_list, list_places    one answered list; what its places are worth
People
    user_profiles, groups       what is known of users besides; groups of users or of items
    pseudonyms, forget          hashed ids; users who are forgotten
Arrays
    arrays, ragged, float16     types and files; rows of unequal length; vectors at half the size
    jit, compiled, prefetch     how loops are compiled; loops over histories; rows fetched ahead
Other
    moments, durations          time, in microseconds
    standard_error              whether a difference is more than chance
    disk                        writing that survives a crash
    datasets                    readers of public data sets
"""
