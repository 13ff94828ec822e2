"""What one source says of the items, for a block of requests: its best ones, and its scores of some pairs.

A score of 0 says that the source knows nothing of the item for this request.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys.data.log.history import ItemWeights
from recsys.retrieval.sort_keys import INDEX_MASK, keys_of_best, keys_of_nonzero
from recsys.retrieval.sparse import add_borrowers, add_links, look_up

Number = TypeVar("Number", bound=np.integer)

_SAMPLED_ABOVE = 4.0
"""If there are more than this many times as many values as asked for, a sample says which of them are looked at."""


class _Accumulators(threading.local):
    """The accumulator of each thread, see `recsys.retrieval.sparse`: all 0 between two uses, so that none clears it."""

    def __init__(self) -> None:
        self._sums = np.zeros(0, dtype=np.float32)
        self._marks = np.zeros(0, dtype=np.uint64)

    def of(self, n_items: int) -> tuple[NDArray[np.float32], NDArray[np.uint64]]:
        """(n_items,) sums, and marks with a bit for each."""
        if len(self._sums) < n_items:
            self._sums = np.zeros(n_items, dtype=np.float32)
            self._marks = np.zeros(-(-n_items // 64), dtype=np.uint64)
        return self._sums[:n_items], self._marks[: -(-n_items // 64)]


ACCUMULATORS = _Accumulators()


class Scores(Protocol):
    """Answers of one source."""

    def best(self, eligible: NDArray[np.bool_], n: int) -> NDArray[np.int32]:
        """(n_requests, n) numbers of the eligible items that score highest, best first; -1 behind the last known one.

        Equal scores are in the order of the numbers.

        Args:
            eligible: (n_requests, n_items).
        """
        ...

    def of(self, rows: NDArray[np.int64], items: NDArray[np.int32]) -> NDArray[np.float32]:
        """(n_pairs,) scores of items (n_pairs,) for requests (n_pairs,), which do not decrease."""
        ...


@dataclass(frozen=True)
class DenseScores:
    """A score for every item: `values` is (n_requests, n_items)."""

    values: NDArray[np.float32]

    def best(self, eligible: NDArray[np.bool_], n: int) -> NDArray[np.int32]:
        """See `Scores`."""
        return padded([best_of(row, n) for row in np.where(eligible, self.values, np.float32(0))], n)

    def of(self, rows: NDArray[np.int64], items: NDArray[np.int32]) -> NDArray[np.float32]:
        """See `Scores`."""
        return self.values[rows, items]


@dataclass(frozen=True)
class SharedScores:
    """The same scores for every request.

    Attributes:
        values: (n_items,).
        order: (n_known,) the items whose score is not 0, best first, equal ones by number.
    """

    values: NDArray[np.float32]
    order: NDArray[np.int32]

    def best(self, eligible: NDArray[np.bool_], n: int) -> NDArray[np.int32]:
        """See `Scores`."""
        return padded([self._first(may, n) for may in eligible], n)

    def of(self, rows: NDArray[np.int64], items: NDArray[np.int32]) -> NDArray[np.float32]:
        """See `Scores`."""
        return self.values[items]

    def _first(self, eligible: NDArray[np.bool_], n: int) -> NDArray[np.int32]:
        depth = 2 * n
        while True:
            items = self.order[:depth]
            found = items[eligible[items]]
            if len(found) >= n or depth >= len(self.order):
                return found[:n]
            depth *= 4


@dataclass(frozen=True)
class SparseScores:
    """Scores of the few items that a source knows something of.

    Attributes:
        offsets: (n_requests + 1,) where each request's scores start.
        items: (n_scores,) their items, increasing within a request.
        values: (n_scores,).
        n_items: size of the catalogue.
    """

    offsets: NDArray[np.int64]
    items: NDArray[np.int32]
    values: NDArray[np.float32]
    n_items: int

    @classmethod
    def nothing(cls, n_requests: int, n_items: int) -> "SparseScores":
        """The scores of a source that knows nothing, or was not asked."""
        none = np.zeros(0, dtype=np.int32)
        return cls(np.zeros(n_requests + 1, dtype=np.int64), none, none.astype(np.float32), n_items)

    @classmethod
    def of_links(cls, past: ItemWeights, links: sp.csr_matrix) -> "SparseScores":
        """The product of the weights of past items and of links (n_items, n_items), row by row."""
        n_items = links.shape[1]
        columns = past.offsets, past.items, past.values, links.indptr, links.indices, links.data
        return cls(*add_links(*columns, *ACCUMULATORS.of(n_items)), n_items)

    def with_borrowers(self, borrowers: sp.csr_matrix) -> "SparseScores":
        """These scores, and what their items lend to items without one, by shares (n_items, n_more_items)."""
        n_items = borrowers.shape[1]
        columns = self.offsets, self.items, self.values, borrowers.indptr, borrowers.indices, borrowers.data
        return SparseScores(*add_borrowers(*columns, *ACCUMULATORS.of(n_items)), n_items)

    def best(self, eligible: NDArray[np.bool_], n: int) -> NDArray[np.int32]:
        """See `Scores`."""
        return best_among(self.offsets, self.items, self.values, eligible, n)

    def of(self, rows: NDArray[np.int64], items: NDArray[np.int32]) -> NDArray[np.float32]:
        """See `Scores`."""
        found = np.empty(len(rows), dtype=np.float32)
        look_up(self.offsets, self.items, self.values, rows, items, found)
        return found


def best_of(values: NDArray[np.float32], n: int) -> NDArray[np.int64]:
    """Indices of the `n` highest values that are not 0, best first, equal ones by index."""
    keys = np.empty(len(values), dtype=np.int64)
    return _first(keys[: keys_of_nonzero(values, keys)], n)


def best_among(
    offsets: NDArray[np.int64],
    items: NDArray[np.int32],
    values: NDArray[np.float32],
    eligible: NDArray[np.bool_],
    n: int,
) -> NDArray[np.int32]:
    """(n_requests, n) of some items of each request the eligible ones with the highest values that are not 0, best
    first, equal ones by number; -1 behind the last one.

    Args:
        offsets: (n_requests + 1,) where each request's items (n_some,) and values (n_some,) start.
        eligible: (n_requests, n_items).
    """
    keys = keys_of_best(offsets, items, values, eligible, n, _SAMPLED_ABOVE)
    best = np.full((len(keys), n), -1, dtype=np.int32)
    first = _first(keys, n)
    best[:, : first.shape[1]] = first
    return best


def _first(keys: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """The numbers that the `n` lowest keys of each row hold, in order."""
    if keys.shape[-1] > n:
        keys.partition(n, axis=-1)
        keys = keys[..., :n]
    keys.sort(axis=-1)
    return keys & INDEX_MASK


def distinct(numbers: NDArray[Number]) -> NDArray[Number]:
    """The numbers in order, each once; faster than np.unique for some thousands."""
    ordered = np.sort(numbers)
    first = np.ones(len(ordered), dtype=bool)
    first[1:] = ordered[1:] != ordered[:-1]
    return ordered[first]


def padded(rows: Sequence[NDArray[np.integer]], n: int) -> NDArray[np.int32]:
    """(n_rows, n) rows of different lengths, -1 behind their ends."""
    table = np.full((len(rows), n), -1, dtype=np.int32)
    for row, own in enumerate(rows):
        table[row, : len(own)] = own
    return table
