"""How alike each candidate is to the newest items of the history, by vectors or by learned links."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from features.ragged import entries
from recsys.data.history import HistoryBatch

_FADING = 0.7
"""Worth of an event of the history relative to the one after it, in `decayed`."""


@dataclass(frozen=True)
class Affinities:
    """Affinities of all pairs and what they come to. All answers are (n_pairs,), NaN for an empty history.

    Attributes:
        table: (n_events, n_pairs) float32, newest event first; NaN where the history is shorter.
        lengths: (n_pairs,) events of the history, 0 to n_events.
    """

    table: NDArray[np.float32]
    lengths: NDArray[np.int64]

    @property
    def last(self) -> NDArray[np.float32]:
        """Affinity with the newest event."""
        return np.asarray(self.table[0])

    @property
    def max(self) -> NDArray[np.float32]:
        """Affinity with the event most alike."""
        return np.asarray(np.fmax.reduce(self.table, axis=0))

    @property
    def min(self) -> NDArray[np.float32]:
        """Affinity with the event least alike."""
        return np.asarray(np.fmin.reduce(self.table, axis=0))

    @property
    def mean(self) -> NDArray[np.float32]:
        """Mean affinity."""
        return self._weighted(np.ones(len(self.table), dtype=np.float32))

    @property
    def decayed(self) -> NDArray[np.float32]:
        """Mean affinity, newer events counting more."""
        return self._weighted(np.float32(_FADING) ** np.arange(len(self.table), dtype=np.float32))

    @property
    def place(self) -> NDArray[np.float32]:
        """How many events ago the one most alike was: 0 is the newest; NaN where nothing has any affinity."""
        if self._ragged:
            best = np.argmax(np.where(np.isnan(self.table), -np.inf, self.table), axis=0)
        else:
            best = np.argmax(self.table, axis=0)
        exists = (self.lengths > 0) & (self.table[best, np.arange(len(best))] != 0)
        return np.where(exists, best, np.nan).astype(np.float32)

    @cached_property
    def _ragged(self) -> bool:
        """Whether some histories are shorter than the table."""
        return bool(np.any(self.lengths < len(self.table)))

    @cached_property
    def _filled(self) -> NDArray[np.float32]:
        """The table with 0 where there is no event."""
        return np.where(np.isnan(self.table), np.float32(0), self.table) if self._ragged else self.table

    def _weighted(self, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        totals = np.concatenate([[np.nan], np.cumsum(weights)]).astype(np.float32)
        return np.asarray(weights @ self._filled / totals[self.lengths], dtype=np.float32)


def compare_vectors(
    table: NDArray[np.float32],
    vectors: NDArray[np.float32],
    recent: HistoryBatch,
    bounds: NDArray[np.int64],
    candidates: NDArray[np.int32],
) -> None:
    """Fill `table` (n_events, n_pairs) with dot products of the vectors (n_items, dim) of both items.

    Args:
        recent: at most n_events events a request.
        bounds: (n_requests + 1,) where each request's pairs start.
        candidates: (n_pairs,) item numbers.
    """
    for request in np.flatnonzero((recent.lengths > 0) & (np.diff(bounds) > 0)):
        pairs = slice(bounds[request], bounds[request + 1])
        history = recent.items[recent.offsets[request] : recent.offsets[request + 1]][::-1]
        table[: len(history), pairs] = vectors[history] @ vectors[candidates[pairs]].T


def compare_links(
    table: NDArray[np.float32],
    links: sp.csr_matrix,
    recent: HistoryBatch,
    bounds: NDArray[np.int64],
    candidates: NDArray[np.int32],
) -> None:
    """Fill `table` as `compare_vectors` does, with the links from items of the history to the candidates."""
    place_of = np.full(links.shape[1], -1, dtype=np.int32)  # of an item among the request's pairs
    for request in np.flatnonzero((recent.lengths > 0) & (np.diff(bounds) > 0)):
        start, stop = bounds[request], bounds[request + 1]
        history = recent.items[recent.offsets[request] : recent.offsets[request + 1]][::-1]
        own = candidates[start:stop]
        place_of[own] = np.arange(start, stop)
        linked, lengths = entries(links.indptr, history)
        places = place_of[links.indices[linked]]
        found = np.flatnonzero(places >= 0)
        table[: len(history), start:stop] = 0.0
        table[np.repeat(np.arange(len(history)), lengths)[found], places[found]] = links.data[linked[found]]
        place_of[own] = -1
