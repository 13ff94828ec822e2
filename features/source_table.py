"""Scores of all sources for all pairs, and what they are within their requests."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class SourceTable:
    """One row a source; all arrays are (n_sources, n_pairs).

    Attributes:
        names: the sources.
        scores: what each says.
        rows: (n_pairs,) request of each pair, increasing.
        bounds: (n_requests + 1,) where each request's pairs start.
    """

    names: tuple[str, ...]
    scores: NDArray[np.float32]
    rows: NDArray[np.int64]
    bounds: NDArray[np.int64]

    @classmethod
    def of(
        cls, scores: Mapping[str, NDArray[np.float32]], rows: NDArray[np.int64], bounds: NDArray[np.int64]
    ) -> "SourceTable":
        """Put the scores of each source, (n_pairs,), together."""
        table = np.array(list(scores.values()), dtype=np.float32).reshape(len(scores), len(rows))
        return cls(tuple(scores), table, rows, bounds)

    def row(self, source: str) -> int:
        """The row of a source."""
        return self.names.index(source)

    @cached_property
    def ranks(self) -> NDArray[np.float32]:
        """Place of the candidate in its request: 0 is the best, equal ones as given."""
        order = np.argsort(-self.scores, axis=1, kind="stable")
        if len(self.bounds) > 2:
            order = np.take_along_axis(order, np.argsort(self.rows[order], axis=1, kind="stable"), axis=1)
        places = np.arange(len(self.rows), dtype=np.float32) - self.bounds[self.rows]
        ranks = np.empty(self.scores.shape, dtype=np.float32)
        np.put_along_axis(ranks, order, np.broadcast_to(places.astype(np.float32), order.shape), axis=1)
        return ranks

    @cached_property
    def shares(self) -> NDArray[np.float32]:
        """Score relative to the largest in size of the request; NaN where all are 0."""
        largest = np.full((len(self.names), len(self.bounds) - 1), np.nan, dtype=np.float32)
        filled = np.flatnonzero(self.bounds[1:] > self.bounds[:-1])
        if len(filled):
            largest[:, filled] = np.maximum.reduceat(np.abs(self.scores), self.bounds[filled], axis=1)
        largest[largest == 0] = np.nan
        return np.asarray(self.scores / largest[:, self.rows])

    @cached_property
    def flags(self) -> NDArray[np.bool_]:
        """Whether the source proposes the candidate: a score above 0."""
        return self.scores > 0
