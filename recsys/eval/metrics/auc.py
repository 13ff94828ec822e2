"""Area under the ROC curve, one request at a time."""

import numpy as np
from numpy.typing import NDArray


def auc(hits: NDArray[np.bool_], listed: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Probability that a target stands before a non-target, both drawn from the list of one request.

    It looks at the whole list of ranked candidates, not at its head; items that were not ranked do not count, so two
    rankings compare only over the same candidates. Order decides: where ties have been broken against the targets
    (see `recsys.eval.ranking`), a tie counts 0 and not a half.

    Fawcett, "An introduction to ROC analysis", 2006 (but for the ties).

    Args:
        hits: (n_requests, depth), True where a target stands, best rank first.
        listed: (n_requests, depth), False where the list has ended.

    Returns:
        (n_requests,) in [0, 1]; NaN where the list lacks a target or a non-target.
    """
    others = listed & ~hits
    n_hits, n_others = hits.sum(axis=1), others.sum(axis=1)
    behind = n_others[:, None] - np.cumsum(others, axis=1)
    pairs = n_hits * n_others
    share: NDArray[np.float64] = (behind * hits).sum(axis=1) / np.where(pairs > 0, pairs, np.nan)
    return share
