"""How little known the recommended items are."""

import numpy as np
from numpy.typing import NDArray


def novelty(items: NDArray[np.int32], popularity: NDArray[np.float64]) -> NDArray[np.float64]:
    """novelty@k: mean self-information of the listed items in bits, -log2(share of the events that are the item's).

    Zhou et al., "Solving the apparent diversity-accuracy dilemma", PNAS 2010. Every count is raised by one, so that an
    item never seen has a finite novelty.

    Args:
        items: (n_requests, k) item numbers, -1 where a list has ended.
        popularity: (n_items,) number of training events of each item.

    Returns:
        (n_requests,) bits, higher is less known; NaN for an empty list.
    """
    information = np.log2(popularity.sum() + len(popularity)) - np.log2(popularity + 1.0)
    listed = items >= 0
    n_listed = listed.sum(axis=1)
    total = np.where(listed, np.append(information, 0.0)[items], 0.0).sum(axis=1)
    mean: NDArray[np.float64] = total / np.where(n_listed > 0, n_listed, np.nan)
    return mean
