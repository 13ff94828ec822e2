"""How well next events are ranked: the figure that training watches."""

import numpy as np
from numpy.typing import NDArray

from recsys.text.instances import Instances
from recsys.text.scoring import Scorer

_CUT = 10
_REQUESTS_PER_BLOCK = 256


def ndcg(scorer: Scorer, instances: Instances) -> float:
    """Mean ndcg@10 of the targets among all items; what the history holds does not compete, unless it is the target.

    Ties count against the target.
    """
    total = 0.0
    for start in range(0, len(instances), _REQUESTS_PER_BLOCK):
        some = instances.select(slice(start, start + _REQUESTS_PER_BLOCK))
        total += float(_gains(scorer, some).sum())
    return total / max(1, len(instances))


def _gains(scorer: Scorer, instances: Instances) -> NDArray[np.float64]:
    histories, targets = instances.histories(), instances.targets.items
    scores = scorer.score(histories)
    rows = np.arange(len(targets))
    own = scores[rows, targets]
    scores[histories.rows, histories.items] = -np.inf
    scores[rows, targets] = -np.inf
    ranks = (scores >= own[:, None]).sum(axis=1)
    gains: NDArray[np.float64] = np.where(ranks < _CUT, 1.0 / np.log2(ranks + 2.0), 0.0)
    return gains
