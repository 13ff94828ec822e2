"""Histories of many requests as one ragged array: what each user did before the moment of the request."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys.data.log.history_loops import ages_of, keep, mark_newest, recency_of, rows_of, sum_by_item
from recsys.data.log.interactions import NO_TIME


@dataclass(frozen=True)
class HistoryBatch:
    """Histories of `n_requests` requests, concatenated; within a request oldest first. Impressions are not in it.

    Attributes:
        offsets: (n_requests + 1,) where each request's events start; the last entry is n_events.
        items: (n_events,) item numbers, all in [0, n_items).
        events: (n_events,) number of the event's name; -1 where the history was given as ids only.
        times: (n_events,) microseconds; `NO_TIME` where unknown. Always strictly before `now` of the request.
        weights: (n_events,) by the config; above 0 for positive events, 0 for others (a bad rating).
        now: (n_requests,) the moment of each request, microseconds.
    """

    offsets: NDArray[np.int64]
    items: NDArray[np.int32]
    events: NDArray[np.int8]
    times: NDArray[np.int64]
    weights: NDArray[np.float32]
    now: NDArray[np.int64]

    @classmethod
    def of_ids(
        cls, offsets: NDArray[np.int64], items: NDArray[np.int32], weight: float, now: NDArray[np.int64]
    ) -> "HistoryBatch":
        """Histories of which nothing but the items is known; each event has the weight `weight`."""
        n = len(items)
        events, times = np.full(n, -1, dtype=np.int8), np.full(n, NO_TIME, dtype=np.int64)
        return cls(offsets, items, events, times, np.full(n, weight, dtype=np.float32), now)

    def __len__(self) -> int:
        return len(self.now)

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """(n_requests,) number of events of each history."""
        return np.asarray(self.offsets[1:] - self.offsets[:-1])

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """(n_events,) the request that each event belongs to."""
        rows = np.empty(len(self.items), dtype=np.int64)
        rows_of(self.offsets, rows)
        return rows

    @cached_property
    def recency_ranks(self) -> NDArray[np.int64]:
        """(n_events,) 0 for the newest event of its history, 1 for the one before, ..."""
        return self.offsets[1:][self.rows] - 1 - np.arange(len(self.items))

    @cached_property
    def ages(self) -> NDArray[np.float64]:
        """(n_events,) seconds from the event to the request; NaN where the time is unknown."""
        ages = np.empty(len(self.items))
        ages_of(self.offsets, self.times, self.now, NO_TIME, ages)
        return ages

    def keep(self, chosen: NDArray[np.bool_]) -> "HistoryBatch":
        """The same requests with only the chosen events: `chosen` is (n_events,)."""
        if chosen.all():
            return self
        return HistoryBatch(*keep(chosen, self.offsets, self.items, self.events, self.times, self.weights), self.now)

    def newest(self, n: int) -> "HistoryBatch":
        """Only the newest `n` events of each history."""
        chosen = np.empty(len(self.items), dtype=bool)
        mark_newest(self.offsets, n, chosen)
        return self.keep(chosen)

    @cached_property
    def recency(self) -> NDArray[np.float32]:
        """(n_events,) weight / sqrt(1 + baskets after the event): the newest of a history count most."""
        recency = np.empty(len(self.items), dtype=np.float32)
        recency_of(self.offsets, self.times, self.weights, NO_TIME, recency)
        return recency

    @cached_property
    def recent_items(self) -> "ItemWeights":
        """The distinct items of each history, with the sum of the recency of their events."""
        return self.summed(self.recency)

    @cached_property
    def baskets(self) -> NDArray[np.int64]:
        """(n_events,) the number of the basket that each event belongs to, over all histories; see `basket_starts`."""
        return np.cumsum(basket_starts(self.rows, self.times))

    def positive(self) -> "HistoryBatch":
        """Only the positive events: weight above 0."""
        return self._positive

    @cached_property
    def _positive(self) -> "HistoryBatch":
        wanted = self.weights > 0
        return self if wanted.all() else self.keep(wanted)

    @staticmethod
    def joined(*parts: "HistoryBatch") -> "HistoryBatch":
        """Histories of the same requests put together, in time order within each; unknown times come first."""
        rows = np.concatenate([part.rows for part in parts])
        times = np.concatenate([part.times for part in parts])
        order = np.lexsort((times, rows))
        return HistoryBatch(
            np.sum([part.offsets for part in parts], axis=0),
            np.concatenate([part.items for part in parts])[order],
            np.concatenate([part.events for part in parts])[order],
            times[order],
            np.concatenate([part.weights for part in parts])[order],
            parts[0].now,
        )

    def block(self, start: int, stop: int) -> "HistoryBatch":
        """Requests start to stop - 1."""
        first, last = self.offsets[start], self.offsets[stop]
        columns = (self.items[first:last], self.events[first:last], self.times[first:last], self.weights[first:last])
        return HistoryBatch(self.offsets[start : stop + 1] - first, *columns, self.now[start:stop])

    def summed(self, values: NDArray[np.float32]) -> "ItemWeights":
        """The sum of `values` (n_events,) of each item's events, by request."""
        return ItemWeights(*sum_by_item(self.offsets, self.items, values))

    def matrix(self, n_items: int, values: NDArray[np.float32] | None = None) -> sp.csr_matrix:
        """(n_requests, n_items) float32: the sum of `values` (default: the weights) of each item's events."""
        own = self.summed(self.weights if values is None else values)
        return sp.csr_matrix((own.values, own.items, own.offsets), shape=(len(self), n_items))


@dataclass(frozen=True)
class ItemWeights:
    """What the distinct items of many histories weigh.

    Attributes:
        offsets: (n_requests + 1,) where each request's items start.
        items: (n,) increasing within a request.
        values: (n,) float32.
    """

    offsets: NDArray[np.int64]
    items: NDArray[np.int32]
    values: NDArray[np.float32]


def basket_starts(owners: NDArray[np.integer], times: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n_events,) True where an event opens a new basket: another owner or another time than the event before.

    Events of one owner at the same time have no order among them, they are one basket. Unknown times (`NO_TIME`) are
    never equal: the order of such a history is all that is known, and it is kept.
    """
    starts = np.ones(len(times), dtype=bool)
    starts[1:] = (owners[1:] != owners[:-1]) | (times[1:] != times[:-1]) | (times[1:] == NO_TIME)
    return starts
