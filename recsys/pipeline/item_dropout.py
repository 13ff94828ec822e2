"""Item dropout: the past of some items is hidden in training, so that the ranker learns what cold items are worth.

In most windows few items are really new, and a catalogue holds items that nobody has ever met: from those the ranker
would learn that items without a past are not wanted. So those are left out, and a share of all items, drawn evenly,
has its past hidden. Volkovs et al., DropoutNet: addressing cold start in recommender systems, NeurIPS 2017.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.data.interactions import InteractionLog
from recsys.pipeline.past_requests import PastRequests

_SHARE = 0.1
"""Share of the items that are dropped."""


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

    def wanting_dropped(self, requests: PastRequests, seed: int) -> PastRequests:
        """Requests that want a dropped item, drawn down to the share of items dropped: a basket often holds one."""
        wanted = np.bincount(requests.target_rows, weights=self.dropped[requests.target_items], minlength=len(requests))
        return requests.take(np.flatnonzero(wanted)).sample(math.ceil(_SHARE * len(requests)), seed)


def items_without_events(log: InteractionLog, end: int) -> NDArray[np.bool_]:
    """(n_items,) True for items without any event before `end`: what people would have made of them is not known."""
    counts = np.bincount(log.before(end).items, minlength=log.n_items)
    return np.equal(counts, 0)
