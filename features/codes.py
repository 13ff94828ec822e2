"""Numbers by which compiled loops know what to count."""

PLACE_BITS = 32
"""A timeline's key is entity << PLACE_BITS | place in the order of time."""

# Which events count: the number of an event's name, or one of these.
NO_EVENT, EVERYTHING, POSITIVES = -1, -2, -3

# What of them.
COUNT, WEIGHTS, VALUES, VALUED, EXAMINATION, DECAYED, LAST, FIRST = range(8)
