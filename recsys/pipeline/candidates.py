"""Which items are worth ranking: the sources' best, merged by reciprocal rank.

Cormack, Clarke and Buettcher, Reciprocal rank fusion outperforms Condorcet and individual rank learning methods, 2009.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from recsys.retrieval.scores import Scores, distinct, highest

_FUSION = 20.0
"""Places that a rank is damped by: smaller trusts the first places of each source more."""

Number = TypeVar("Number", bound=np.number)

Pairs = tuple[NDArray[np.int64], NDArray[np.int32]]
"""Requests and items, each (n_pairs,)."""


@dataclass(frozen=True)
class Candidates:
    """Pairs of a request and an item, grouped by request, items increasing within each.

    Attributes:
        rows: (n_pairs,) request of each pair.
        items: (n_pairs,) item numbers.
        proposed_by: (n_pairs,) bit s is set when source s, in the order of `sources`, has the item among its best.
        scores: source -> (n_pairs,) float32.
        fused: (n_pairs,) float32 sum of the reciprocal ranks, higher is better: the order before any ranker.
    """

    rows: NDArray[np.int64]
    items: NDArray[np.int32]
    proposed_by: NDArray[np.uint16]
    scores: dict[str, NDArray[np.float32]]
    fused: NDArray[np.float32]

    def keep(self, chosen: NDArray[np.bool_]) -> "Candidates":
        """Only the chosen pairs."""
        scores = {source: values[chosen] for source, values in self.scores.items()}
        fused = self.fused[chosen]
        return Candidates(self.rows[chosen], self.items[chosen], self.proposed_by[chosen], scores, fused)


def propose(
    scores: Mapping[str, Scores], eligible: NDArray[np.bool_], n: int, certain: Pairs | None = None
) -> Candidates:
    """The `n` best items of each request by the sources together.

    A score of 0 says that a source knows nothing, so it proposes nothing there. Where the sources propose fewer than
    `n` items, other eligible ones fill up, so that no list is shorter than it must be.

    Args:
        scores: source -> what it says.
        eligible: (n_requests, n_items) False where an item must not be proposed.
        n: most candidates per request.
        certain: pairs that are candidates whatever the sources say, beyond `n`, as far as they are eligible.
    """
    n_requests, n_items = eligible.shape
    n = min(n, n_items)
    worth = 1 / (_FUSION + np.arange(n, dtype=np.float32))
    lists = [source.best(eligible, n) for source in scores.values()]
    # A pair is one number: the request, then the item.
    first = np.arange(n_requests + 1, dtype=np.int64) * n_items
    keys = [(first[:-1, None] + own)[own >= 0] for own in lists]
    proposed = distinct(np.concatenate([np.zeros(0, dtype=np.int64), *keys]))
    fused = np.zeros(len(proposed), dtype=np.float32)
    proposed_by = np.zeros(len(proposed), dtype=np.uint16)
    for bit, (own, places) in enumerate(zip(keys, lists, strict=True)):
        at = proposed.searchsorted(own)
        fused[at] += worth[np.nonzero(places >= 0)[1]]
        proposed_by[at] |= np.uint16(1 << bit)
    chosen = []
    for row, (start, stop) in enumerate(pairwise(proposed.searchsorted(first))):
        chosen.append(proposed[start:stop][highest(fused[start:stop], n)])
        if stop - start < n:
            others = np.setdiff1d(first[row] + np.flatnonzero(eligible[row]), proposed[start:stop])
            chosen.append(others[: n - (stop - start)])
    if certain is not None:
        may = eligible[certain]
        chosen.append(first[certain[0][may]] + certain[1][may])
    pairs = distinct(np.concatenate([np.zeros(0, dtype=np.int64), *chosen]))
    rows = np.searchsorted(first, pairs, side="right") - 1
    items = (pairs - first[rows]).astype(np.int32)
    found = {source: own.of(rows, items) for source, own in scores.items()}
    return Candidates(rows, items, _at(proposed, proposed_by, pairs), found, _at(proposed, fused, pairs))


def _at(keys: NDArray[np.int64], values: NDArray[Number], wanted: NDArray[np.int64]) -> NDArray[Number]:
    """(n_wanted,) the value of each wanted key, 0 where it is not among the increasing `keys`."""
    if not len(keys):
        return np.zeros(len(wanted), dtype=values.dtype)
    places = np.minimum(keys.searchsorted(wanted), len(keys) - 1)
    return np.where(keys[places] == wanted, values[places], values.dtype.type(0))
