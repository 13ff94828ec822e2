"""Old items made new, so that the ranker learns how people take to what nobody has chosen yet.

In most windows few items are really new, and a catalogue holds things that nobody has ever met: from those the
ranker would learn that items without a past are not wanted. So those are left out, and a share of all items, drawn
evenly, has its past taken away, to tell what an item without a past is worth. Volkovs et al., DropoutNet, NeurIPS 2017,
hide the past at random for the same end.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.data.interactions import InteractionLog
from recsys.pipeline.moments import Moments

_SHARE = 0.1
"""Share of the items."""


@dataclass(frozen=True)
class Novices:
    """Items without a past before some moment.

    Attributes:
        chosen: (n_items,) True for these.
    """

    chosen: NDArray[np.bool_]

    @classmethod
    def draw(cls, n_items: int, seed: int) -> "Novices":
        """A share of the items."""
        return cls(np.random.default_rng([seed, n_items]).random(n_items) < _SHARE)

    def young(self, log: InteractionLog, start: int) -> InteractionLog:
        """The log without their events before `start` (microseconds), as if they came to be then."""
        return log.select(~self.chosen[log.items] | (log.times >= start))

    def wanted_in(self, moments: Moments, seed: int) -> Moments:
        """Requests that want one of them, no larger a share than theirs of the items: a basket often holds one."""
        wanted = np.bincount(moments.target_rows, weights=self.chosen[moments.target_items], minlength=len(moments))
        return moments.take(np.flatnonzero(wanted)).sample(math.ceil(_SHARE * len(moments)), seed)


def never_met(log: InteractionLog, end: int) -> NDArray[np.bool_]:
    """(n_items,) items without any event before `end`: what people would have made of them, nobody knows."""
    counts = np.bincount(log.before(end).items, minlength=log.n_items)
    return np.equal(counts, 0)
