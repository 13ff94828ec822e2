"""Old items made new, so that the ranker learns how people take to what nobody has chosen yet.

In most windows few items are really new, and in a catalogue as given often none: the ranker would only learn that
items without a past are not wanted. Volkovs et al., DropoutNet, NeurIPS 2017, hide the past at random for the same end.
"""

import numpy as np

from recsys.data.interactions import InteractionLog

_SHARE = 0.1
"""Share of the items."""


def with_newcomers(log: InteractionLog, start: int, seed: int) -> InteractionLog:
    """The log in which a share of the items has no events before `start` (microseconds), as if it came to be then."""
    novice = np.random.default_rng([seed, log.n_items]).random(log.n_items) < _SHARE
    return log.select(~novice[log.items] | (log.times >= start))
