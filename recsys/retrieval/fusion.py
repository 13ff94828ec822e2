"""Loops of reciprocal rank fusion, compiled as those of `recsys.retrieval.sparse`.

Cormack, Clarke and Buettcher, Reciprocal rank fusion outperforms Condorcet and individual rank learning methods, 2009.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from recsys.data.arrays import Flags, Floats, Ints
from recsys.retrieval.sort_keys import PLACE, descending


@njit(cache=True, nogil=True)
def keys_of_lists(
    lists: Ints, eligible: Flags, certain_offsets: Ints, certain: Ints
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """A key of the item, the source and the place for all that is in the sources' lists, and for certain items.

    Args: as for `fuse_lists`.

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
def fuse_lists(
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
                order[n_proposed] = descending(np.int64(bits[place])) | place
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
