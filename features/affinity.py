"""How alike each candidate is to the newest items of the history, by vectors or by learned links."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys.data.history import HistoryBatch
from recsys.data.ragged import entries

Aggregate = Literal["last", "max", "min", "mean", "decayed", "place"]
"""How affinities with several events become one number: see `Affinities`."""

_FADING = 0.7
"""Worth of an event of the history relative to the one after it, in `decayed`."""


@dataclass(frozen=True)
class Affinities:
    """Affinities of all pairs by several names, and what they come to. All answers are (n_names, n_pairs).

    Attributes:
        table: (n_names, n_events, n_pairs) float32, newest event first; 0 where the history is shorter.
        lengths: (n_pairs,) events of the history, 0 to n_events. Answers for an empty history are NaN.
    """

    table: NDArray[np.float32]
    lengths: NDArray[np.int64]

    @cached_property
    def last(self) -> NDArray[np.float32]:
        """Affinity with the newest event."""
        return np.asarray(self.table[:, 0] + self._nowhere)

    @cached_property
    def max(self) -> NDArray[np.float32]:
        """Affinity with the event most alike."""
        return np.asarray(np.maximum.reduce(self._filled(-np.inf), axis=1)) + self._nowhere

    @cached_property
    def min(self) -> NDArray[np.float32]:
        """Affinity with the event least alike."""
        return np.asarray(np.minimum.reduce(self._filled(np.inf), axis=1)) + self._nowhere

    @cached_property
    def mean(self) -> NDArray[np.float32]:
        """Mean affinity."""
        return self._weighted(1.0)

    @cached_property
    def decayed(self) -> NDArray[np.float32]:
        """Mean affinity, newer events counting more."""
        return self._weighted(_FADING)

    @cached_property
    def place(self) -> NDArray[np.float32]:
        """How many events ago the one most alike was: 0 is the newest."""
        return np.asarray(np.argmax(self._filled(-np.inf), axis=1).astype(np.float32) + self._nowhere)

    @cached_property
    def _nowhere(self) -> NDArray[np.float32]:
        """(n_pairs,) NaN for an empty history, else 0."""
        return np.where(self.lengths > 0, np.float32(0), np.float32(np.nan))

    @cached_property
    def _missing(self) -> NDArray[np.bool_] | None:
        """(n_events, n_pairs) True where the history is shorter; None where it never is."""
        missing = np.arange(self.table.shape[1])[:, None] >= self.lengths
        return missing if missing.any() else None

    def _filled(self, value: float) -> NDArray[np.float32]:
        """The table with a value where there is no event."""
        return self.table if self._missing is None else np.where(self._missing, np.float32(value), self.table)

    def _weighted(self, fading: float) -> NDArray[np.float32]:
        weights = np.float32(fading) ** np.arange(self.table.shape[1], dtype=np.float32)
        totals = np.concatenate([[np.nan], np.cumsum(weights)]).astype(np.float32)
        return np.asarray(weights @ self.table / totals[self.lengths], dtype=np.float32)


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
        table[np.repeat(np.arange(len(history)), lengths)[found], places[found]] = links.data[linked[found]]
        place_of[own] = -1
