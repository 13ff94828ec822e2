"""The same requests under every setting of the dials of the policy: discovery, and diversity."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from recsys.data.log.interactions import HARDLY_KNOWN
from recsys.eval.dial import DialName, DialPoint
from recsys.eval.metrics.diversity import diversity
from recsys.eval.metrics.ndcg import ndcg
from recsys.eval.ranking import RankedLists, Targets, pessimistic_hits
from recsys.pipeline.candidates.request_block import RequestBlock
from recsys.pipeline.ranking.ordering import RankedBlock
from recsys.pipeline.ranking.rules import PositiveCounts
from recsys.policy.discovery import Discovery
from recsys.policy.diversity import Diversity
from recsys.policy.policy import Policy

DIALS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
_PER_BLOCK: Mapping[DialName, int] = {"discovery": 256, "diversity": 96}
"""Most requests of a block that are ordered under every setting of a dial; making a list diverse takes longer."""

_Figures = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
"""(n_requests,) each: ndcg, diversity, and share of the list's positions with an item that is hardly known."""


class DialCurves:
    """Measures the settings of the dials on some requests of every block."""

    def __init__(self, vectors: NDArray[np.float32] | None, positive_counts: PositiveCounts, k: int) -> None:
        """`vectors` (n_items, dim) say how alike items are; `k` is the length of the lists."""
        self.vectors, self.positive_counts, self.k = vectors, positive_counts, k
        self._figures: defaultdict[tuple[DialName, float], list[_Figures]] = defaultdict(list)

    def add(self, ranked: RankedBlock, block: RequestBlock, targets: Targets) -> None:
        """Order the first requests of a block that have targets."""
        items, scores = ranked.candidates.items, ranked.scores
        counts = self.positive_counts(items, block.histories.now[ranked.candidates.rows])
        pairs = [np.sort(order) for order in ranked.orders]
        for name, dial in self._settings():
            rows = np.flatnonzero(targets.counts)[: _PER_BLOCK[name]]
            orders, list_scores = [], []
            for row in rows:
                own = pairs[row]
                policy = self._with_dial(block.policies[row], name, dial, items[own], counts[own])
                arranged = policy.arrange(items[own], scores[own], self.k)
                orders.append(own[arranged.order])
                list_scores.append(arranged.scores)
            wanted = targets.select(np.isin(np.arange(len(targets)), rows))
            self._figures[name, dial].append(self._measured(orders, list_scores, items, counts, wanted))

    def result(self) -> dict[DialName, tuple[DialPoint, ...]]:
        """One point a setting of each dial; no dial without requests."""
        curves: defaultdict[DialName, list[DialPoint]] = defaultdict(list)
        for (name, dial), parts in self._figures.items():
            figures = [np.concatenate(part) for part in zip(*parts, strict=True)]
            ndcg, unlike, hardly_known = (
                float(np.nanmean(values)) if not np.isnan(values).all() else 0.0 for values in figures
            )
            if len(figures[0]) and (name == "discovery" or not np.isnan(figures[1]).all()):
                curves[name].append(DialPoint(dial, ndcg, unlike, hardly_known, len(figures[0])))
        return {name: tuple(points) for name, points in curves.items()}

    def _settings(self) -> Iterator[tuple[DialName, float]]:
        """Every setting of each dial; without vectors, none of diversity."""
        yield from (("discovery", dial) for dial in DIALS)
        if self.vectors is not None:
            yield from (("diversity", dial) for dial in DIALS)

    def _with_dial(
        self, policy: Policy, name: DialName, dial: float, items: NDArray[np.int32], counts: NDArray[np.float32]
    ) -> Policy:
        """The policy of a request with another setting, for its candidates (n,), item numbers in increasing order."""
        if name == "diversity" and self.vectors is not None:
            return policy.with_dial(Diversity(dial, self.vectors))
        return policy.with_dial(Discovery(dial, lambda asked: counts[np.searchsorted(items, asked)]))

    def _measured(
        self,
        orders: list[NDArray[np.int64]],
        list_scores: list[NDArray[np.float32]],
        items: NDArray[np.int32],
        counts: NDArray[np.float32],
        wanted: Targets,
    ) -> _Figures:
        """The figures of lists of pairs, best first, with the scores in that order."""
        # Whole lists, which are cut only when they are measured, because a tie may cross the last position.
        lists = RankedLists.of([items[order] for order in orders], list_scores)
        hits = pessimistic_hits(lists, wanted)[:, : self.k]
        head = np.pad(hits, ((0, 0), (0, self.k - hits.shape[1])))
        unlike = np.full(len(orders), np.nan)
        if self.vectors is not None:
            unlike = diversity(lists.items[:, : self.k], self.vectors)
        few = counts < HARDLY_KNOWN
        hardly_known = [np.mean(few[order[: self.k]]) if len(order) else np.nan for order in orders]
        return ndcg(head, wanted.counts), unlike, np.array(hardly_known)
