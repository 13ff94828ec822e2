"""Share of the lists with at least one target."""

import numpy as np
from numpy.typing import NDArray


def hit_rate(hits: NDArray[np.bool_], n_targets: NDArray[np.int64]) -> NDArray[np.float64]:
    """hit_rate@k: 1 where the list holds a target, else 0.

    Args:
        hits: (n_requests, k), True where a target stands.
        n_targets: (n_requests,) number of targets, found or not.

    Returns:
        (n_requests,) 0 or 1; NaN without targets.
    """
    return np.where(n_targets > 0, hits.any(axis=1), np.nan)
