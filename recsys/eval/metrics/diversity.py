"""How unlike one another the items of one list are."""

import numpy as np
from numpy.typing import NDArray

_BLOCK = 1024  # requests at a time: bounds the gathered vectors to some 20 MB at 10 x 384


def diversity(items: NDArray[np.int32], vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """diversity@k: mean of 1 - cosine over the pairs of items in a list.

    Ziegler et al., "Improving recommendation lists through topic diversification", WWW 2005 (intra-list similarity).
    A vector of zeros is alike to nothing (cosine 0).

    Args:
        items: (n_requests, k) item numbers, -1 where a list has ended.
        vectors: (n_items, dim) item vectors, of any length.

    Returns:
        (n_requests,) in [0, 2]; NaN for a list of fewer than two items.
    """
    return np.concatenate(
        [np.empty(0), *(_block(items[i : i + _BLOCK], vectors) for i in range(0, len(items), _BLOCK))]
    )


def _block(items: NDArray[np.int32], vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    listed = items >= 0
    chosen = np.where(listed[:, :, None], vectors[np.maximum(items, 0)], 0.0).astype(np.float64)
    norms = np.linalg.norm(chosen, axis=2, keepdims=True)
    unit = np.divide(chosen, norms, out=np.zeros_like(chosen), where=norms > 0)
    # |sum of unit vectors|^2 holds every pair twice and every vector with itself once.
    cosines = (np.square(unit.sum(axis=1)).sum(axis=1) - np.square(unit).sum(axis=(1, 2))) / 2
    n_listed = listed.sum(axis=1)
    pairs = n_listed * (n_listed - 1) / 2
    unlike: NDArray[np.float64] = 1.0 - cosines / np.where(pairs > 0, pairs, np.nan)
    return unlike
