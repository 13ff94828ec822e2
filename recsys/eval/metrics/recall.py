"""Share of the targets found."""

import numpy as np
from numpy.typing import NDArray


def recall(hits: NDArray[np.bool_], n_targets: NDArray[np.int64]) -> NDArray[np.float64]:
    """recall@k: hits in the list over all targets (not over min(k, n_targets)).

    With one target a request this is the hit rate. With more than k targets 1 cannot be reached.

    Args:
        hits: (n_requests, k), True where a target stands.
        n_targets: (n_requests,) number of targets, found or not.

    Returns:
        (n_requests,) in [0, 1]; NaN without targets.
    """
    share: NDArray[np.float64] = hits.sum(axis=1) / np.where(n_targets > 0, n_targets, np.nan)
    return share
