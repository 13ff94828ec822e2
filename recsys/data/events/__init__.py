"""Events, read and checked one by one; together they become a log.

event                           one event
events_table                    the event table to a log
event_batch                     events of the API to a log
event_messages, event_fields    events from a stream; what their fields may hold
"""
