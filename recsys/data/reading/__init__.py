"""What comes in, read and checked: the tables of a folder, and events one by one.

items_table, events_table, users_table   what the tables become
doubts                                   what may be a mistake in them
event_batch                              events of the API to a log
event_messages, event_fields             events from a stream; what their fields may hold
"""
