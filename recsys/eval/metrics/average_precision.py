"""Average precision; its mean over requests is map."""

import numpy as np
from numpy.typing import NDArray


def average_precision(hits: NDArray[np.bool_], n_targets: NDArray[np.int64]) -> NDArray[np.float64]:
    """map@k of each request: the precision at the rank of every target found, summed, over min(k, n_targets).

    Manning, Raghavan & Schütze, "Introduction to Information Retrieval", 2008, chapter 8.4; the sum is divided by the
    number of targets that fit into the list, so 1 can always be reached.

    Args:
        hits: (n_requests, k), True where a target stands, best rank first.
        n_targets: (n_requests,) number of targets, found or not.

    Returns:
        (n_requests,) in [0, 1]; NaN without targets.
    """
    k = hits.shape[1]
    precision = np.cumsum(hits, axis=1) / np.arange(1, k + 1)
    best = np.minimum(n_targets, k)
    average: NDArray[np.float64] = (precision * hits).sum(axis=1) / np.where(best > 0, best, np.nan)
    return average
