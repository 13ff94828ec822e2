"""Ranker rows for the tests of the ranker."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.rank.rows import RankerRows


def rows_of(table: NDArray[np.float32], gains: NDArray[np.float32], size: int, **others: Any) -> RankerRows:
    """Requests of `size` rows each, one moment after the other; what is worth more than 1 is bought.

    Args:
        others: further columns of the rows, or other ones in place of these.
    """
    n_requests = len(table) // size
    columns = {
        "bought": gains > 1,
        "sizes": np.full(n_requests, size, dtype=np.int64),
        "times": np.arange(n_requests, dtype=np.int64),
        "proposed_by": np.zeros(len(table), dtype=np.uint16),
    }
    return RankerRows(table, gains, **{**columns, **others})
