"""Files to arrays: read, checked, and numbered; ids become numbers here and nowhere else.

A data set
    dataset, loading            items, log and user table in one set of numbers, read from a folder or from frames
    quality                     warnings about what may be a mistake in it
    dataset_summary             what is in it
    split                       windows in time
What a data set is about, each a room
    items                       the catalogue, and what became of items
    users                       the user table, hashed ids, users who are forgotten
    events                      events one by one, and how they become a log
    log                         all events as columns: histories, visits, whether people come back
    requests                    lists that are wanted, and those that were answered
What these rest on
    ids                         ids to numbers and back
    groups                      items or users with something in common
    tables                      files to checked columns, whatever they are of
Beside them
    datasets                    readers of public data sets
"""
