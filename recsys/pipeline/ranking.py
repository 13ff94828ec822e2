"""The second stage: features, ranker and policy turn candidates into ordered lists."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.feature_set import FeatureSet
from recsys.pipeline.candidates import Candidates
from recsys.pipeline.scoring import Block, Scoring
from recsys.rank.lambdarank import Ranker


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
    candidates = scoring.candidates(block, max(n_candidates, n))
    table = scoring.table(block, candidates, features)
    scores = ranker.score(table)
    bounds = np.searchsorted(candidates.rows, np.arange(len(block) + 1))
    orders = []
    for row, policy in enumerate(block.policies):
        own = slice(bounds[row], bounds[row + 1])
        order, _ = policy.arrange(candidates.items[own], scores[own], n)
        orders.append(order + bounds[row])
    return RankedBlock(candidates, table, scores, tuple(orders))
