"""The fold over the log that features read: user histories and item counters, at any past moment or now.

One structure serves both engines. For training it is built from a whole log and asked about millions of past moments;
online it takes each new event at once. Events live in a few immutable sorted segments, small ones merged into larger
ones as they come (O'Neil et al., The log-structured merge-tree, 1996), so that an answer is a sum over segments, and
late or equal timestamps need no special case. A reader sees one consistent tuple of segments without a lock.
"""

import threading
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from features.items_before import ItemsBefore, Question
from features.measures import Measure
from features.segment import Segment
from recsys.data.history import HistoryBatch
from recsys.data.interactions import InteractionLog

Counted = Literal["item_acts", "item_positives", "item_impressions"]
"""What can be counted besides events of one name: all but impressions, signs of interest, impressions."""

_MERGE_RATIO = 8
"""A segment is merged into the one before it when that one is less than this many times larger."""

_SMALL = 2_048
"""Segments of fewer events are always merged: one search in 2,000 events is cheaper than two in 1,000."""


class EventState:
    """All events known, answerable about any moment. Reading is safe while another thread appends."""

    def __init__(self, log: InteractionLog) -> None:
        self._segments: tuple[Segment, ...] = (Segment(log),)
        self._writing = threading.Lock()

    @property
    def latest(self) -> int:
        """Microseconds of the newest event; 0 when there is none."""
        return max((int(segment.log.times[-1]) for segment in self._segments if len(segment)), default=0)

    @property
    def log(self) -> InteractionLog:
        """All events in time order."""
        return InteractionLog.merged([segment.log for segment in self._segments])

    def append(self, log: InteractionLog) -> None:
        """Take new events. Numbers and event names must extend those known; times may be older than known ones."""
        if not len(log):
            return
        with self._writing:
            old, parts = list(self._segments), [log]
            size = len(log)
            while old and len(old[-1]) < max(_MERGE_RATIO * size, _SMALL):
                parts.insert(0, old.pop().log)
                size += len(parts[0])
            merged = Segment(InteractionLog.merged(parts) if len(parts) > 1 else log)
            merged.prepare(self._segments[0])
            self._segments = (*old, merged)

    def save(self, folder: Path) -> None:
        """Write a snapshot: all events, in time order."""
        self.log.save(folder)

    @classmethod
    def load(cls, folder: Path, n_items: int) -> "EventState":
        """Restore what `save` wrote; every answer is the same."""
        return cls(InteractionLog.load(folder, n_items))

    def before(self, items: NDArray[np.int32], rows: NDArray[np.int64], now: NDArray[np.int64]) -> ItemsBefore:
        """What happened to `items` (n_pairs,) before the moments `now` (n_requests,) of their requests, `rows`."""
        return ItemsBefore(self._segments, items, rows, now)

    def counts(
        self,
        counted: Counted,
        items: NDArray[np.int32],
        now: NDArray[np.int64],
        window: int | None = None,
    ) -> NDArray[np.float32]:
        """(m,) how often something happened to `items` (m,) in [now - window, now); all before `now` without one."""
        question = Question(Measure(counted), window)
        return self.before(items, np.arange(len(items)), now).answer(question).astype(np.float32)

    def last(self, counted: Counted, items: NDArray[np.int32], now: NDArray[np.int64]) -> NDArray[np.float64]:
        """(m,) the newest moment strictly before `now`, microseconds; NaN where there is none."""
        return now - self.before(items, np.arange(len(items)), now).answer(Question(Measure(counted, "last")))

    def first(self, counted: Counted, items: NDArray[np.int32], now: NDArray[np.int64]) -> NDArray[np.float64]:
        """(m,) the oldest moment, if strictly before `now`, microseconds; NaN where there is none."""
        return now - self.before(items, np.arange(len(items)), now).answer(Question(Measure(counted, "first")))

    def histories(self, users: NDArray[np.int32], now: NDArray[np.int64], limit: int) -> HistoryBatch:
        """The newest `limit` acts of each user (n_requests,) strictly before `now`; none for an unknown one, -1."""
        parts = [_newest(segment, users, now, limit) for segment in self._segments if len(segment.acts)]
        parts = [part for part in parts if len(part.items)] or parts[:1]
        if len(parts) == 1:
            return parts[0]
        if not parts:
            nothing = np.zeros(0, dtype=np.int32)
            offsets = np.zeros(len(users) + 1, dtype=np.int64)
            return HistoryBatch(
                offsets, nothing, nothing.astype(np.int8), nothing.astype(np.int64), nothing.astype(np.float32), now
            )
        return HistoryBatch.joined(*parts).newest(limit)


def _newest(segment: Segment, users: NDArray[np.int32], now: NDArray[np.int64], limit: int) -> HistoryBatch:
    stops = segment.by_user.stops(np.maximum(users, 0), now)
    starts = np.maximum(segment.by_user.starts(np.maximum(users, 0)), stops - limit)
    lengths = np.where(users >= 0, stops - starts, 0)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    places = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], lengths)
    chosen = segment.by_user.order[places]
    acts = segment.acts
    columns = (acts.items[chosen], acts.events[chosen], acts.times[chosen], acts.weights[chosen])
    return HistoryBatch(offsets, *columns, now)
