"""Scores of all sources for all pairs, and what they are within their requests."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from features.compiled import place


@dataclass(frozen=True)
class SourceTable:
    """One row a source; all arrays are (n_sources, n_pairs).

    Attributes:
        names: the sources.
        scores: what each says.
        bounds: (n_requests + 1,) where each request's pairs start.
    """

    names: tuple[str, ...]
    scores: NDArray[np.float32]
    bounds: NDArray[np.int64]

    @classmethod
    def of(cls, scores: Mapping[str, NDArray[np.float32]], bounds: NDArray[np.int64]) -> "SourceTable":
        """Put the scores of each source, (n_pairs,), together."""
        table = np.array(list(scores.values()), dtype=np.float32).reshape(len(scores), bounds[-1])
        return cls(tuple(scores), table, bounds)

    def row(self, source: str) -> int:
        """The row of a source."""
        return self.names.index(source)

    @property
    def ranks(self) -> NDArray[np.float32]:
        """Place of the candidate in its request: 0 is the best, equal ones as given."""
        return self._placed[0]

    @property
    def shares(self) -> NDArray[np.float32]:
        """Score relative to the largest in size of the request; NaN where all are 0."""
        return self._placed[1]

    @cached_property
    def _placed(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        # One integer holds score and place: numpy sorts whole numbers with vector instructions.
        bits = (self.scores + np.float32(0)).view(np.int32).astype(np.int64)  # -0 becomes 0
        keys = bits ^ ((bits >> 31) & 0x7FFF_FFFF)  # in the order of the scores
        keys = (-keys << 32) + np.arange(self.scores.shape[1])
        for start, stop in pairwise(self.bounds.tolist()):
            keys[:, start:stop].sort(axis=1)
        ranks, shares = np.empty_like(self.scores), np.empty_like(self.scores)
        place(self.scores, keys & 0xFFFF_FFFF, self.bounds, ranks, shares)
        return ranks, shares

    @cached_property
    def flags(self) -> NDArray[np.bool_]:
        """Whether the source proposes the candidate: a score above 0."""
        return self.scores > 0
