"""How much of the catalogue is ever recommended."""

import numpy as np
from numpy.typing import NDArray


def coverage(items: NDArray[np.int32], n_items: int) -> float:
    """Share of the catalogue that appears in at least one list, in [0, 1]; NaN for an empty catalogue.

    Ge, Delgado-Battenfeld & Jannach, "Beyond accuracy", RecSys 2010 (catalogue coverage).

    Args:
        items: (n_requests, k) item numbers, -1 where a list has ended.
        n_items: size of the catalogue.
    """
    return len(np.unique(items[items >= 0])) / n_items if n_items else float("nan")
