"""Scores of all sources for all pairs, and what they are within their requests."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from features.compiled_pairs import place, rank_keys

Said = Literal["scores", "ranks", "shares", "flags"]
"""What a source says of a candidate: a score; its place in the request, 0 is the best and equal ones are as given; the
score relative to the largest in size of the request, NaN where all are 0; 1 where the score is above 0, else 0."""


@dataclass(frozen=True)
class SourceTable:
    """What all sources say.

    Attributes:
        names: the sources.
        said: (4, n_sources, n_pairs) float32, in the order of `Said`.
    """

    names: tuple[str, ...]
    said: NDArray[np.float32]

    @classmethod
    def of(cls, scores: Mapping[str, NDArray[np.float32]], bounds: NDArray[np.int64]) -> "SourceTable":
        """Put the scores of each source, (n_pairs,), together.

        Args:
            bounds: (n_requests + 1,) where each request's pairs start.
        """
        said = np.empty((len(get_args(Said)), len(scores), bounds[-1]), dtype=np.float32)
        table, ranks, shares, flags = said
        for row, own in zip(table, scores.values(), strict=True):
            row[:] = own
        # One integer holds score and place: numpy sorts whole numbers with vector instructions.
        keys = np.empty(table.shape, dtype=np.int64)
        rank_keys(table, table.view(np.int32), keys)
        for start, stop in pairwise(bounds.tolist()):
            keys[:, start:stop].sort(axis=1)
        place(table, keys, bounds, ranks, shares, flags)
        return cls(tuple(scores), said)

    def row(self, source: str) -> int:
        """The row of a source."""
        return self.names.index(source)

    @property
    def flags(self) -> NDArray[np.float32]:
        """(n_sources, n_pairs) whether the source proposes the candidate."""
        flags: NDArray[np.float32] = self.said[get_args(Said).index("flags")]
        return flags
