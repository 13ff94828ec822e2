"""What happened to items before the moments of their requests: every question of a block answered in one pass."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.decay import fading
from features.measures import Measure
from features.segment import Segment


class Question(NamedTuple):
    """A measure, of all the past or, for a sum, of the window [request - window, request) in microseconds."""

    measure: Measure
    window: int | None = None


class ItemsBefore:
    """Pairs of an item and a request's moment, asked about the past: an answer knows what is strictly before."""

    def __init__(
        self,
        segments: Sequence[Segment],
        items: NDArray[np.int32],
        rows: NDArray[np.int64],
        now: NDArray[np.int64],
    ) -> None:
        """Say what will be asked about.

        Args:
            segments: all events.
            items: (n_pairs,) numbers.
            rows: (n_pairs,) request of each pair.
            now: (n_requests,) moment of each request, microseconds.
        """
        # Searches for items in order stay where the one before has been, which is in the processor's cache.
        self._order = None if np.all(items[1:] >= items[:-1]) else np.argsort(items, kind="stable")
        if self._order is not None:
            items, rows = items[self._order], rows[self._order]
        self._segments, self._items, self._rows, self._now = segments, items, rows, now
        self._answers: dict[Question, NDArray[np.float64]] = {}

    def answer(self, question: Question) -> NDArray[np.float64]:
        """(n_pairs,) a sum, 0 without events; a decayed count; microseconds since the first or last event, or NaN."""
        if question not in self._answers:
            self.expect((question,))
        return self._answers[question]

    def expect(self, questions: Collection[Question]) -> None:
        """Answer many questions, with one search in each segment."""
        windows = tuple({question.window: None for question in questions})
        measures = tuple({question.measure: None for question in questions})
        sums = tuple(measure for measure in measures if measure.is_sum)
        states = tuple(measure for measure in measures if not measure.is_sum)
        totals = np.zeros((len(windows), len(self._items), len(sums)))
        known = np.empty((len(states), len(self._items)))
        for row, measure in enumerate(states):
            known[row] = 0.0 if measure.what == "decayed" else np.nan
        for segment in self._segments:
            if len(segment):
                self._add(segment, measures, windows, totals, known)
        if self._order is not None:
            totals[:, self._order], known[:, self._order] = totals.copy(), known.copy()
        for question in questions:
            if question.measure.is_sum:
                found = totals[windows.index(question.window), :, sums.index(question.measure)]
            else:
                found = known[states.index(question.measure)]
            self._answers[question] = found

    def _add(
        self,
        segment: Segment,
        measures: Sequence[Measure],
        windows: Sequence[int | None],
        totals: NDArray[np.float64],
        known: NDArray[np.float64],
    ) -> None:
        """Add what one segment knows to `totals` (n_windows, n_pairs, n_sums) and `known` (n_states, n_pairs)."""
        timeline, columns = segment.by_item, segment.columns(measures)
        rows, pairs = self._rows, slice(None)
        keys = timeline.first_keys(self._items)
        # Places of each window's begin, then of the request: an edge is a place among all events of the segment.
        edges = np.empty((len(windows) + 1, len(self._now)), dtype=np.int64)
        for place, window in enumerate(windows):
            edges[place] = 0 if window is None else timeline.places(self._now - window)
        edges[-1] = timeline.places(self._now)
        found = timeline.keys.searchsorted(keys | edges[:, rows] if len(self._now) > 1 else keys | edges)
        first = timeline.keys.searchsorted(keys) if None not in windows else found[windows.index(None)]
        stops = found[-1]
        there: slice | NDArray[np.intp] = pairs
        if not np.all(stops > first):
            there = np.flatnonzero(stops > first)
            if not len(there):
                return
            found, stops, rows = found[:, there], stops[there], rows[there]
        if sums := tuple(measure for measure in measures if measure.is_sum):
            running = columns.running.take(found, axis=0)  # (n_windows + 1, n_there, n_columns)
            if sums != columns.sums:
                running = running[:, :, [columns.sums.index(measure) for measure in sums]]
            totals[:, there] += running[-1] - running[:-1]
        states = [measure for measure in measures if not measure.is_sum]
        if states:
            now = self._now[rows]
            newest = timeline.times[timeline.order[stops - 1]]
            values = columns.known[stops]
            for row, measure in enumerate(states):
                own = values[:, columns.states.index(measure)]
                if measure.what == "decayed":
                    known[row, there] += own * fading(now - newest, measure.half_life)
                elif measure.what == "last":
                    known[row, there] = np.fmin(known[row, there], now - own)
                else:
                    known[row, there] = np.fmax(known[row, there], now - own)
