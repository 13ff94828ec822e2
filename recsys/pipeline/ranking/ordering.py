"""The second stage: features, ranker and policy turn candidates into ordered lists."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.feature_set import FeatureSet
from recsys.pipeline.candidates.merging import Candidates
from recsys.pipeline.candidates.request_block import RequestBlock
from recsys.pipeline.ranking.rankers import Rankers
from recsys.pipeline.ranking.required import candidates_of
from recsys.pipeline.ranking.scoring import Scoring
from recsys.policy.policy import PolicyChange

_TIE_BREAK = np.float32(1e-4)
"""Weight of the sources' common order, far below what a tree adds: it decides among candidates that few trees leave
equal."""

_QUERY_WEIGHT = np.float32(2.0)
"""Weight of how well an item matches the query: standard deviations of a list's scores for each standard deviation of
its similarities."""

RANKER = "ranker"
"""Name of the stage that is left out when the sources' common order stands in for the ranker's."""

_TIME_OF_RANKER = 0.8
"""Share of the time allowed for a list after which it is not ranked any more."""


@dataclass(frozen=True)
class RankedBlock:
    """Ordered lists of a block.

    Attributes:
        candidates: the pairs that were ranked.
        table: (n_pairs, n_features) what the ranker saw.
        kinds: (n_pairs,) the `RequestKind` of the request of each.
        scores: (n_pairs,) the ranker's scores.
        orders: per request, indices of its pairs, best first, after the policy.
        list_scores: per request, in that order, the ranker's scores with what query and policy add to them.
        propensities: per request, in that order, the probability with which each item stands at its position.
        changes: per request, what each step of the policy changed.
    """

    candidates: Candidates
    table: NDArray[np.float32]
    kinds: NDArray[np.int8]
    scores: NDArray[np.float32]
    orders: tuple[NDArray[np.int64], ...]
    list_scores: tuple[NDArray[np.float32], ...]
    propensities: tuple[NDArray[np.float32], ...]
    changes: tuple[list[PolicyChange], ...]

    @property
    def listed(self) -> NDArray[np.bool_]:
        """(n_pairs,) False for candidates that are ranked for comparison only, where a request names the items that may
        be listed."""
        listed = np.zeros(len(self.scores), dtype=bool)
        listed[np.concatenate([np.zeros(0, dtype=np.int64), *self.orders])] = True
        return listed


def rank_block(
    scoring: Scoring,
    features: FeatureSet,
    rankers: Rankers,
    block: RequestBlock,
    n_candidates: int,
    lengths: Sequence[int],
) -> RankedBlock:
    """Rank a block of requests.

    Args:
        n_candidates: items ranked per request.
        lengths: length of each list as it will be shown; after that the order is the ranker's.
    """
    stages, most = block.stages, max(n_candidates, *lengths)
    candidates = stages.run("candidates", lambda: candidates_of(scoring, block, most, lengths))

    def score() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        table = stages.run("features", lambda: scoring.table(block, candidates, features))
        scores = stages.run("ranker", lambda: rankers.score(table, block.kinds[candidates.rows]))
        return table, scores + _TIE_BREAK * candidates.fused

    scored = stages.attempt(RANKER, _TIME_OF_RANKER, score)
    if scored is None:
        scored = np.full((len(candidates.rows), len(features.names)), np.nan, dtype=np.float32), candidates.fused
    return stages.run(
        "policy", lambda: _arranged(block, candidates, *scored, scoring.query_similarities(block, candidates), lengths)
    )


def _arranged(
    block: RequestBlock,
    candidates: Candidates,
    table: NDArray[np.float32],
    scores: NDArray[np.float32],
    similarities: NDArray[np.float32] | None,
    lengths: Sequence[int],
) -> RankedBlock:
    """The lists, ordered by score and match with the query, then arranged by the policies."""
    bounds = np.searchsorted(candidates.rows, np.arange(len(block) + 1))
    orders, list_scores, propensities, changes = [], [], [], []
    for row, (policy, only, n) in enumerate(zip(block.policies, block.only, lengths, strict=True)):
        pairs = np.arange(bounds[row], bounds[row + 1])
        if only is not None:
            pairs = pairs[np.isin(candidates.items[pairs], only)]
        own = scores[pairs] if similarities is None else _with_query(scores[pairs], similarities[pairs])
        arranged = policy.arrange(candidates.items[pairs], own, n)
        orders.append(pairs[arranged.order])
        list_scores.append(arranged.scores)
        propensities.append(arranged.propensities)
        changes.append(arranged.changes)
    return RankedBlock(
        candidates,
        table,
        block.kinds[candidates.rows],
        scores,
        tuple(orders),
        tuple(list_scores),
        tuple(propensities),
        tuple(changes),
    )


def _with_query(scores: NDArray[np.float32], similarities: NDArray[np.float32]) -> NDArray[np.float32]:
    """The scores of one list, raised by how well its items match the query, which the ranker knows nothing of.

    Args:
        scores: (n,) the ranker's.
        similarities: (n,) cosines of text and query; all 0 without a query.
    """
    spread = similarities.std() if len(similarities) else 0.0
    return scores + _QUERY_WEIGHT * scores.std() * (similarities - similarities.mean()) / spread if spread else scores
