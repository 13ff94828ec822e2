"""Which items are worth ranking: the sources' best, merged by reciprocal rank.

Cormack, Clarke and Buettcher, Reciprocal rank fusion outperforms Condorcet and individual rank learning methods, 2009.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_FUSION = 20.0
"""Places that a rank is damped by: smaller trusts the first places of each source more."""


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
    scores: Mapping[str, NDArray[np.float32]],
    eligible: NDArray[np.bool_],
    n: int,
    certain: NDArray[np.bool_] | None = None,
) -> Candidates:
    """The `n` best items of each request by the sources together.

    A score of 0 says that a source knows nothing, so it proposes nothing there. Where the sources propose fewer than
    `n` items, other eligible ones fill up, so that no list is shorter than it must be.

    Args:
        scores: source -> (n_requests, n_items) float32.
        eligible: (n_requests, n_items) False where an item must not be proposed.
        n: most candidates per request.
        certain: (n_requests, n_items) True for eligible items that are candidates whatever the sources say, beyond `n`.
    """
    n_requests, n_items = eligible.shape
    n = min(n, n_items)
    fused = np.where(eligible, np.float32(0), np.float32(-np.inf))
    proposed_by = np.zeros(eligible.shape, dtype=np.uint16)
    request = np.arange(n_requests)[:, None]
    for bit, values in enumerate(scores.values()):
        masked = np.where(eligible & (values != 0), values, -np.inf)
        best = _best(masked, n)
        worth = np.where(np.isneginf(masked[request, best]), np.float32(0), 1 / (_FUSION + np.arange(n, dtype="f4")))
        fused[request, best] += worth
        proposed_by[request, best] |= np.where(worth > 0, np.uint16(1 << bit), np.uint16(0))
    chosen = np.zeros(eligible.shape, dtype=bool)
    chosen[request, _best(fused, n)] = True
    chosen &= eligible
    if certain is not None:
        chosen |= certain
    rows, items = np.nonzero(chosen)
    pairs = {source: values[rows, items] for source, values in scores.items()}
    return Candidates(rows, items.astype(np.int32), proposed_by[rows, items], pairs, fused[rows, items])


def _best(values: NDArray[np.float32], n: int) -> NDArray[np.intp]:
    """(n_requests, n) places of the highest values, best first; equal ones by number, -inf last in any order."""
    if n < values.shape[1]:
        chosen = np.argpartition(-values, n - 1, axis=1)[:, :n]
        least = np.take_along_axis(values, chosen[:, -1:], axis=1)  # the n-th highest
        for row in np.flatnonzero(np.isfinite(least)):  # which of equal ones a partition takes is chance
            equal = np.flatnonzero(values[row] == least[row])
            above = np.flatnonzero(values[row] > least[row])
            chosen[row] = np.concatenate([above, equal[: n - len(above)]])
        chosen = np.sort(chosen, axis=1)
    else:
        chosen = np.broadcast_to(np.arange(n), (len(values), n))
    order = np.argsort(-np.take_along_axis(values, chosen, axis=1), axis=1, kind="stable")
    return np.take_along_axis(chosen, order, axis=1)
