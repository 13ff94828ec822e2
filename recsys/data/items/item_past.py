"""How often each item was wanted over the whole log, and how long it was there to be wanted."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.data.log.interactions import InteractionLog

_MOMENTS = 1_001
"""Moments by which time is counted."""


@dataclass(frozen=True)
class ItemPast:
    """The positive events of each item.

    Attributes:
        counts: (n_items,) how many.
        weights: (n_items,) sum of their weights.
        firsts, lasts: (n_items,) microseconds of the first and the last one, NaN without any.
        clock: (n_moments,) microseconds between which equally many positive events lie, from the first to the last.
    """

    counts: NDArray[np.float64]
    weights: NDArray[np.float64]
    firsts: NDArray[np.float64]
    lasts: NDArray[np.float64]
    clock: NDArray[np.float64]

    @classmethod
    def of(cls, log: InteractionLog) -> "ItemPast":
        """Look at a log that is already cut in time."""
        positive = log.positive()
        items, first_indices = np.unique(positive.items, return_index=True)
        _, last_indices = np.unique(positive.items[::-1], return_index=True)
        firsts, lasts = np.full((2, log.n_items), np.nan)
        firsts[items], lasts[items] = positive.times[first_indices], positive.times[::-1][last_indices]
        counts = np.bincount(positive.items, minlength=log.n_items).astype(np.float64)
        weights = np.bincount(positive.items, positive.weights, minlength=log.n_items).astype(np.float64)
        clock = np.quantile(positive.times, np.linspace(0, 1, _MOMENTS)) if len(positive) else np.zeros(1)
        return cls(counts, weights, firsts, lasts, clock)

    def extended(self, n_items: int) -> "ItemPast":
        """With further items, in which nobody has shown interest."""
        more = (0, n_items - len(self.counts))
        firsts, lasts = (np.pad(times, more, constant_values=np.nan) for times in (self.firsts, self.lasts))
        return ItemPast(np.pad(self.counts, more), np.pad(self.weights, more), firsts, lasts, self.clock)

    def share_there(self, created: NDArray[np.float64], gone: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n_items,) share of all positive events that fall into the time when each item was there.

        Time is measured in positive events of all items, because the early days of a shop that has grown say little.
        If nothing says when an item came, it is taken to be there from before its first event on, and in any case until
        after its last one: by as long as passes on average between two of its events (counted from its creation, if
        that is known), or between two of a typical item if that is longer. So an item with a single event and without a
        creation is there throughout, as is one that nobody wanted, within the times that are given.

        Args:
            created, gone: (n_items,) microseconds between which it can be there; NaN and inf where that is not known.
        """
        wanted, several = self.counts > 0, self.counts > 1
        if not wanted.any():
            return np.zeros(len(wanted))
        firsts, lasts, created, gone = (
            np.interp(times, self.clock, np.linspace(0, 1, len(self.clock)))
            for times in (self.firsts, self.lasts, created, gone)
        )
        firsts, lasts = np.where(wanted, firsts, 0), np.where(wanted, lasts, 1)
        between = np.where(several, (lasts - firsts) / np.maximum(self.counts - 1, 1), np.inf)
        usual = np.sum((lasts - firsts)[several]) / max(np.sum(self.counts[several] - 1), 1)
        before = np.maximum(between, usual)
        starts = np.where(np.isnan(created), firsts - before, np.where(wanted, np.minimum(created, firsts), created))
        starts = np.where(wanted | ~np.isnan(created), starts, 0).clip(0)
        after = np.where(np.isnan(created), between, (lasts - starts) / np.maximum(self.counts, 1))
        ends = np.minimum(lasts + np.maximum(after, usual), 1)
        return np.asarray((np.minimum(ends, gone) - starts).clip(0))
