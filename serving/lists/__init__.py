"""Lists: made, answered, recorded.

answers, cursor, conditions how a list is made and answered; pages; wrong filters
precomputed, list_lookup     lists of a batch
variants                    which variant answers whom
list_log, shown             what is recorded of a list, and the log that it goes to
browse                      looking around in the catalogue
"""
