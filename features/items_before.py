"""What happened to items before the moments of their requests, each search made once for all features of a block."""

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from features.decay import fading
from features.segment import Segment


class ItemsBefore:
    """Pairs of an item and a request's moment, asked about the past: an answer knows what is strictly before.

    A window [now - window, now) holds its start. Windows and half-lives are microseconds.
    """

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
            now: (n_requests,) moment of each request.
        """
        # Searches for items in order stay where the one before has been, which is in the processor's cache.
        self._order = None if np.all(items[1:] >= items[:-1]) else np.argsort(items, kind="stable")
        if self._order is not None:
            items, rows = items[self._order], rows[self._order]
        self._size = len(items)
        self._parts = [part for segment in segments if len(segment) and len(part := _Part(segment, items, rows, now))]

    def count(self, counted: str, window: int | None = None) -> NDArray[np.float32]:
        """(n_pairs,) how often something happened: see `Segment.happenings`."""
        return self._summed(lambda part: part.count(counted, window)).astype(np.float32)

    def total(self, counted: str, quantity: str, window: int | None = None) -> NDArray[np.float64]:
        """(n_pairs,) sum of a quantity of what happened: see `Segment.totals`."""
        return self._summed(lambda part: part.total(counted, quantity, window))

    def decayed(self, counted: str, half_life: int) -> NDArray[np.float64]:
        """(n_pairs,) how often something happened, an event counting half after each half-life."""
        return self._summed(lambda part: part.decayed(counted, half_life))

    def since_last(self, counted: str) -> NDArray[np.float64]:
        """(n_pairs,) microseconds since it happened last; NaN where it never did."""
        return self._reduced(np.fmin, lambda part: part.since(counted, newest=True))

    def since_first(self, counted: str) -> NDArray[np.float64]:
        """(n_pairs,) microseconds since it happened first; NaN where it never did."""
        return self._reduced(np.fmax, lambda part: part.since(counted, newest=False))

    def _summed(self, answer: Callable[["_Part"], NDArray[np.float64]]) -> NDArray[np.float64]:
        total = np.zeros(self._size)
        for part in self._parts:
            total[part.pairs] += answer(part)
        return self._as_asked(total)

    def _reduced(self, better: np.ufunc, answer: Callable[["_Part"], NDArray[np.float64]]) -> NDArray[np.float64]:
        best = np.full(self._size, np.nan)
        for part in self._parts:
            best[part.pairs] = better(best[part.pairs], answer(part))
        return self._as_asked(best)

    def _as_asked(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values of the sorted pairs in the order of the pairs."""
        if self._order is None:
            return values
        placed = np.empty_like(values)
        placed[self._order] = values
        return placed


class _Part:
    """The pairs whose item a segment knows, and where its answers lie. `pairs` are the places of these pairs."""

    def __init__(
        self, segment: Segment, items: NDArray[np.int32], rows: NDArray[np.int64], now: NDArray[np.int64]
    ) -> None:
        timeline = segment.by_item
        bases = timeline.first_keys(items)
        starts = np.searchsorted(timeline.keys, bases)
        stops = np.searchsorted(timeline.keys, bases | timeline.places(now)[rows])
        there = np.flatnonzero(stops > starts)
        self.pairs: slice | NDArray[np.intp] = slice(None)
        if len(there) < len(items):
            self.pairs, bases, starts, stops, rows = there, bases[there], starts[there], stops[there], rows[there]
        self._segment, self._bases, self._starts, self._stops = segment, bases, starts, stops
        self._rows, self._now = rows, now
        self._begins: dict[int | None, NDArray[np.intp]] = {None: starts}

    def __len__(self) -> int:
        return len(self._starts)

    @cached_property
    def _moments(self) -> NDArray[np.int64]:
        return self._now[self._rows]

    def _begin(self, window: int | None) -> NDArray[np.intp]:
        """Place of the first event of each pair's window."""
        if window not in self._begins:
            assert window is not None
            timeline = self._segment.by_item
            places = timeline.places(self._now - window)
            # Where the whole segment lies in the window there is nothing to look for.
            self._begins[window] = (
                np.searchsorted(timeline.keys, self._bases | places[self._rows]) if places.any() else self._starts
            )
        return self._begins[window]

    def count(self, counted: str, window: int | None) -> NDArray[np.float64]:
        counts = self._segment.happenings(counted).counts
        return (counts[self._stops] - counts[self._begin(window)]).astype(np.float64)

    def total(self, counted: str, quantity: str, window: int | None) -> NDArray[np.float64]:
        sums = self._segment.totals(counted, quantity)
        return sums[self._stops] - sums[self._begin(window)]

    def decayed(self, counted: str, half_life: int) -> NDArray[np.float64]:
        found = np.zeros(len(self))
        happened, newest, exist = self._newest(counted)
        ages = self._moments[exist] - self._times(happened[newest[exist]])
        found[exist] = self._segment.decayed(counted, half_life)[newest[exist]] * fading(ages, half_life)
        return found

    def since(self, counted: str, *, newest: bool) -> NDArray[np.float64]:
        found = np.full(len(self), np.nan)
        happened, last, exist = self._newest(counted)
        which = last if newest else self._segment.happenings(counted).counts[self._starts]
        found[exist] = self._moments[exist] - self._times(happened[which[exist]])
        return found

    def _newest(self, counted: str) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.bool_]]:
        """Places of what happened, (n_pairs,) which of them is the newest of the pair, and whether there is one."""
        happened = self._segment.happenings(counted)
        newest = happened.counts[self._stops] - 1
        return happened.places, newest, newest >= happened.counts[self._starts]

    def _times(self, places: NDArray[np.int32]) -> NDArray[np.int64]:
        timeline = self._segment.by_item
        return timeline.times[timeline.order[places]]
