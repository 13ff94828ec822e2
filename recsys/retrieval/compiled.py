"""Loops over scores and links that numpy has no word for, compiled by numba at their first use and kept beside the
source (or in `NUMBA_CACHE_DIR`). Most write into arrays that are given.

A key is one whole number that sorts as what it stands for, with a place in its lowest 32 bits: numpy sorts such numbers
with vector instructions, and equal scores stay in the order of their places.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from recsys.data.arrays import Flags, Floats, Ints
from recsys.data.halves import Halves, widened
from recsys.data.prefetch import AHEAD, prefetch

PLACE = np.int64(0xFFFF_FFFF)
"""The bits of a key that hold the place."""

NO_KEY = np.iinfo(np.int64).max
"""Is behind all keys, and holds -1, as int32, as its place."""

_SAMPLE = 128

_DE_BRUIJN = np.uint64(0x03F7_9D71_B4CB_0A89)
_BIT = np.zeros(64, dtype=np.int64)
_BIT[[((1 << bit) * int(_DE_BRUIJN)) % 2**64 >> 58 for bit in range(64)]] = np.arange(64)
"""Which bit of a word is set, when it is one alone (Leiserson et al., Using de Bruijn sequences to index a 1, 1998)."""


@njit(cache=True, nogil=True)
def falling(bits: np.int64) -> np.int64:
    """The upper half of a key: increases as float32 values, given as their bits, decrease."""
    return ~(bits ^ ((bits >> 31) & 0x7FFF_FFFF)) << 32


@njit(cache=True, nogil=True)
def keys_of_known(values: Floats, bits: Ints, keys: Ints) -> int:
    """Write the keys of all values that are neither 0 nor NaN; how many there are.

    Args:
        values: (n,) float32, and the same as int32 in `bits`.
        keys: (n,) int64.
    """
    found = 0
    for place in range(len(values)):
        if values[place] != 0 and values[place] == values[place]:
            keys[found] = falling(np.int64(bits[place])) | place
            found += 1
    return found


@njit(cache=True, nogil=True)
def rank_keys(scores: Floats, bits: Ints, keys: Ints) -> None:
    """Fill `keys` (n_ranked, n): whole numbers that sort as the scores fall, with the place in their lowest bits.

    Args:
        scores: (n_rows, n) float32, and the same as int32 in `bits`; the first `n_ranked` rows are looked at.
    """
    for row in range(len(keys)):
        for place in range(keys.shape[1]):
            own = np.int64(bits[row, place]) if scores[row, place] != 0 else np.int64(0)  # -0 is 0
            keys[row, place] = falling(own) | place


@njit(cache=True, nogil=True)
def keys_of_best(
    offsets: Ints, items: Ints, values: Floats, bits: Ints, eligible: Flags, n: int, many: float
) -> NDArray[np.int64]:
    """Keys, with items in the place of places, of values that are not 0 and of eligible items: the `n` highest of each
    row, as far as there are so many, and some more.

    Args:
        offsets: (n_rows + 1,) where each row's `items` and `values` start, the latter as int32 in `bits`.
        eligible: (n_rows, n_items).
        many: of a row with more than so many times `n` values, most are passed over for what a sample says.

    Returns:
        (n_rows, most) in no order, `NO_KEY` behind the last one.
    """
    n_rows, widest, most = len(eligible), 0, 0
    for row in range(n_rows):
        widest = max(widest, offsets[row + 1] - offsets[row])
    keys, found = np.empty((n_rows, widest), dtype=np.int64), np.empty(n_rows, dtype=np.int64)
    for row in range(n_rows):
        first, last = offsets[row], offsets[row + 1]
        least = at_least(values[first:last], n) if last - first > many * n else -np.inf
        found[row] = keys_among(items, values, bits, first, last, least, eligible[row], keys[row])
        if found[row] < n and least > -np.inf:
            found[row] = keys_among(items, values, bits, first, last, -np.inf, eligible[row], keys[row])
        most = max(most, found[row])
    for row in range(n_rows):
        keys[row, found[row] : most] = NO_KEY
    return keys[:, :most]


@njit(cache=True, nogil=True)
def at_least(values: Floats, n: int) -> float:
    """About what the 2 `n` highest values reach, by a sample."""
    sample = np.empty(_SAMPLE, dtype=np.float32)
    for place in range(_SAMPLE):
        sample[place] = values[place * len(values) // _SAMPLE]
    sample.sort()
    reached: float = sample[_SAMPLE - min(max(2 * n * _SAMPLE // len(values), 1), _SAMPLE)]
    return reached


@njit(cache=True, nogil=True)
def keys_among(
    items: Ints, values: Floats, bits: Ints, first: int, last: int, least: float, eligible: Flags, keys: Ints
) -> int:
    """Write the keys of the values [first, last) that reach a least one, see `keys_of_best`; how many there are.

    Without branches, which would often be guessed wrong; what is eligible lies far away, and is asked apart.
    """
    high = found = 0
    for place in range(first, last):
        keys[high] = falling(np.int64(bits[place])) | items[place]
        high += (values[place] >= least) & (values[place] != 0)
    for place in range(high):
        keys[found] = keys[place]
        found += eligible[keys[place] & PLACE]
    return found


@njit(cache=True, nogil=True)
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
def _most_linked(offsets: Ints, items: Ints, indptr: Ints, n_items: int) -> int:
    """How many linked items all rows together have at most: arguments as for `scatter`."""
    most = 0
    for row in range(len(offsets) - 1):
        links = 0
        for entry in range(offsets[row], offsets[row + 1]):
            links += indptr[items[entry] + 1] - indptr[items[entry]]
        most += min(links, n_items)
    return most


@njit(cache=True, nogil=True)
def scatter(
    offsets: Ints, items: Ints, weights: Floats, indptr: Ints, indices: Ints, data: Floats, sums: Floats, marks: Ints
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
    """Add up, row by row, weight times link for every link of the items of a row.

    Args:
        offsets: (n_rows + 1,) where each row's `items` and `weights` start.
        indptr, indices, data: CSR links.
        sums, marks: of `recsys.retrieval.scores`, all 0.

    Returns:
        (n_rows + 1,) where each row's linked items start, these, increasing within a row, and their sums.
    """
    starts, most = np.zeros(len(offsets), dtype=np.int64), _most_linked(offsets, items, indptr, len(sums))
    linked, totals = np.empty(most, dtype=np.int32), np.empty(most, dtype=np.float32)
    for row in range(len(offsets) - 1):
        for entry in range(offsets[row], offsets[row + 1]):
            prefetch(indices, indptr[items[entry]], indptr[items[entry] + 1])
            prefetch(data, indptr[items[entry]], indptr[items[entry] + 1])
        for entry in range(offsets[row], offsets[row + 1]):
            for link in range(indptr[items[entry]], indptr[items[entry] + 1]):
                add(data[link] * weights[entry], indices[link], sums, marks)
        starts[row + 1] = starts[row] + gather(sums, marks, linked[starts[row] :], totals[starts[row] :])
    return starts, linked[: starts[-1]], totals[: starts[-1]]


@njit(cache=True, nogil=True)
def lend(
    offsets: Ints, items: Ints, values: Floats, indptr: Ints, indices: Ints, data: Floats, sums: Floats, marks: Ints
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
    """Put beside the items of each row those that borrow from them, with the sum of share times value.

    Args:
        offsets, items, values: where each row's items start, these, increasing within a row, and their values.
        indptr, indices, data: CSR of who borrows from an item, none of them in a row already, and the shares.
        sums, marks: as for `scatter`.

    Returns:
        As `scatter`.
    """
    starts = np.zeros(len(offsets), dtype=np.int64)
    most = len(items) + _most_linked(offsets, items, indptr, len(sums))
    found, totals = np.empty(most, dtype=np.int32), np.empty(most, dtype=np.float32)
    for row in range(len(offsets) - 1):
        own, last = offsets[row], offsets[row + 1]
        for entry in range(own, last):
            for link in range(indptr[items[entry]], indptr[items[entry] + 1]):
                add(data[link] * values[entry], indices[link], sums, marks)
        behind = starts[row] + last - own  # the borrowers first stand behind the room for the row's own
        end = behind + gather(sums, marks, found[behind:], totals[behind:])
        for place in range(starts[row], end):
            if behind == end or (own < last and items[own] < found[behind]):
                found[place], totals[place] = items[own], values[own]
                own += 1
            else:
                found[place], totals[place] = found[behind], totals[behind]
                behind += 1
        starts[row + 1] = end
    return starts, found[: starts[-1]], totals[: starts[-1]]


@njit(inline="always")
def add(value: float, item: int, sums: Floats, marks: Ints) -> None:
    """Add a value to the sum of an item, and mark it; `sums` and `marks` as for `scatter`."""
    sums[item] += value
    marks[item >> 6] |= np.uint64(1) << np.uint64(item & 63)


@njit(cache=True, nogil=True)
def gather(sums: Floats, marks: Ints, items: Ints, totals: Floats) -> int:
    """Write the marked items in order and their sums, which are 0 and unmarked then; how many there are."""
    found = 0
    for place in range(len(marks)):
        word = marks[place]
        while word:
            rest = word & (word - np.uint64(1))
            item = place << 6 | _BIT[((word ^ rest) * _DE_BRUIJN) >> np.uint64(58)]
            items[found], totals[found] = item, sums[item]
            sums[item] = 0
            found += 1
            word = rest
        marks[place] = 0
    return found


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def products(targets: Floats, sources: Floats, found: Floats) -> None:
    """Fill `found` (n, m) with the dot products of targets (n, dim) and sources (m, dim), four at a time: each number
    of a target is read a quarter as often. One does not depend on the others, to the last bit, as in BLAS."""
    last, width = len(sources) - 1, targets.shape[1]
    for place in range(len(targets)):
        own = targets[place]
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
            found[place, row], found[place, second], found[place, third], found[place, fourth] = sums


@njit(inline="always")
def products_of_two(rows: Floats, vectors: Floats, found: Floats) -> None:
    """Fill `found` (2, m) with the dot products of two rows (2, dim) and an even number of vectors (m, dim): two and
    two at a time, each number is read half as often. Sums are in any order where the loop that calls says so."""
    own, next_own = rows[0], rows[1]
    for place in range(0, len(vectors), 2):
        one, other = vectors[place], vectors[place + 1]
        sums = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
        for dimension in range(len(own)):
            sums = (
                sums[0] + own[dimension] * one[dimension],
                sums[1] + own[dimension] * other[dimension],
                sums[2] + next_own[dimension] * one[dimension],
                sums[3] + next_own[dimension] * other[dimension],
            )
        found[0, place], found[0, place + 1], found[1, place], found[1, place + 1] = sums


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def products_of(users: Floats, rows: Ints, vectors: Floats | Halves, items: Ints, products: Floats) -> None:
    """Fill `products` (n_pairs,) with the dot products of users (n_requests, dim) and vectors (n_items, dim), of pairs
    of `rows` and `items` (n_pairs,)."""
    for pair in range(len(items)):
        if pair + AHEAD < len(items):
            prefetch(vectors, items[pair + AHEAD], items[pair + AHEAD] + 1)
        user, own, product = users[rows[pair]], vectors[items[pair]], np.float32(0)
        for dimension in range(len(own)):
            product += user[dimension] * widened(own[dimension])
        products[pair] = product


@njit(cache=True, nogil=True)
def places_in(cells: Ints, starts: Ints, n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the members of the first cells of each row stand, until there are `n` of them.

    Args:
        cells: (n_rows, depth) the nearest first.
        starts: (n_cells + 1,) where the members of each cell start.

    Returns:
        (n_rows + 1,) where each row's places start, and these.
    """
    bounds, read = np.zeros(len(cells) + 1, dtype=np.int64), np.zeros(len(cells), dtype=np.int64)
    for row in range(len(cells)):
        found = 0
        while read[row] < cells.shape[1] and found < n:
            cell = cells[row, read[row]]
            found += starts[cell + 1] - starts[cell]
            read[row] += 1
        bounds[row + 1] = bounds[row] + found
    places, found = np.empty(bounds[-1], dtype=np.int64), 0
    for row in range(len(cells)):
        for cell in cells[row, : read[row]]:
            for place in range(starts[cell], starts[cell + 1]):
                places[found] = place
                found += 1
    return bounds, places


@njit(cache=True, nogil=True)
def keys_of_lists(
    lists: Ints, eligible: Flags, certain_offsets: Ints, certain: Ints
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """A key of the item, the source and the place for all that is in the sources' lists, and for certain items.

    Args: as for `fuse`.

    Returns:
        Keys (n,) and (n_requests + 1,) where those of each request start.
    """
    n_sources, n_requests, n = lists.shape
    keys = np.empty(n_sources * n_requests * n + len(certain), dtype=np.int64)
    starts, found = np.zeros(n_requests + 1, dtype=np.int64), 0
    for request in range(n_requests):
        for source in range(n_sources):
            for place in range(n):
                if lists[source, request, place] < 0:
                    break
                keys[found] = np.int64(lists[source, request, place]) << 32 | source << 24 | place
                found += 1
        for entry in range(certain_offsets[request], certain_offsets[request + 1]):
            if eligible[request, certain[entry]]:
                keys[found] = np.int64(certain[entry]) << 32 | n_sources << 24
                found += 1
        starts[request + 1] = found
    return keys[:found], starts


@njit(cache=True, nogil=True)
def fuse(
    keys: Ints,
    starts: Ints,
    n_sources: int,
    worth: Floats,
    eligible: Flags,
    rows: Ints,
    items: Ints,
    proposed_by: Ints,
    fused: Floats,
) -> int:
    """Merge the sources' lists into the candidates of each request, see `recsys.pipeline.candidates.propose`.

    Args:
        keys, starts: of `keys_of_lists` (n_sources, n_requests, n), the keys of each request sorted.
        worth: (n,) float32 of each place.
        eligible: (n_requests, n_items).
        rows, items, proposed_by, fused: filled; n a request and all the certain ones are enough.

    Returns:
        How many pairs there are.
    """
    n, most = len(worth), len(keys)
    own, marks = np.empty(most, np.int64), np.empty(most, np.int64)
    sums, order, kept = np.empty(most, np.float32), np.empty(most, np.int64), np.empty(most, np.bool_)
    bits = sums.view(np.int32)
    size = 0
    for request in range(len(starts) - 1):
        found, last = 0, -1
        for key in keys[starts[request] : starts[request + 1]]:
            if key >> 32 != last:
                last = key >> 32
                own[found], marks[found], sums[found], kept[found] = last, 0, np.float32(0), False
                found += 1
            source = (key >> 24) & 0xFF
            if source == n_sources:
                kept[found - 1] = True
            else:
                marks[found - 1] |= 1 << source
                sums[found - 1] += worth[key & 0xFF_FFFF]
        n_proposed = 0
        for place in range(found):
            if marks[place]:
                order[n_proposed] = falling(np.int64(bits[place])) | place
                n_proposed += 1
        if n_proposed > n:
            order[:n] = np.partition(order[:n_proposed], n - 1)[:n]
        for place in order[: min(n, n_proposed)]:
            kept[place & PLACE] = True
        lacking, item, place = n - n_proposed, 0, 0
        while place < found or (lacking > 0 and item < eligible.shape[1]):
            if lacking > 0:  # other items fill up, in the order of their numbers
                if place < found and own[place] == item:
                    lacking -= not marks[place]
                elif eligible[request, item]:
                    rows[size], items[size], proposed_by[size], fused[size] = request, item, 0, np.float32(0)
                    size += 1
                    lacking -= 1
            if place < found and (lacking <= 0 or own[place] == item):
                if kept[place]:
                    rows[size], items[size], proposed_by[size] = request, own[place], marks[place]
                    fused[size] = sums[place]
                    size += 1
                place += 1
            item += 1
    return size
