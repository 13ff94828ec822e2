"""Numbers by which compiled loops know what to count."""

PLACE_BITS = 32
"""A timeline's key is entity << PLACE_BITS | place in the order of time."""

# Which events count: the number of an event's name, or one of these.
NO_EVENT, EVERYTHING, POSITIVES = -1, -2, -3

# What of them.
COUNT, WEIGHTS, VALUES, VALUED, EXAMINATION, DECAYED, LAST, FIRST = range(8)

# What a source says of a candidate: a score; its place in the request, 0 is the best and equal ones share a place; the
# score relative to the largest in size of the request, NaN where all are 0; 1 where the score is above 0, else 0; the
# same, added to what is there.
SCORE, RANK, SHARE, FLAG, ANOTHER_FLAG = range(5)

N_CODES = 3
"""By which two items can be compared: themselves, their categories, their brands."""

# What the history has in common with a candidate: events with its code; their share of the events; events and time
# since the newest; what that is worth; their share of what all events are worth; the share of baskets with its code;
# time since over the mean time between two of these; events that count less with each day, or with each later basket.
MATCHES, MATCH_SHARE, EVENTS_SINCE, TIME_SINCE, WORTH, WORTH_SHARE, BASKET_SHARE, DUE, FADED_DAYS, FADED_BASKETS = (
    range(10)
)

# What a request is like, as rows of a table; of the last three one for each code, or for each window.
LENGTH, POSITIVE_SHARE, SINCE_LAST, SINCE_FIRST, HOUR, WEEKDAY, DISTINCT = range(7)
ENTROPY = DISTINCT + N_CODES
ACTS = ENTROPY + N_CODES
