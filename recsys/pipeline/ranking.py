"""The second stage: features, ranker and policy turn candidates into ordered lists."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.feature_set import FeatureSet
from recsys.pipeline.candidates import Candidates, Pairs
from recsys.pipeline.scoring import Block, Scoring
from recsys.rank.lambdarank import Ranker

_TIE_BREAK = np.float32(1e-4)
"""Far below what a tree adds: where few trees leave candidates equal, the sources' common order decides."""


@dataclass(frozen=True)
class RankedBlock:
    """Ordered lists of a block.

    Attributes:
        candidates: the pairs that were ranked.
        table: (n_pairs, n_features) what the ranker saw.
        scores: (n_pairs,) the ranker's scores.
        orders: per request, indices of its pairs, best first, after the policy.
    """

    candidates: Candidates
    table: NDArray[np.float32]
    scores: NDArray[np.float32]
    orders: tuple[NDArray[np.int64], ...]


def rank_block(
    scoring: Scoring, features: FeatureSet, ranker: Ranker, block: Block, n_candidates: int, n: int
) -> RankedBlock:
    """Rank a block of requests.

    Args:
        n_candidates: items ranked per request.
        n: length of the lists that will be shown; the order behind it is the ranker's.
    """
    candidates = scoring.candidates(block, max(n_candidates, n), _certain(block))
    table = scoring.table(block, candidates, features)
    scores = ranker.score(table) + _TIE_BREAK * candidates.fused
    bounds = np.searchsorted(candidates.rows, np.arange(len(block) + 1))
    orders = []
    for row, policy in enumerate(block.policies):
        pairs = np.arange(bounds[row], bounds[row + 1])
        only = block.only[row] if block.only else None
        if only is not None:
            pairs = pairs[np.isin(candidates.items[pairs], only)]
        order, _ = policy.arrange(candidates.items[pairs], scores[pairs], n)
        orders.append(pairs[order])
    return RankedBlock(candidates, table, scores, tuple(orders))


def _certain(block: Block) -> Pairs | None:
    """Items that the caller wants ranked. The sources' candidates are ranked beside them, for a place among those is
    what the ranker has learned from; a list of three ranked alone would look to it like the best three of hundreds."""
    if not block.only:
        return None
    given = {row: only for row, only in enumerate(block.only) if only is not None}
    rows = np.repeat(np.array([*given], dtype=np.int64), [len(only) for only in given.values()])
    return rows, np.concatenate([np.zeros(0, dtype=np.int32), *given.values()])
