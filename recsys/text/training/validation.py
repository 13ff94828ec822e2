"""How well next events are ranked: the figure that training watches."""

import numpy as np
from numpy.typing import NDArray

from recsys.data.requests.list_positions import discounts
from recsys.significance import standard_error
from recsys.text.examples import Examples
from recsys.text.scoring import Scorer

_CUT = 10
"""Places of the ndcg."""

_REQUESTS_PER_BLOCK = 256


def ndcg_of_targets(scorer: Scorer, examples: Examples) -> NDArray[np.float64]:
    """(n,) ndcg@10 of each target among all items; what the history holds does not compete, unless it is the target.

    Ties count against the target, and so do scores that are NaN.
    """
    blocks = range(0, len(examples), _REQUESTS_PER_BLOCK)
    parts = [_ndcg_of_block(scorer, examples.select(slice(start, start + _REQUESTS_PER_BLOCK))) for start in blocks]
    return np.concatenate([*parts, np.empty(0)])


def is_better(now: NDArray[np.float64], before: NDArray[np.float64]) -> bool:
    """True where the mean gain rose by more than one standard error of the paired difference."""
    difference = now - before
    return bool(difference.mean() > standard_error(difference))


def _ndcg_of_block(scorer: Scorer, examples: Examples) -> NDArray[np.float64]:
    histories, targets = examples.histories(), examples.targets.items
    scores = scorer.score(histories)
    rows = np.arange(len(targets))
    own = scores[rows, targets]
    scores[histories.rows, histories.items] = -np.inf
    scores[rows, targets] = -np.inf
    ranks = (~(scores < own[:, None])).sum(axis=1)
    return discounts(ranks, _CUT)
