"""The largest entries of each row of a sparse product that as a whole would not fit in memory."""

from collections.abc import Callable, Iterator

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

Weigh = Callable[[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]], NDArray[np.float32]]
"""(rows, columns, values) of entries of the product -> their final values; entries at or below 0 are dropped."""

_BLOCK_WORK = 8_000_000
"""Multiplications in one block of rows: it bounds the memory of a block to about 300 MB."""


def top_k_product(left: sp.csr_matrix, right: sp.csr_matrix, k: int, weigh: Weigh) -> sp.csr_matrix:
    """`left @ right`, each entry weighed, only the `k` largest entries of each row kept.

    Args:
        left: (n_rows, n_inner).
        right: (n_inner, n_columns).

    Returns:
        (n_rows, n_columns) float32 with sorted indices. Of equal entries those with the smaller column stay.
    """
    blocks: list[sp.csr_matrix] = []
    for start, stop in _blocks(left, right):
        product = (left[start:stop] @ right).tocoo()
        values = weigh(product.row + start, product.col, product.data).astype(np.float32)
        blocks.append(_top_k(product.row, product.col, values, product.shape, k))
    if not blocks:
        return sp.csr_matrix(np.zeros((0, right.shape[1]), dtype=np.float32))
    result: sp.csr_matrix = sp.vstack(blocks, format="csr")
    result.sort_indices()
    return result


def _blocks(left: sp.csr_matrix, right: sp.csr_matrix) -> Iterator[tuple[int, int]]:
    """Ranges of rows of about equal work."""
    per_entry = np.diff(right.indptr)[left.indices]
    work = np.concatenate([[0], np.cumsum(per_entry, dtype=np.int64)])[left.indptr]
    start = 0
    while start < left.shape[0]:
        stop = int(np.searchsorted(work, work[start] + _BLOCK_WORK, side="right")) - 1
        stop = max(start + 1, stop)
        yield start, stop
        start = stop


def _top_k(
    rows: NDArray[np.intp], columns: NDArray[np.intp], values: NDArray[np.float32], shape: tuple[int, int], k: int
) -> sp.csr_matrix:
    kept = values > 0
    rows, columns, values = rows[kept], columns[kept], values[kept]
    order = np.lexsort((columns, -values, rows))
    rows, columns, values = rows[order], columns[order], values[order]
    row_starts = np.searchsorted(rows, np.arange(shape[0]))
    best = np.arange(len(rows)) - row_starts[rows] < k
    return sp.csr_matrix((values[best], (rows[best], columns[best])), shape=shape)
