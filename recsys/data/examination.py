"""How often a place of a list is looked at (the position-based model; Craswell et al., WSDM 2008)."""

import numpy as np
from numpy.typing import NDArray

EXAMINATION_EXPONENT = 0.5
"""The place k, from 0, is looked at with probability (1 + k) ** -EXAMINATION_EXPONENT."""


def inverse_examination(positions: NDArray[np.integer]) -> NDArray[np.float64]:
    """(n,) one over the probability that each place is looked at: what a click there stands for, had all been looked at
    (Joachims, Swaminathan and Schnabel, Unbiased learning-to-rank with biased feedback, WSDM 2017)."""
    return np.asarray((1.0 + positions.astype(np.float64)) ** EXAMINATION_EXPONENT)
