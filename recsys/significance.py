"""Whether a mean of paired differences is significant."""

import numpy as np
from numpy.typing import NDArray

SIGNIFICANT = 2.0
"""Standard errors by which a mean must be above 0 where chance alone must hardly ever decide."""


def standard_error(values: NDArray[np.floating]) -> float:
    """Standard error of the mean of independent values (n,), n above 0."""
    return float(values.std() / np.sqrt(len(values)))
