"""Loops over a ranker's table, for the weighted sum of its columns: one pass, and no copies of the table."""

import math

import numpy as np
from numpy.typing import NDArray

from recsys.arrays.jit import SUMS_IN_ANY_ORDER, jit
from recsys.arrays.types import Floats, Ints


@jit()
def means_of_known(table: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n_columns,) mean of the values that are not NaN; 0 where all are."""
    sums, counts = np.zeros(table.shape[1]), np.zeros(table.shape[1], dtype=np.int64)
    for row in range(len(table)):
        for column in range(table.shape[1]):
            value = table[row, column]
            if not math.isnan(value):
                sums[column] += value
                counts[column] += 1
    return sums / np.maximum(counts, 1)


@jit()
def spread_within_requests(table: NDArray[np.float32], means: Floats, starts: Ints, sizes: Ints) -> NDArray[np.float64]:
    """(n_columns,) standard deviation from the mean of the request; NaN counts as the mean of all.

    Args:
        means: (n_columns,) of all rows.
        starts, sizes: (n_requests,) where the rows of each request start, and how many they are.
    """
    n_columns = table.shape[1]
    squares, own = np.zeros(n_columns), np.empty(n_columns)
    for request in range(len(starts)):
        first, stop = starts[request], starts[request] + sizes[request]
        own[:] = 0.0
        for row in range(first, stop):
            for column in range(n_columns):
                value = table[row, column]
                own[column] += 0.0 if math.isnan(value) else value - means[column]
        for column in range(n_columns):
            own[column] /= sizes[request]
        for row in range(first, stop):
            for column in range(n_columns):
                value = table[row, column]
                deviation = (0.0 if math.isnan(value) else value - means[column]) - own[column]
                squares[column] += deviation * deviation
    return np.sqrt(squares / len(table))


@jit()
def fill_scaled(table: NDArray[np.float32], means: Floats, scales: Floats, limit: float, scaled: Floats) -> None:
    """Fill `scaled` (n_rows, n_columns) with the scaled deviations from the means (n_columns,), at most `limit` from 0;
    0 for NaN."""
    for row in range(len(table)):
        for column in range(table.shape[1]):
            scaled[row, column] = _scaled(table[row, column], means[column], scales[column], limit)


@jit(fastmath=SUMS_IN_ANY_ORDER)
def fill_weighted_sums(
    table: NDArray[np.float32], means: Floats, scales: Floats, limit: float, weights: Floats, sums: Floats
) -> None:
    """Fill `sums` (n_rows,) with the sums of what `fill_scaled` gives, times the weights (n_columns,)."""
    for row in range(len(table)):
        total = 0.0
        for column in range(table.shape[1]):
            total += _scaled(table[row, column], means[column], scales[column], limit) * weights[column]
        sums[row] = total


@jit()
def _scaled(value: float, mean: float, scale: float, limit: float) -> float:
    """One scaled deviation, see `fill_scaled`."""
    deviation = (value - mean) * scale
    return 0.0 if math.isnan(deviation) else min(max(deviation, -limit), limit)
