"""Vectors of the free texts of requests, kept for a while, so that the pages of one list, and what many people look
for, are read once."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

_KEPT = 1_000
"""Most texts that are kept. With more, the next request starts from none again, which bounds the memory."""


class QueryVectors:
    """The vectors of the free texts that were read lately. Safe in several threads."""

    def __init__(self) -> None:
        self._vectors: dict[str, NDArray[np.float32]] = {}

    def of(
        self, queries: Sequence[str | None] | None, encode: Callable[[Sequence[str]], NDArray[np.float32]]
    ) -> NDArray[np.float32] | None:
        """(n_requests, dim) float32, zeros where there is no free text; None if no request has one.

        Args:
            queries: (n_requests,) free text, None or empty where there is none.
            encode: (n, dim) vectors of n texts; it is asked for those alone that are not kept.
        """
        rows = [row for row, query in enumerate(queries or ()) if query]
        if queries is None or not rows:
            return None
        asked = [query for query in queries if query]
        known = self._vectors if len(self._vectors) <= _KEPT else {}
        unread = [query for query in dict.fromkeys(asked) if query not in known]
        if unread:  # exchanged as a whole, for other threads read it
            self._vectors = known = {**known, **dict(zip(unread, encode(unread), strict=True))}
        found = np.stack([known[query] for query in asked])
        vectors = np.zeros((len(queries), found.shape[1]), dtype=np.float32)
        vectors[rows] = found
        return vectors
