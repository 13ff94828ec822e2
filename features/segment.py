"""A run of events, sorted once so that any question about a past moment is a binary search."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from features.measures import Columns, Measure, columns_of
from recsys.data.interactions import InteractionLog

_PLACE_BITS = 32
_PLACES = (1 << _PLACE_BITS) - 1


class Timeline:
    """Things that happened to many entities, each entity's in the order of time; immutable.

    (entity, place in the order of time) is one sorted integer, so "how often before t" is two binary searches for any
    number of (entity, t) pairs at once. Before means strictly before.
    """

    def __init__(self, entities: NDArray[np.int32], times: NDArray[np.int64]) -> None:
        """Sort.

        Args:
            entities: (n,) numbers, 0 or above.
            times: (n,) microseconds.
        """
        if np.any(times[1:] < times[:-1]):
            by_time = np.argsort(times, kind="stable")
            entities, times = entities[by_time], times[by_time]
        self.times = times
        self.keys: NDArray[np.int64] = entities.astype(np.int64)
        self.keys <<= _PLACE_BITS
        self.keys |= np.arange(len(times))
        self.keys.sort()

    @cached_property
    def order(self) -> NDArray[np.uint32]:
        """(n,) places in the order of time, by entity, then time."""
        return (self.keys & _PLACES).astype(np.uint32)

    def first_keys(self, entities: NDArray[np.int32]) -> NDArray[np.int64]:
        """(m,) the key that each entity's things begin at."""
        return entities.astype(np.int64) << _PLACE_BITS

    def places(self, before: NDArray[np.int64]) -> NDArray[np.intp]:
        """(m,) how many things of all entities lie strictly before each moment."""
        return self.times.searchsorted(before, side="left")

    def starts(self, entities: NDArray[np.int32]) -> NDArray[np.intp]:
        """(m,) place in `order` of each entity's first thing."""
        return self.keys.searchsorted(self.first_keys(entities))

    def stops(self, entities: NDArray[np.int32], before: NDArray[np.int64]) -> NDArray[np.intp]:
        """(m,) place in `order` just behind each entity's last thing strictly before `before` (m,)."""
        return self.keys.searchsorted(self.first_keys(entities) | self.places(before))


class Segment:
    """A log with what features ask for, each part made at its first use."""

    def __init__(self, log: InteractionLog) -> None:
        self.log = log
        self._columns = columns_of((), log, np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.uint32))

    def __len__(self) -> int:
        return len(self.log)

    @cached_property
    def acts(self) -> InteractionLog:
        """The log without impressions: what users did."""
        shown = self.log.is_impression
        return self.log.select(~shown) if shown.any() else self.log

    @cached_property
    def by_user(self) -> Timeline:
        """Users' acts; places are those of `acts`."""
        return Timeline(self.acts.users, self.acts.times)

    @cached_property
    def by_item(self) -> Timeline:
        """Everything that happened to items; places are those of `log`."""
        return Timeline(self.log.items, self.log.times)

    def columns(self, measures: Sequence[Measure]) -> Columns:
        """At least these measures over `by_item`, computed once; ask for all at once where they are known."""
        columns = self._columns
        made = (*columns.sums, *columns.states)
        missing = [measure for measure in measures if measure not in made]
        if missing:
            items = self.by_item.keys >> _PLACE_BITS
            self._columns = columns = columns_of((*made, *missing), self.log, items, self.by_item.order)
        return columns

    def prepare(self, other: "Segment") -> None:
        """Make at once what readers have asked `other` for, so that none of them waits."""
        if "by_user" in other.__dict__:
            _ = self.by_user
        self.columns((*other._columns.sums, *other._columns.states))
