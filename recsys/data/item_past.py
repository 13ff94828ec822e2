"""What a log tells of each item as a whole: how often it was wanted, and how long it was there for that."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.data.interactions import InteractionLog


@dataclass(frozen=True)
class ItemPast:
    """The signs of interest in each item.

    Attributes:
        counts: (n_items,) how many.
        worths: (n_items,) sum of their weights.
        firsts, lasts: (n_items,) microseconds of the first and the last one, NaN without any.
    """

    counts: NDArray[np.float64]
    worths: NDArray[np.float64]
    firsts: NDArray[np.float64]
    lasts: NDArray[np.float64]

    @classmethod
    def of(cls, log: InteractionLog) -> "ItemPast":
        """Look at a log that is already cut in time."""
        signs = log.positive()
        items, first_places = np.unique(signs.items, return_index=True)
        _, last_places = np.unique(signs.items[::-1], return_index=True)
        firsts, lasts = np.full((2, log.n_items), np.nan)
        firsts[items], lasts[items] = signs.times[first_places], signs.times[::-1][last_places]
        counts = np.bincount(signs.items, minlength=log.n_items).astype(np.float64)
        worths = np.bincount(signs.items, signs.weights, minlength=log.n_items).astype(np.float64)
        return cls(counts, worths, firsts, lasts)

    def extended(self, n_items: int) -> "ItemPast":
        """With further items, in which nobody has shown interest."""
        more = (0, n_items - len(self.counts))
        firsts, lasts = (np.pad(times, more, constant_values=np.nan) for times in (self.firsts, self.lasts))
        return ItemPast(np.pad(self.counts, more), np.pad(self.worths, more), firsts, lasts)

    def time_there(self, created: NDArray[np.float64], gone: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n_items,) how long each item was there, as a share of the time from the first sign of interest in any item
        to the last one.

        An item is taken to be there for as long before its first sign and after its last one as usually lies between
        two of its own, at the end at least as between two of a usual item. One that nobody wanted is there throughout.

        Args:
            created, gone: (n_items,) microseconds between which it can be there; NaN and inf where nothing tells.
        """
        wanted = self.counts > 0
        if not wanted.any():
            return np.zeros(len(wanted))
        begin, end = np.nanmin(self.firsts), np.nanmax(self.lasts)
        firsts, lasts = np.where(wanted, self.firsts, begin), np.where(wanted, self.lasts, end)
        between = np.where(self.counts > 1, (lasts - firsts) / np.maximum(self.counts - 1, 1), np.inf)
        starts = np.where(np.isnan(created), firsts - between, created)
        starts = np.where(wanted, np.minimum(starts, firsts), np.where(np.isnan(created), begin, created)).clip(begin)
        usual = np.sum((lasts - starts)[wanted]) / np.sum(self.counts)
        ends = lasts + np.maximum((lasts - starts) / np.maximum(self.counts, 1), usual)
        there = np.minimum(np.minimum(ends, end), gone) - starts
        return np.asarray(there.clip(0) / max(end - begin, 1.0))
