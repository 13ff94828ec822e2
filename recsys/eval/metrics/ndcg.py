"""Normalised discounted cumulative gain."""

import numpy as np
from numpy.typing import NDArray

from recsys.data.requests.list_positions import discounts


def ndcg(hits: NDArray[np.bool_], n_targets: NDArray[np.int64]) -> NDArray[np.float64]:
    """ndcg@k with gains of 0 and 1: sum of hit / log2(rank + 1), over the same sum of the best possible list.

    The best list holds min(k, n_targets) targets at its head, so 1 can always be reached.

    Järvelin & Kekäläinen, "Cumulated gain-based evaluation of IR techniques", TOIS 2002.

    Args:
        hits: (n_requests, k), True where a target stands, best rank first.
        n_targets: (n_requests,) number of targets, found or not.

    Returns:
        (n_requests,) in [0, 1]; NaN without targets.
    """
    k = hits.shape[1]
    discount = discounts(np.arange(k))
    ideal = np.concatenate([[np.nan], np.cumsum(discount)])
    result: NDArray[np.float64] = hits @ discount / ideal[np.minimum(n_targets, k)]
    return np.minimum(result, 1.0)  # the two sums can differ in the last bit
