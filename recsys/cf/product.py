"""The largest entries of each row of a sparse product that would not fit in memory as a whole."""

from collections.abc import Callable, Iterator

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys.arrays.ragged import offsets_of, rows_of_entries

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
        (n_rows, n_columns) float32 with sorted indices.
    """
    blocks: list[sp.csr_matrix] = []
    for start, stop in _blocks(left, right):
        product = left[start:stop] @ right
        rows = start + rows_of_entries(product.indptr)
        product.data = weigh(rows, product.indices, product.data)
        blocks.append(top_k(product, k))
    if not blocks:
        return sp.csr_matrix(np.zeros((0, right.shape[1]), dtype=np.float32))
    result: sp.csr_matrix = sp.vstack(blocks, format="csr")
    result.sort_indices()
    return result


def values_of_product(left: sp.csr_matrix, right: sp.csr_matrix, at: sp.csr_matrix) -> NDArray[np.float32]:
    """(nnz,) the values of `left @ right` where `at` has an entry, in the order of its entries."""
    values = np.zeros(at.nnz, dtype=np.float32)
    for start, stop in _blocks(left, right):
        first, last = at.indptr[start], at.indptr[stop]
        rows = rows_of_entries(at.indptr[start : stop + 1])
        if len(rows):
            values[first:last] = values_at(left[start:stop] @ right, rows, at.indices[first:last])
    return values


def values_at(matrix: sp.csr_matrix, rows: NDArray[np.integer], columns: NDArray[np.integer]) -> NDArray[np.float32]:
    """(n,) the values of a matrix at entries, 0 without an entry; sorts the matrix's indices.

    scipy's own look-up may read a whole row for each entry.
    """
    matrix.sort_indices()
    n_columns = matrix.shape[1]
    known = rows_of_entries(matrix.indptr).astype(np.int64) * n_columns + matrix.indices
    wanted = rows.astype(np.int64) * n_columns + columns
    indices = np.minimum(np.searchsorted(known, wanted), max(len(known) - 1, 0))
    if not len(known):
        return np.zeros(len(wanted), dtype=np.float32)
    return np.where(known[indices] == wanted, matrix.data[indices], 0).astype(np.float32)


def _blocks(left: sp.csr_matrix, right: sp.csr_matrix) -> Iterator[tuple[int, int]]:
    """Ranges of rows of about equal work."""
    per_entry = np.diff(right.indptr)[left.indices]
    work = offsets_of(per_entry)[left.indptr]
    start = 0
    while start < left.shape[0]:
        stop = int(np.searchsorted(work, work[start] + _BLOCK_WORK, side="right")) - 1
        stop = max(start + 1, stop)
        yield start, stop
        start = stop


def top_k(matrix: sp.csr_matrix, k: int) -> sp.csr_matrix:
    """The `k` largest entries of each row that are above 0."""
    kept = matrix.data > 0
    lengths = np.diff(matrix.indptr)
    for row in np.flatnonzero(lengths > k):
        start, surplus = matrix.indptr[row], lengths[row] - k
        values = matrix.data[start : matrix.indptr[row + 1]]
        kept[start + np.argpartition(values, surplus)[:surplus]] = False
    ends = offsets_of(kept)[matrix.indptr]
    return sp.csr_matrix((matrix.data[kept], matrix.indices[kept], ends), shape=matrix.shape)
