"""A stretch of events, sorted once, so that any question about a past moment is a binary search."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.loops.codes import INDEX_BITS
from features.loops.timelines import LogColumns, MeasureCodes, fill_running_columns
from features.measures import Measure, RunningColumns
from recsys.data.log.interactions import InteractionLog

_INDICES = (1 << INDEX_BITS) - 1

NewTable = Callable[[str, tuple[int, int]], NDArray[np.float64]]
"""Makes a table to be filled, by its name and shape."""


def sorting_order(numbers: NDArray[np.int32]) -> NDArray[np.int64]:
    """(n,) indices of numbers, 0 or above, in increasing order, equal ones as given: several times faster than argsort,
    because numpy sorts whole integers with vector instructions."""
    keys = _keys(numbers, np.arange(len(numbers)))
    keys.sort()
    keys &= _INDICES
    return keys


def _keys(entities: NDArray[np.int32], indices: NDArray[np.int64]) -> NDArray[np.int64]:
    keys = entities.astype(np.int64)
    keys <<= INDEX_BITS
    keys |= indices
    return keys


class Timeline(NamedTuple):
    """What happened to many entities (users, items), for each entity in the order of time; immutable.

    (entity, index in the order of time) is one sorted integer, so "how often before t" is two binary searches.

    Attributes:
        keys: (n,) those integers.
        times: (n,) microseconds, in order.
    """

    keys: NDArray[np.int64]
    times: NDArray[np.int64]

    @classmethod
    def of(cls, entities: NDArray[np.int32], times: NDArray[np.int64]) -> "Timeline":
        """Sort what happened to entities (n,), numbers of 0 or above, at times (n,), microseconds in order."""
        keys = _keys(entities, np.arange(len(times)))
        keys.sort()
        return cls(keys, times)


class ItemEvents:
    """What happened to items in a segment: all acts, or all impressions."""

    def __init__(self, log: InteractionLog, chosen: NDArray[np.uint32], times: NDArray[np.int64]) -> None:
        """Choose.

        Args:
            log: the segment's events.
            chosen: (n,) indices of these, increasing.
            times: (n,) theirs.
        """
        self.log = log
        self.chosen = chosen
        self.times = times
        self._columns = RunningColumns((), (), (), np.empty((0, 0)), np.empty((0, 0)))

    @classmethod
    def of(cls, log: InteractionLog, chosen: NDArray[np.bool_]) -> "ItemEvents":
        """The events of a log where `chosen` (n_events,) is True."""
        indices = np.flatnonzero(chosen).astype(np.uint32)
        return cls(log, indices, log.times[indices])

    @classmethod
    def known(
        cls, log: InteractionLog, chosen: NDArray[np.uint32], timeline: Timeline, columns: RunningColumns
    ) -> "ItemEvents":
        """With a timeline and columns that were already computed from the same log."""
        events = cls(log, chosen, timeline.times)
        events._columns = columns
        vars(events)["timeline"] = timeline
        return events

    def __len__(self) -> int:
        return len(self.chosen)

    def items(self) -> NDArray[np.int32]:
        """Items of the events, in the order of time."""
        return self.log.items[self.chosen]

    @cached_property
    def timeline(self) -> Timeline:
        """The events by item."""
        return Timeline.of(self.items(), self.times)

    def columns(self, measures: tuple[Measure, ...]) -> RunningColumns:
        """At least these measures over the timeline, which are kept: it is fastest to ask for all of them at once."""
        made = self._columns.measures
        if measures != made and not set(measures) <= set(made):
            self._columns = self.folded(tuple(dict.fromkeys((*made, *measures))))
        return self._columns

    def folded(
        self, measures: Sequence[Measure], new: NewTable = lambda name, shape: np.empty(shape)
    ) -> RunningColumns:
        """The measures over the timeline; `new` makes the tables of sums and of states, which are filled here."""
        log, keys = self.log, self.timeline.keys
        sums = tuple(measure for measure in measures if measure.is_sum)
        states = tuple(measure for measure in measures if not measure.is_sum)
        running, known = new("running", (len(self) + 1, len(sums))), new("known", (len(self) + 1, len(states)))
        columns = RunningColumns((*sums, *states), sums, states, running, known)
        codes = MeasureCodes(
            np.array([measure.codes(log.event_names) for measure in sums], dtype=np.int64).reshape(-1, 2),
            np.array([measure.codes(log.event_names) for measure in states], dtype=np.int64).reshape(-1, 2),
            np.array([measure.half_life for measure in states], dtype=np.float64),
        )
        looked_at = LogColumns(log.events, log.weights, log.values, log.positions, log.times)
        fill_running_columns(keys, self.chosen, looked_at, codes, running, known)
        return columns


class Segment:
    """A log with what features ask for, each part made at its first use.

    Attributes:
        log: the events.
        name: of the folder that all is mapped from; empty for a segment in memory.
    """

    def __init__(self, log: InteractionLog, name: str = "") -> None:
        self.log = log
        self.name = name

    def __len__(self) -> int:
        return len(self.log)

    @cached_property
    def by_user(self) -> Timeline:
        """Users' acts; indices are those of `item_acts.chosen`."""
        acts = self.item_acts
        return Timeline.of(self.log.users[acts.chosen], acts.times)

    @cached_property
    def shown_to(self) -> Timeline:
        """What users were shown; indices are those of `item_impressions.chosen`."""
        shown = self.item_impressions
        return Timeline.of(self.log.users[shown.chosen], shown.times)

    @cached_property
    def item_acts(self) -> ItemEvents:
        """What was done with items."""
        return ItemEvents.of(self.log, ~self.log.is_impression)

    @cached_property
    def item_impressions(self) -> ItemEvents:
        """What was shown: the impressions."""
        return ItemEvents.of(self.log, self.log.is_impression)

    def item_events(self, *, impressions: bool) -> ItemEvents:
        """Impressions, or what was done with items."""
        return self.item_impressions if impressions else self.item_acts
