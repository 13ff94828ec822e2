"""Lists: made, answered, recorded.

answers, cursor, conditions       how a list is made and answered; pages; wrong filters
precomputed, precomputed_lookup   lists of a batch
recording, served_list_log        what is recorded of a list, and the log that it goes to
browse                            looking around in the catalogue
"""
