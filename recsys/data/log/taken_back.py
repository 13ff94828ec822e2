"""What users took back: goods that were sent back, orders that were cancelled."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from recsys.data.log.interactions import InteractionLog


def without_taken_back(log: InteractionLog, names: Collection[str]) -> InteractionLog:
    """The log, in which an act that was taken back later in it has the weight 0: one on an item on which its user acted
    later by an event of one of these names.

    As of an earlier moment it was not known yet, so cut the log there first.
    """
    back = np.flatnonzero(np.isin(log.events, [code for code, name in enumerate(log.event_names) if name in names]))
    if not len(back):
        return log
    pairs = log.users.astype(np.int64) * log.n_items + log.items
    taken_back, at = np.unique(pairs[back[::-1]], return_index=True)
    last = back[::-1][at]  # of each pair
    index = np.minimum(np.searchsorted(taken_back, pairs), len(taken_back) - 1)
    is_void = (taken_back[index] == pairs) & (np.arange(len(log)) < last[index])
    return replace(log, weights=np.where(is_void, np.float32(0), log.weights))
