"""A run of events, sorted once so that any question about a past moment is a binary search."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from features.codes import PLACE_BITS
from features.compiled import fold
from features.measures import Columns, Measure
from recsys.data.interactions import InteractionLog

_PLACES = (1 << PLACE_BITS) - 1


def sorting_order(numbers: NDArray[np.int32]) -> NDArray[np.int64]:
    """(n,) places of numbers, 0 or above, in increasing order, equal ones as given: several times faster than argsort,
    because numpy sorts whole integers with vector instructions."""
    keys = _keys(numbers, np.arange(len(numbers)))
    keys.sort()
    keys &= _PLACES
    return keys


def _keys(entities: NDArray[np.int32], places: NDArray[np.int64]) -> NDArray[np.int64]:
    keys = entities.astype(np.int64)
    keys <<= PLACE_BITS
    keys |= places
    return keys


class Timeline:
    """Things that happened to many entities, each entity's in the order of time; immutable.

    (entity, place in the order of time) is one sorted integer, so "how often before t" is two binary searches.

    Attributes:
        keys: (n,) those integers.
        times: (n,) microseconds, in order.
    """

    def __init__(self, entities: NDArray[np.int32], times: NDArray[np.int64]) -> None:
        """Sort.

        Args:
            entities: (n,) numbers, 0 or above.
            times: (n,) microseconds, in order.
        """
        self.times = times
        self.keys = _keys(entities, np.arange(len(times)))
        self.keys.sort()

    def __len__(self) -> int:
        return len(self.times)


class ItemEvents:
    """What happened to items in a segment: all acts, or all impressions."""

    def __init__(self, log: InteractionLog, chosen: NDArray[np.bool_]) -> None:
        """Choose.

        Args:
            log: the segment's events.
            chosen: (n_events,) True where an event is one of these.
        """
        self.log = log
        self.chosen = np.flatnonzero(chosen).astype(np.uint32)
        self.times = log.times[self.chosen]
        self._columns = Columns((), (), (), np.empty((0, 0)), np.empty((0, 0)))

    def __len__(self) -> int:
        return len(self.chosen)

    def items(self, places: slice = slice(None)) -> NDArray[np.int32]:
        """Items of the events at some places in the order of time."""
        return self.log.items[self.chosen[places]]

    @cached_property
    def timeline(self) -> Timeline:
        """The events by item."""
        return Timeline(self.items(), self.times)

    def columns(self, measures: tuple[Measure, ...]) -> Columns:
        """At least these measures over the timeline, computed once; ask for all at once where they are known."""
        made = self._columns.measures
        if measures != made and not set(measures) <= set(made):
            self._columns = self._fold(tuple(dict.fromkeys((*made, *measures))))
        return self._columns

    def _fold(self, measures: tuple[Measure, ...]) -> Columns:
        log, keys = self.log, self.timeline.keys
        sums = tuple(measure for measure in measures if measure.is_sum)
        states = tuple(measure for measure in measures if not measure.is_sum)
        shapes = (len(self) + 1, len(sums)), (len(self) + 1, len(states))
        columns = Columns((*sums, *states), sums, states, np.empty(shapes[0]), np.empty(shapes[1]))
        fold(
            keys,
            self.chosen,
            log.events,
            log.weights,
            log.values,
            log.positions,
            log.times,
            np.array([measure.codes(log.event_names) for measure in sums], dtype=np.int64).reshape(-1, 2),
            np.array([measure.codes(log.event_names) for measure in states], dtype=np.int64).reshape(-1, 2),
            np.array([measure.half_life for measure in states], dtype=np.float64),
            columns.running,
            columns.known,
        )
        return columns


class Segment:
    """A log with what features ask for, each part made at its first use."""

    def __init__(self, log: InteractionLog) -> None:
        self.log = log

    def __len__(self) -> int:
        return len(self.log)

    @cached_property
    def by_user(self) -> Timeline:
        """Users' acts; places are those of `item_acts.chosen`."""
        acts = self.item_acts
        return Timeline(self.log.users[acts.chosen], acts.times)

    @cached_property
    def item_acts(self) -> ItemEvents:
        """What was done with items."""
        return ItemEvents(self.log, ~self.log.is_impression)

    @cached_property
    def item_impressions(self) -> ItemEvents:
        """How items were shown."""
        return ItemEvents(self.log, self.log.is_impression)

    def item_events(self, *, impressions: bool) -> ItemEvents:
        """One of the two."""
        return self.item_impressions if impressions else self.item_acts
