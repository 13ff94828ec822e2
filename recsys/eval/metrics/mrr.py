"""Mean reciprocal rank."""

import numpy as np
from numpy.typing import NDArray


def mrr(hits: NDArray[np.bool_], n_targets: NDArray[np.int64]) -> NDArray[np.float64]:
    """mrr@k: 1 / rank of the first target (ranks from 1), 0 when none is in the list.

    Voorhees, "The TREC-8 question answering track report", 1999.

    Args:
        hits: (n_requests, k), True where a target stands, best rank first.
        n_targets: (n_requests,) number of targets, found or not.

    Returns:
        (n_requests,) in [0, 1]; NaN without targets.
    """
    reciprocal = hits.any(axis=1) / (hits.argmax(axis=1) + 1.0) if hits.shape[1] else np.zeros(len(hits))
    return np.where(n_targets > 0, reciprocal, np.nan)
