"""The kinds of features: each computes one column for all pairs of a batch.

A kind reads the past only: `EventState` and `HistoryBatch` answer about moments strictly before the request and take
no other question, and a window reaches back, so a feature that sees the future cannot be declared. A value that does
not exist is NaN, which LightGBM handles itself.

base         what every kind promises
attributes   what the attributes of items say
candidates   what the sources say of a candidate
impressions  what the user was shown before, and left alone
items        what everybody did with an item
matches      what the history has in common with a candidate
requests     what all candidates of a request have in common
users        tags and prices of what the user acted on, against those of the candidate
"""

from features.kinds import attributes, candidates, impressions, items, matches, requests, users
from features.kinds.base import Kind

KINDS: tuple[type[Kind], ...] = (
    *candidates.KINDS,
    *items.KINDS,
    *matches.KINDS,
    *impressions.KINDS,
    *requests.KINDS,
    *users.KINDS,
    *attributes.KINDS,
)
"""All kinds: what `features.extra` may name."""
