"""Files and messages to arrays: read, checked, and numbered; ids become numbers here and nowhere else.

A data set:   loading (files to a dataset: a catalogue and the log of interactions), summary,
              repeats (whether people come back), split (windows in time)
Tables:       files finds them, csv_file and jsonl_file open them, table is what is not read yet; schema (columns),
              parsing (cells), validation and rejections (bad rows), doubts (what may be meant otherwise); items_table,
              events_table, users_table, attributes
Items:        catalogue, item_columns, item_changes (what comes, changes and goes; halving finds what does not fit),
              vocabulary over id_table
Events:       interactions (the log), merging (of two logs), visits, history (of the users of some requests), events
              and event_batch (one by one), event_messages (from a stream), event_fields (what one that is sent holds)
Requests:     requests, request_file, served_list, list_places (what the places of a list are worth)
People:       user_profiles (what is known of users besides), groups (of users or items), pseudonyms, forget
Arrays:       arrays, ragged, float16, jit (how loops are compiled), compiled, prefetch
Time:         moments and durations, both in microseconds
Chance:       standard_error (whether a difference is more than that)
Disks:        places (paths and URLs), disk (writing that survives a crash)
Known sets:   datasets
"""
