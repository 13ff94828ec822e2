"""Dot products of float32 vectors, several at a time, compiled as the loops of `recsys.retrieval.sparse`."""

import numpy as np
from numba import njit

from recsys.arrays.float16 import Float16Bits, as_float32
from recsys.arrays.jit import SUMS_IN_ANY_ORDER, jit
from recsys.arrays.prefetch import AHEAD, prefetch
from recsys.arrays.types import Floats, Ints


@jit(fastmath=SUMS_IN_ANY_ORDER)
def dot_products(targets: Floats, sources: Floats, found: Floats) -> None:
    """Fill `found` (n, m) with the dot products of targets (n, dim) and sources (m, dim), four at a time: each number
    of a target is read a quarter as often. One does not depend on the others, to the last bit, as in BLAS."""
    last, width = len(sources) - 1, targets.shape[1]
    for index in range(len(targets)):
        own = targets[index]
        for row in range(0, last + 1, 4):  # behind the last one, it again
            second, third, fourth = min(row + 1, last), min(row + 2, last), min(row + 3, last)
            sums = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
            for dimension in range(width):
                number = own[dimension]
                sums = (
                    sums[0] + number * sources[row, dimension],
                    sums[1] + number * sources[second, dimension],
                    sums[2] + number * sources[third, dimension],
                    sums[3] + number * sources[fourth, dimension],
                )
            found[index, row], found[index, second], found[index, third], found[index, fourth] = sums


@njit(inline="always")
def dot_products_of_two(rows: Floats, vectors: Floats, found: Floats) -> None:
    """Fill `found` (2, m) with the dot products of two rows (2, dim) and an even number of vectors (m, dim): two and
    two at a time, each number is read half as often. Sums are in any order where the loop that calls says so."""
    own, next_own = rows[0], rows[1]
    for index in range(0, len(vectors), 2):
        one, other = vectors[index], vectors[index + 1]
        sums = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
        for dimension in range(len(own)):
            sums = (
                sums[0] + own[dimension] * one[dimension],
                sums[1] + own[dimension] * other[dimension],
                sums[2] + next_own[dimension] * one[dimension],
                sums[3] + next_own[dimension] * other[dimension],
            )
        found[0, index], found[0, index + 1], found[1, index], found[1, index + 1] = sums


@jit(fastmath=SUMS_IN_ANY_ORDER)
def dot_products_of_pairs(
    users: Floats, rows: Ints, vectors: Floats | Float16Bits, items: Ints, products: Floats
) -> None:
    """Fill `products` (n_pairs,) with the dot products of users (n_requests, dim) and vectors (n_items, dim), of pairs
    of `rows` and `items` (n_pairs,)."""
    for pair in range(len(items)):
        if pair + AHEAD < len(items):
            prefetch(vectors, items[pair + AHEAD], items[pair + AHEAD] + 1)
        user, own, product = users[rows[pair]], vectors[items[pair]], np.float32(0)
        for dimension in range(len(own)):
            product += user[dimension] * as_float32(own[dimension])
        products[pair] = product
