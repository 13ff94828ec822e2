"""A run of events, sorted once so that any question about a past moment is a binary search."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from recsys.data.interactions import InteractionLog

_RANK_BITS = 32


class Timeline:
    """The moments at which things happened to many entities; immutable.

    Every moment becomes its rank among the distinct moments, and (entity, rank) one sorted integer, so "how often
    before t" is two binary searches for any number of (entity, t) pairs at once. Before means strictly before.
    """

    def __init__(self, entities: NDArray[np.int32], times: NDArray[np.int64]) -> None:
        """Sort the moments.

        Args:
            entities: (n,) numbers, 0 or above.
            times: (n,) microseconds.
        """
        self._moments, ranks = np.unique(times, return_inverse=True)
        keys = (entities.astype(np.int64) << _RANK_BITS) | ranks
        self.order: NDArray[np.intp] = np.argsort(keys, kind="stable")  # (n,) by entity, then time
        self._keys = keys[self.order]
        self._times = times[self.order]

    def starts(self, entities: NDArray[np.int32]) -> NDArray[np.intp]:
        """(m,) place in `order` of each entity's first moment."""
        return np.searchsorted(self._keys, entities.astype(np.int64) << _RANK_BITS)

    def stops(self, entities: NDArray[np.int32], before: NDArray[np.int64]) -> NDArray[np.intp]:
        """(m,) place in `order` just behind each entity's last moment strictly before `before` (m,)."""
        ranks = np.searchsorted(self._moments, before, side="left")
        return np.searchsorted(self._keys, (entities.astype(np.int64) << _RANK_BITS) | ranks)

    def last(self, entities: NDArray[np.int32], before: NDArray[np.int64]) -> NDArray[np.float64]:
        """(m,) the newest moment strictly before `before`, microseconds; NaN where there is none."""
        starts, stops = self.starts(entities), self.stops(entities, before)
        return self._at(stops - 1, stops > starts)

    def first(self, entities: NDArray[np.int32], before: NDArray[np.int64]) -> NDArray[np.float64]:
        """(m,) the oldest moment, if strictly before `before`, microseconds; NaN where there is none."""
        starts, stops = self.starts(entities), self.stops(entities, before)
        return self._at(starts, stops > starts)

    def _at(self, places: NDArray[np.intp], exists: NDArray[np.bool_]) -> NDArray[np.float64]:
        found = np.full(len(places), np.nan)
        found[exists] = self._times[places[exists]]
        return found


class Segment:
    """A log with the timelines that features ask for, each sorted at its first use."""

    def __init__(self, log: InteractionLog) -> None:
        self.log = log

    def __len__(self) -> int:
        return len(self.log)

    @cached_property
    def acts(self) -> InteractionLog:
        """The log without impressions: what users did."""
        return self.log.select(~self.log.is_impression)

    @cached_property
    def by_user(self) -> Timeline:
        """Users' acts."""
        return Timeline(self.acts.users, self.acts.times)

    @cached_property
    def item_acts(self) -> Timeline:
        """What was done with items, a sign of interest or not."""
        return Timeline(self.acts.items, self.acts.times)

    @cached_property
    def item_positives(self) -> Timeline:
        """Signs of interest in items."""
        positive = self.acts.positive()
        return Timeline(positive.items, positive.times)

    @cached_property
    def item_impressions(self) -> Timeline:
        """Showings of items."""
        shown = self.log.select(self.log.is_impression)
        return Timeline(shown.items, shown.times)
