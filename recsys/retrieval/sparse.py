"""Loops over sparse scores and links, compiled by numba at their first use and kept beside the source (or in
`NUMBA_CACHE_DIR`).

A sum for each item is built up in an accumulator as wide as the catalogue (Gustavson, Two fast algorithms for sparse
matrices, 1978), in which a bit marks each item that has one: what a row costs is what it adds and a look at the marks.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from recsys.arrays.jit import jit
from recsys.arrays.prefetch import prefetch
from recsys.arrays.types import Floats, Ints

_DE_BRUIJN = np.uint64(0x03F7_9D71_B4CB_0A89)
_BIT = np.zeros(64, dtype=np.int64)
_BIT[[((1 << bit) * int(_DE_BRUIJN)) % 2**64 >> 58 for bit in range(64)]] = np.arange(64)
"""Which bit of a word is set, when it is one alone (Leiserson et al., Using de Bruijn sequences to index a 1, 1998)."""


@jit()
def look_up(offsets: Ints, known: Ints, values: Floats, rows: Ints, items: Ints, found: Floats) -> None:
    """Fill `found` (n_pairs,) with the values of pairs of a row and an item, 0 where there is none.

    Args:
        offsets: (n_rows + 1,) where each row's items start in `known`, increasing within a row, and `values`.
    """
    for pair in range(len(rows)):
        first, end = offsets[rows[pair]], offsets[rows[pair] + 1]
        last = end
        while first < last:
            middle = (first + last) >> 1
            if known[middle] < items[pair]:
                first = middle + 1
            else:
                last = middle
        found[pair] = values[first] if first < end and known[first] == items[pair] else 0


@njit(inline="always")
def _most_entries(offsets: Ints, items: Ints, indptr: Ints, n_items: int) -> int:
    """How many linked items all rows together have at most: arguments as for `add_links`."""
    most = 0
    for row in range(len(offsets) - 1):
        links = 0
        for entry in range(offsets[row], offsets[row + 1]):
            links += indptr[items[entry] + 1] - indptr[items[entry]]
        most += min(links, n_items)
    return most


@jit()
def add_links(
    offsets: Ints, items: Ints, weights: Floats, indptr: Ints, indices: Ints, data: Floats, sums: Floats, marks: Ints
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
    """Add up, row by row, weight times link for every link of the items of a row: a product of sparse matrices.

    Args:
        offsets: (n_rows + 1,) where each row's `items` and `weights` start.
        indptr, indices, data: CSR links.
        sums, marks: an accumulator, all 0: (n_items,) float32, and 64 items to each number of (n_items / 64,) uint64.

    Returns:
        (n_rows + 1,) where each row's linked items start, these, increasing within a row, and their sums.
    """
    starts, most = np.zeros(len(offsets), dtype=np.int64), _most_entries(offsets, items, indptr, len(sums))
    linked, totals = np.empty(most, dtype=np.int32), np.empty(most, dtype=np.float32)
    for row in range(len(offsets) - 1):
        for entry in range(offsets[row], offsets[row + 1]):
            prefetch(indices, indptr[items[entry]], indptr[items[entry] + 1])
            prefetch(data, indptr[items[entry]], indptr[items[entry] + 1])
        for entry in range(offsets[row], offsets[row + 1]):
            for link in range(indptr[items[entry]], indptr[items[entry] + 1]):
                add_to_sum(data[link] * weights[entry], indices[link], sums, marks)
        starts[row + 1] = starts[row] + take_sums(sums, marks, linked[starts[row] :], totals[starts[row] :])
    return starts, linked[: starts[-1]], totals[: starts[-1]]


@jit()
def add_borrowers(
    offsets: Ints, items: Ints, values: Floats, indptr: Ints, indices: Ints, data: Floats, sums: Floats, marks: Ints
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
    """Put beside the items of each row those that borrow from them, with the sum of share times value.

    Args:
        offsets, items, values: where each row's items start, these, increasing within a row, and their values.
        indptr, indices, data: CSR of who borrows from an item, none of them in a row already, and the shares.
        sums, marks: as for `add_links`.

    Returns:
        As `add_links`.
    """
    starts = np.zeros(len(offsets), dtype=np.int64)
    most = len(items) + _most_entries(offsets, items, indptr, len(sums))
    found, totals = np.empty(most, dtype=np.int32), np.empty(most, dtype=np.float32)
    for row in range(len(offsets) - 1):
        own, last = offsets[row], offsets[row + 1]
        for entry in range(own, last):
            for link in range(indptr[items[entry]], indptr[items[entry] + 1]):
                add_to_sum(data[link] * values[entry], indices[link], sums, marks)
        behind = starts[row] + last - own  # the borrowers first stand behind the room for the row's own
        end = behind + take_sums(sums, marks, found[behind:], totals[behind:])
        for index in range(starts[row], end):
            if behind == end or (own < last and items[own] < found[behind]):
                found[index], totals[index] = items[own], values[own]
                own += 1
            else:
                found[index], totals[index] = found[behind], totals[behind]
                behind += 1
        starts[row + 1] = end
    return starts, found[: starts[-1]], totals[: starts[-1]]


@njit(inline="always")
def add_to_sum(value: float, item: int, sums: Floats, marks: Ints) -> None:
    """Add a value to the sum of an item, and mark it; `sums` and `marks` as for `add_links`."""
    sums[item] += value
    marks[item >> 6] |= np.uint64(1) << np.uint64(item & 63)


@jit()
def take_sums(sums: Floats, marks: Ints, items: Ints, totals: Floats) -> int:
    """Write the marked items in order and their sums, which are 0 and unmarked then; how many there are."""
    found = 0
    for index in range(len(marks)):
        word = marks[index]
        while word:
            rest = word & (word - np.uint64(1))
            item = index << 6 | _BIT[((word ^ rest) * _DE_BRUIJN) >> np.uint64(58)]
            items[found], totals[found] = item, sums[item]
            sums[item] = 0
            found += 1
            word = rest
        marks[index] = 0
    return found
