"""Numbers by which compiled loops know what to count."""

INDEX_BITS = 32
"""A timeline's key is entity << INDEX_BITS | index in the order of time."""

# Which events count: the number of an event's name, or one of these. In a history -1 is an event of unknown name.
EVERYTHING, POSITIVES, NO_EVENT = -2, -3, -4

# The statistic of them, see `features.measures.Measure`.
COUNT, WEIGHTS, VALUES, VALUED, EXAMINATION, DECAYED, LAST, FIRST = range(8)

# What a source says of a candidate: its score; its rank in the request, 0 is the best and equal ones share a rank;
# its score over the largest absolute score in the request, NaN where all are 0; 1 where its score is above 0, else 0;
# that 1 or 0, added to what the column holds.
SCORE, RANK, SHARE, FLAG, ANOTHER_FLAG = range(5)

N_CODES = 3
"""Codes by which two items can be compared: themselves, their categories, their brands."""

# What the history has in common with a candidate: events with its code; their share of all events; events and time
# since the newest of them; its weight; their share of the weight of all events; the share of baskets with the code;
# time since the newest over the mean time between two such baskets; the number of events, each fading with the days,
# or with later baskets.
MATCHES, MATCH_SHARE, EVENTS_SINCE, TIME_SINCE, WEIGHT, WEIGHT_SHARE, BASKET_SHARE, DUE, FADED_DAYS, FADED_BASKETS = (
    range(10)
)
N_STATISTICS = FADED_BASKETS + 1

# What a request and its history are like, as rows of a table; of the last three one row for each code or window.
LENGTH, POSITIVE_SHARE, SINCE_LAST, SINCE_FIRST, HOUR, WEEKDAY, DISTINCT = range(7)
ENTROPY = DISTINCT + N_CODES
ACTS = ENTROPY + N_CODES
