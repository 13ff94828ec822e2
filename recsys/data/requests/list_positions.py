"""How much the positions of a list count: how often each is looked at, and how a metric discounts it."""

import numpy as np
from numpy.typing import NDArray

EXAMINATION_EXPONENT = 0.5
"""Position k, from 0, is looked at with probability (1 + k) ** -EXAMINATION_EXPONENT (the position-based model;
Craswell et al., WSDM 2008)."""


def inverse_examination(positions: NDArray[np.integer]) -> NDArray[np.float64]:
    """(n,) one over the probability that each position is looked at, the inverse propensity weight of a click there
    (Joachims, Swaminathan and Schnabel, Unbiased learning-to-rank with biased feedback, WSDM 2017)."""
    return np.asarray((1.0 + positions.astype(np.float64)) ** EXAMINATION_EXPONENT)


def discounts(positions: NDArray[np.integer], k: int | None = None) -> NDArray[np.float64]:
    """(n,) how much a gain at each position counts: 1 / log2(position + 2), 0 from position `k` on.

    Järvelin & Kekäläinen, "Cumulated gain-based evaluation of IR techniques", TOIS 2002.

    Args:
        positions: (n,) from 0.
        k: length of the list; None: all positions count.
    """
    discounted: NDArray[np.float64] = 1.0 / np.log2(positions + 2.0)
    return discounted if k is None else np.where(positions < k, discounted, 0.0)
