"""What the places of a list are worth: how often one is looked at, and how much one counts in a gain."""

import numpy as np
from numpy.typing import NDArray

EXAMINATION_EXPONENT = 0.5
"""The place k, from 0, is looked at with probability (1 + k) ** -EXAMINATION_EXPONENT (the position-based model;
Craswell et al., WSDM 2008)."""


def inverse_examination(positions: NDArray[np.integer]) -> NDArray[np.float64]:
    """(n,) one over the probability that each place is looked at: how many clicks one there stands for if all places
    were looked at (Joachims, Swaminathan and Schnabel, Unbiased learning-to-rank with biased feedback, WSDM 2017)."""
    return np.asarray((1.0 + positions.astype(np.float64)) ** EXAMINATION_EXPONENT)


def discounts(places: NDArray[np.integer], k: int | None = None) -> NDArray[np.float64]:
    """(n,) how much a gain at each place counts: 1 / log2(place + 2), 0 from place `k` on.

    Järvelin & Kekäläinen, "Cumulated gain-based evaluation of IR techniques", TOIS 2002.

    Args:
        places: (n,) from 0.
        k: length of the list; None: all places count.
    """
    discounted: NDArray[np.float64] = 1.0 / np.log2(places + 2.0)
    return discounted if k is None else np.where(places < k, discounted, 0.0)
