"""Which of many numbers are among a few."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def are_among(numbers: NDArray[np.integer[Any]], few: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
    """True where a number, in an array of any shape, is among a few others (n,). The same as `np.isin` in a third of
    the time, because only the few are sorted."""
    if not few.size:
        return np.zeros(numbers.shape, dtype=bool)
    ordered = np.sort(few)
    indices = np.minimum(ordered.searchsorted(numbers), len(ordered) - 1)
    return np.asarray(ordered[indices] == numbers)
