"""Lists: made, answered, recorded.

answers, cursor, conditions   how a list is made and answered; pages; wrong filters
precomputed                   lists of a batch
recording                     what is recorded of a list
browse                        looking around in the catalogue
"""
