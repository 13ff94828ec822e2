"""The same requests under every setting of the diversity dial."""

import numpy as np
from numpy.typing import NDArray

from recsys.eval.dial import DialPoint
from recsys.eval.metrics.diversity import diversity
from recsys.eval.metrics.ndcg import ndcg
from recsys.eval.ranking import RankedLists, Targets, pessimistic_hits
from recsys.pipeline.ranking.ordering import RankedBlock
from recsys.policy.diversity import Diversity
from recsys.policy.policy import Policy

DIALS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
_PER_BLOCK = 96
"""Requests of a block that are ordered under every setting."""


class DialCurve:
    """Collects some requests of every block."""

    def __init__(self, vectors: NDArray[np.float32], k: int) -> None:
        """`vectors` (n_items, dim) tell how alike items are; `k` is the length of the lists."""
        self.vectors, self.k = vectors, k
        self._ndcgs: dict[float, list[NDArray[np.float64]]] = {dial: [] for dial in DIALS}
        self._diversities: dict[float, list[NDArray[np.float64]]] = {dial: [] for dial in DIALS}

    def add(self, ranked: RankedBlock, policies: tuple[Policy, ...], targets: Targets) -> None:
        """Order the first requests of a block that have targets."""
        rows = np.flatnonzero(targets.counts)[:_PER_BLOCK]
        chosen = np.zeros(len(targets), dtype=bool)
        chosen[rows] = True
        wanted = targets.select(chosen)
        items, scores = ranked.candidates.items, ranked.scores
        for dial in DIALS:
            orders = []
            for row in rows:
                pairs = np.sort(ranked.orders[row])
                policy = policies[row].diversified(Diversity(dial, self.vectors))
                orders.append(pairs[policy.arrange(items[pairs], scores[pairs], self.k).order])
            # Whole, and cut only when they are measured: a tie may cross the last place.
            lists = RankedLists.of([items[order] for order in orders], [scores[order] for order in orders])
            hits = pessimistic_hits(lists, wanted)[:, : self.k]
            head = np.pad(hits, ((0, 0), (0, self.k - hits.shape[1])))
            self._ndcgs[dial].append(ndcg(head, wanted.counts))
            self._diversities[dial].append(diversity(lists.items[:, : self.k], self.vectors))

    def result(self) -> tuple[DialPoint, ...]:
        """One point a setting; empty without requests."""
        points = []
        for dial in DIALS:
            ndcgs, diversities = (
                np.concatenate([np.empty(0), *values[dial]]) for values in (self._ndcgs, self._diversities)
            )
            if len(ndcgs) and not np.isnan(diversities).all():
                points.append(DialPoint(dial, float(np.nanmean(ndcgs)), float(np.nanmean(diversities))))
        return tuple(points)
