"""The fold over the log that features read: user histories and item counters, at any past moment or now.

One structure serves both engines. For training it is built from a whole log and asked about millions of past moments;
online it takes each new event at once. Events live in a few immutable sorted segments, small ones merged into larger
ones as they come (O'Neil et al., The log-structured merge-tree, 1996), so that an answer is a sum over segments, and
late or equal timestamps need no special case. A reader sees one consistent tuple of segments without a lock.
"""

import threading
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.item_cache import ItemColumnCache, ItemColumns
from features.loops.history import copy_acts, find_acts
from features.measures import Measure
from features.questions import Question, Questions
from features.segment import ItemEvents, Segment, Timeline
from recsys.arrays.ragged import entries, offsets_of
from recsys.data.log.history import HistoryBatch, ItemWeights
from recsys.data.log.history_loops import sum_by_item
from recsys.data.log.interactions import InteractionLog
from recsys.data.log.merging import merge_segments

Counted = Literal["item_acts", "item_positives", "item_impressions"]
"""What can be counted besides events of one name: all but impressions, positive events, impressions."""

_MERGE_RATIO = 8
"""A segment is merged into the one before it if that one is less than this many times larger."""

_SMALL = 1_024
"""Segments of fewer events are always merged: one search in 1,000 events is cheaper than two in 500."""


def _joins(size: int, newer: int) -> bool:
    """Whether a segment of this size is merged with the newer one after it."""
    return size < max(_MERGE_RATIO * newer, _SMALL)


def compacted(segments: Sequence[Segment]) -> list[list[Segment]]:
    """Segments in groups, each of which is to be one segment on disk; a group of one with a name is on disk already."""
    groups: list[list[Segment]] = []
    for segment in reversed(segments):
        if groups and _joins(len(segment), sum(map(len, groups[0]))):
            groups[0].insert(0, segment)
        elif len(segment):
            groups.insert(0, [segment])
    return groups


@cache
def _count(counted: Counted, window: int | None) -> Questions:
    """One question, kept because every list asks it, and preparing it takes longer than answering it."""
    return Questions([Question(Measure(counted), window)])


class _KeptPositives(NamedTuple):
    """What `EventState.newest_positives` found last for one moment: of two lists in a row, often no event separates
    them."""

    segments: tuple[Segment, ...]
    """all events"""
    stops: NDArray[np.int64]
    """(n_segments, 1) how many acts of each lie before the moment"""
    n: int
    """positive events that count"""
    n_items: int
    """items that count"""
    found: ItemWeights

    def are_for(self, segments: tuple[Segment, ...], stops: NDArray[np.int64], n: int, n_items: int) -> bool:
        """Whether what was found answers this call too, for all of its moments: `stops` is (n_segments, n_moments)."""
        same = self.segments is segments and (self.n, self.n_items) == (n, n_items)
        return same and bool(np.all(stops == self.stops))


class EventState:
    """All events known, answerable about any moment. Reading is safe while another thread appends."""

    def __init__(self, *parts: InteractionLog | Segment) -> None:
        """Begin with these events, in the order in which they came."""
        self._segments = tuple(part if isinstance(part, Segment) else Segment(part) for part in parts)
        self._writing = threading.Lock()
        self._asking = threading.Lock()
        self._cache: ItemColumnCache | None = None
        self._kept_positives: _KeptPositives | None = None

    @property
    def latest(self) -> int:
        """Microseconds of the newest event; 0 when there is none."""
        return max((int(segment.log.times[-1]) for segment in self._segments if len(segment)), default=0)

    def known_until(self, now: NDArray[np.int64]) -> NDArray[np.int64]:
        """(n,) microseconds just after the newest event strictly before each of the moments `now` (n,); without one,
        the moment itself.

        Nothing is known of the time since then: if a log ends a week ago, that does not mean a week without events.
        """
        found = np.full(len(now), np.iinfo(np.int64).min)
        for segment in self._segments:
            n_before = np.searchsorted(segment.log.times, now)
            known = n_before > 0
            found[known] = np.maximum(found[known], segment.log.times[n_before[known] - 1])
        return np.where(found == np.iinfo(np.int64).min, now, found + 1)

    def __len__(self) -> int:
        return sum(map(len, self._segments))

    @property
    def has_unequal_weights(self) -> bool:
        """Whether some acts weigh more than others."""
        return len({weight for segment in self._segments for weight in segment.log.act_weights.tolist()}) > 1

    @property
    def has_impressions(self) -> bool:
        """Whether it is known of anything that it was shown."""
        return any(segment.log.is_impression.any() for segment in self._segments)

    @property
    def event_names(self) -> tuple[str, ...]:
        """The names of all events, in the order of their numbers."""
        return max((segment.log.event_names for segment in self._segments), key=len, default=())

    @property
    def segments(self) -> tuple[Segment, ...]:
        """All events, by when they came; a tuple that does not change."""
        return self._segments

    @property
    def in_memory(self) -> int:
        """How many of the events are in this process's own memory."""
        return sum(len(segment) for segment in self._segments if not segment.name)

    def append(self, log: InteractionLog) -> None:
        """Take new events. Numbers and event names must extend those known; times may be older than known ones."""
        if not len(log):
            return
        with self._writing:
            old, parts = list(self._segments), [log]
            size = len(log)
            while old and not old[-1].name and _joins(len(old[-1]), size):
                parts.insert(0, old.pop().log)
                size += len(parts[0])
            merged = Segment(merge_segments(parts) if len(parts) > 1 else log)
            with self._asking:
                self._segments = (*old, merged)
                if self._cache is not None:
                    self._cache.forget(log.items)

    def fill_item_columns(
        self,
        columns: ItemColumns,
        items: NDArray[np.int32],
        rows: NDArray[np.int64],
        now: NDArray[np.int64],
        table: NDArray[np.float32],
    ) -> None:
        """Fill in `table` (n_pairs, n_features) what happened to `items` (n_pairs,) before the moments `now`
        (n_requests,) of their requests, `rows`. If all requests have one moment, as in serving, they use a cache."""
        if not len(now) or np.any(now != now[0]):
            columns.fill_from_answers(self.answers(columns.questions, items, rows, now), columns.to, table)
            return
        with self._asking:
            cache = self._cache
            if cache is None or cache.columns is not columns:
                self._cache = cache = ItemColumnCache(columns)
            cache.fill(self._segments, items, int(now[0]), table)

    def answers(
        self, questions: Questions, items: NDArray[np.int32], rows: NDArray[np.int64], now: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """(n_pairs, n_questions) see `Questions.answers`."""
        return questions.answers(self._segments, items, rows, now)

    def counts(
        self,
        counted: Counted,
        items: NDArray[np.int32],
        now: NDArray[np.int64],
        window: int | None = None,
    ) -> NDArray[np.float32]:
        """(m,) how often something happened to `items` (m,) in [now - window, now); all before `now` without one."""
        found = self.answers(_count(counted, window), items, np.arange(len(items)), now)
        return np.asarray(found[:, 0], dtype=np.float32)

    def histories(self, users: NDArray[np.int32], now: NDArray[np.int64], limit: int) -> HistoryBatch:
        """The newest `limit` acts of each user (n_requests,) strictly before `now`; none for an unknown one, -1."""
        found = (_newest(one, one.by_user, one.item_acts, users, now, limit) for one in self._segments)
        return _joined(found, now, limit)

    def shown(self, users: NDArray[np.int32], now: NDArray[np.int64], limit: int) -> HistoryBatch:
        """The newest `limit` impressions of each user (n_requests,) strictly before `now`, in the form of histories;
        none for an unknown one, -1."""
        found = (_newest(one, one.shown_to, one.item_impressions, users, now, limit) for one in self._segments)
        return _joined(found, now, limit)

    def newest_positives(self, now: NDArray[np.int64], n: int, n_items: int) -> ItemWeights:
        """The items of the newest `n` positive events of anybody strictly before each of the moments `now`
        (n_requests,), with the sum of their weights; an event counts half after n / 4 newer ones.

        Only items below `n_items` count: events may name items that came after a caller took its catalogue.
        """
        segments = self._segments
        stops = np.empty((len(segments), len(now)), dtype=np.int64)
        for own, segment in zip(stops, segments, strict=True):
            own[:] = np.searchsorted(segment.item_acts.times, now)
        kept = self._kept_positives
        if kept is not None and kept.are_for(segments, stops, n, n_items):
            found, rows = kept.found, np.zeros(len(now), dtype=np.int64)
        else:
            distinct, rows = np.unique(stops, axis=1, return_inverse=True)
            found = _decayed(segments, distinct, n, n_items)
            if len(found.offsets) == 2:
                self._kept_positives = _KeptPositives(segments, distinct, n, n_items, found)
        indices, counts = entries(found.offsets, rows)
        return ItemWeights(offsets_of(counts), found.items[indices], found.values[indices])


def _decayed(segments: Sequence[Segment], stops: NDArray[np.int64], n: int, n_items: int) -> ItemWeights:
    """The decayed weights of the newest `n` positive events before `stops` (n_segments, n_moments)."""
    decay = (0.5 ** (np.arange(n - 1, -1, -1) * (4 / n))).astype(np.float32)
    items, values = [np.zeros(0, dtype=np.int32)], [decay[:0]]
    for own in stops.T.tolist():
        parts = [
            _newest_positives_of(segment, stop, n, n_items) for segment, stop in zip(segments, own, strict=True) if stop
        ]
        if parts:
            times, chosen, weights = (np.concatenate(columns) for columns in zip(*parts, strict=True))
            newest = np.argsort(times, kind="stable")[-n:] if len(parts) > 1 else np.arange(len(times))[-n:]
            items.append(chosen[newest])
            values.append(weights[newest] * decay[n - len(newest) :])
        else:
            items.append(items[0])
            values.append(values[0])
    offsets = np.cumsum([len(one) for one in items], dtype=np.int64)
    return ItemWeights(*sum_by_item(offsets, np.concatenate(items), np.concatenate(values)))


def _newest_positives_of(
    segment: Segment, stop: int, n: int, n_items: int
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
    """Times, items and weights of at least the newest `n` positive events, if there are so many, among the first
    `stop` acts."""
    acts, log = segment.item_acts, segment.log
    looked_at = n
    while True:  # acts without interest may lie between
        start = max(0, stop - looked_at)
        indices = acts.chosen[start:stop]
        items, weights = log.items[indices], log.weights[indices]
        wanted = (weights > 0) & (items < n_items)
        if start == 0 or np.count_nonzero(wanted) >= n:
            return acts.times[start:stop][wanted], items[wanted], weights[wanted]
        looked_at *= 4


def _newest(
    segment: Segment,
    by_user: Timeline,
    events: ItemEvents,
    users: NDArray[np.int32],
    now: NDArray[np.int64],
    limit: int,
) -> HistoryBatch | None:
    """See `EventState.histories`: the part of one segment, None if it has none.

    Args:
        by_user: the timeline of users over `events`.
        events: the segment's acts, or its impressions.
    """
    log, starts, offsets = segment.log, np.empty(len(users), dtype=np.int64), np.empty(len(users) + 1, dtype=np.int64)
    if not find_acts(by_user.keys, by_user.times, users, now, limit, starts, offsets):
        return None
    known = by_user.keys, by_user.times, events.chosen, log.items, log.events, log.weights
    return HistoryBatch(*copy_acts(*known, starts, offsets), now)


def _joined(parts: Iterable[HistoryBatch | None], now: NDArray[np.int64], limit: int) -> HistoryBatch:
    """The newest `limit` events of each request (n_requests,) in these parts; None is a part without any."""
    found = [part for part in parts if part is not None]
    if len(found) == 1:
        return found[0]
    if found:
        return HistoryBatch.joined(*found).newest(limit)
    nothing, offsets = np.zeros(0, dtype=np.int32), np.zeros(len(now) + 1, dtype=np.int64)
    return HistoryBatch(
        offsets, nothing, nothing.astype(np.int8), nothing.astype(np.int64), nothing.astype(np.float32), now
    )
