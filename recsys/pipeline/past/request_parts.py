"""What past requests hold: items of each, in ragged arrays, and further requests without an answer."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.arrays.ragged import entries, offsets_of, rows_of_entries
from recsys.data.log.history import HistoryBatch


class Unanswered(NamedTuple):
    """Requests in which nobody chose anything, in time order."""

    users: NDArray[np.int32]
    """(n_unanswered,) numbers of those who asked"""
    times: NDArray[np.int64]
    """(n_unanswered,) microseconds"""

    @classmethod
    def none(cls) -> "Unanswered":
        """No unanswered request."""
        return cls(np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int64))

    def take(self, chosen: NDArray[np.intp]) -> "Unanswered":
        """The chosen ones, in the order given."""
        return Unanswered(self.users[chosen], self.times[chosen])


class ItemsOfRequests(NamedTuple):
    """Some items of each request, concatenated."""

    offsets: NDArray[np.int64]
    """(n_requests + 1,) where each request's items start"""
    items: NDArray[np.int32]
    """(n,) item numbers, distinct within a request"""
    values: NDArray[Any]
    """(n,) a value of each item, such as its weight or its position"""

    @classmethod
    def of(cls, items: pl.Series, values: pl.Series) -> "ItemsOfRequests":
        """From lists (n_requests,) of items and of values."""
        exploded = (column.explode(empty_as_null=False).to_numpy() for column in (items, values))
        return cls(offsets_of(items.list.len()), *exploded)

    @property
    def rows(self) -> NDArray[np.int64]:
        """(n,) the request of each item."""
        return rows_of_entries(self.offsets)

    @property
    def counts(self) -> NDArray[np.int64]:
        """(n_requests,) how many items each has."""
        return np.diff(self.offsets)

    def take(self, chosen: NDArray[np.intp]) -> "ItemsOfRequests":
        """Those of the chosen requests, in the order given."""
        indices, counts = entries(self.offsets, chosen)
        return ItemsOfRequests(offsets_of(counts), self.items[indices], self.values[indices])

    def keep(self, chosen: NDArray[np.bool_]) -> "ItemsOfRequests":
        """The chosen items (n,) of the same requests."""
        return ItemsOfRequests(offsets_of(chosen)[self.offsets], self.items[chosen], self.values[chosen])


class GivenHistories(NamedTuple):
    """Items that come with requests, in addition to stored histories, oldest first."""

    offsets: NDArray[np.int64]
    """(n_requests + 1,) where each request's items start"""
    items: NDArray[np.int32]
    """(n_given,) item numbers"""
    weight: float
    """of each event"""
    ago: int | None = None
    """how long before the request they were chosen, microseconds; None: not known"""

    @property
    def rows(self) -> NDArray[np.int64]:
        """(n_given,) the request of each item."""
        return rows_of_entries(self.offsets)

    def histories(self, now: NDArray[np.int64]) -> HistoryBatch:
        """These items as histories before the moments `now` (n_requests,), microseconds."""
        bare = HistoryBatch.of_ids(self.offsets, self.items, self.weight, now)
        return bare if self.ago is None else replace(bare, times=(now - self.ago)[self.rows])

    def take(self, chosen: NDArray[np.intp]) -> "GivenHistories":
        """Those of the chosen requests, in the order given."""
        indices, counts = entries(self.offsets, chosen)
        return self._replace(offsets=offsets_of(counts), items=self.items[indices])
