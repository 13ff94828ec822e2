"""What one source says of the items, for a block of requests: its best ones, and its scores of some pairs.

A score of 0 says that the source knows nothing of the item for this request.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Protocol, TypeVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys.data.history import ItemWeights
from recsys.data.ragged import entries

Number = TypeVar("Number", bound=np.integer)


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
        """(n_pairs,) scores of items (n_pairs,) for requests (n_pairs,)."""
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
        """Of a source that knows nothing, or was not asked."""
        none = np.zeros(0, dtype=np.int32)
        return cls(np.zeros(n_requests + 1, dtype=np.int64), none, none.astype(np.float32), n_items)

    @classmethod
    def linked(cls, past: ItemWeights, links: sp.csr_matrix) -> "SparseScores":
        """The product of the weights of past items and of links (n_items, n_items), row by row.

        A row costs what its links are, not the size of the catalogue as in a product of scipy.
        """
        parts_items, parts_values, lengths = [np.zeros(0, dtype=np.int32)], [np.zeros(0, dtype=np.float32)], [0]
        for start, stop in pairwise(past.offsets):
            linked, counts = entries(links.indptr, past.items[start:stop])
            items, places = np.unique(links.indices.take(linked), return_inverse=True)
            values = np.zeros(len(items), dtype=np.float32)
            np.add.at(values, places, links.data.take(linked) * np.repeat(past.values[start:stop], counts))
            parts_items.append(items)
            parts_values.append(values)
            lengths.append(len(items))
        return cls(np.cumsum(lengths), np.concatenate(parts_items), np.concatenate(parts_values), links.shape[1])

    def best(self, eligible: NDArray[np.bool_], n: int) -> NDArray[np.int32]:
        """See `Scores`."""
        rows = []
        for row, may in enumerate(eligible):
            own = slice(self.offsets[row], self.offsets[row + 1])
            items = self.items[own]
            rows.append(items[best_of(np.where(may[items], self.values[own], np.float32(0)), n)])
        return padded(rows, n)

    def of(self, rows: NDArray[np.int64], items: NDArray[np.int32]) -> NDArray[np.float32]:
        """See `Scores`."""
        if not len(self.items):
            return np.zeros(len(rows), dtype=np.float32)
        wanted = rows * self.n_items + items
        places = np.minimum(self._keys.searchsorted(wanted), len(self._keys) - 1)
        return np.where(self._keys[places] == wanted, self.values[places], np.float32(0))

    @cached_property
    def _keys(self) -> NDArray[np.int64]:
        """(n_scores,) request and item as one increasing number."""
        rows = np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))
        return rows * np.int64(self.n_items) + self.items


def best_of(values: NDArray[np.float32], n: int) -> NDArray[np.intp]:
    """Places of the `n` highest values that are not 0, best first, equal ones by place."""
    known = np.flatnonzero(values)
    if len(known) == len(values):
        return highest(values, n)
    return known[highest(values[known], n)]


def highest(values: NDArray[np.float32], n: int) -> NDArray[np.intp]:
    """(n or fewer,) places of the highest values, best first, equal ones by place."""
    if len(values) <= n:
        return np.argsort(-values, kind="stable")
    least = np.partition(values, len(values) - n)[len(values) - n]
    above, equal = np.flatnonzero(values > least), np.flatnonzero(values == least)
    chosen = np.sort(np.concatenate([above, equal[: n - len(above)]]))  # which of equal ones is not left to chance
    return chosen[np.argsort(-values[chosen], kind="stable")]


def distinct(numbers: NDArray[Number]) -> NDArray[Number]:
    """The numbers in order, each once; sooner than np.unique for some thousands."""
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
