"""How unlike the lists of different requests are."""

import numpy as np
from numpy.typing import NDArray


def personalisation(items: NDArray[np.int32]) -> float:
    """1 - the share of positions that two lists have in common, over all pairs of lists; 0 when all get the same items.

    Zhou et al., "Solving the apparent diversity-accuracy dilemma", PNAS 2010 (inter-user distance). Popularity, which
    gives everybody nearly the same list, is what it is to be read against.

    Args:
        items: (n_requests, k) item numbers, distinct within a list, -1 where a list has ended.

    Returns:
        In [0, 1]; NaN for fewer than two lists that hold an item. Others are no lists: they would be unlike all.
    """
    items = items[(items >= 0).any(axis=1)]
    n_requests, k = items.shape
    if n_requests < 2:
        return float("nan")
    counts = np.bincount(items[items >= 0]).astype(np.float64)
    shared = (counts * (counts - 1)).sum() / (n_requests * (n_requests - 1))  # mean over ordered pairs
    return float(1.0 - shared / k)
