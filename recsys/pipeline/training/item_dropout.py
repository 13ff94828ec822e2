"""Item dropout: the past of some items is hidden in training, so that the ranker learns what cold items are worth.

In most windows few items are really new, and some items are never met by anybody. Rows of the latter would teach the
ranker that items without a past are not wanted; rows of other items from before they were met, that they are. So an
item gives no row before somebody has met it, and the past of a share of all items, drawn evenly, is hidden instead.
Volkovs et al., DropoutNet: addressing cold start in recommender systems, NeurIPS 2017.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.data.log.interactions import InteractionLog

_SHARE = 0.1
"""Share of the items that are dropped."""

ALWAYS_MET, NEVER_MET = np.iinfo(np.int64).min, np.iinfo(np.int64).max
"""Moments before and after all others."""


@dataclass(frozen=True)
class ItemDropout:
    """Items whose past is hidden before some moment.

    Attributes:
        dropped: (n_items,) True for these.
    """

    dropped: NDArray[np.bool_]

    @classmethod
    def draw(cls, n_items: int, seed: int) -> "ItemDropout":
        """Drop a share of the items."""
        return cls(np.random.default_rng([seed, n_items]).random(n_items) < _SHARE)

    def hide_past(self, log: InteractionLog, start: int) -> InteractionLog:
        """The log without the events of dropped items before `start` (microseconds), as if they were created then."""
        return log.select(~self.dropped[log.items] | (log.times >= start))


def moments_met(log: InteractionLog) -> NDArray[np.int64]:
    """(n_items,) microseconds of each item's first event, of any kind; `NEVER_MET` without one."""
    met = np.full(log.n_items, NEVER_MET)
    met[log.items[::-1]] = log.times[::-1]  # the oldest is written last
    return met
