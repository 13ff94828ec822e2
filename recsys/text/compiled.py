"""The loop over vectors that serving spends most time in, compiled by numba at its first use."""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def mixture_logits(
    targets: NDArray[np.float32],
    biases: NDArray[np.float32],
    items: NDArray[np.integer],
    vectors: NDArray[np.float32],
    weights: NDArray[np.float32],
    logits: NDArray[np.float32],
) -> None:
    """Fill `logits` (k,): log sum_c weights_c exp(vectors_c . target_item) + bias_item.

    Args:
        targets, biases: (n_items, dim) and (n_items,).
        items: (k,) numbers.
        vectors, weights: (m, dim) and (m,).
    """
    for place in range(len(items)):
        item, total = items[place], np.float32(0)
        for row in range(len(vectors)):
            product = np.float32(0)
            for dimension in range(vectors.shape[1]):
                product += vectors[row, dimension] * targets[item, dimension]
            total += weights[row] * math.exp(product)
        logits[place] = math.log(total) + biases[item]
