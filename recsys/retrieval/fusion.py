"""Loops of reciprocal rank fusion, compiled as those of `recsys.retrieval.sparse`.

Cormack, Clarke and Buettcher, Reciprocal rank fusion outperforms Condorcet and individual rank learning methods, 2009.
"""

import numpy as np
from numpy.typing import NDArray

from recsys.data.arrays import Flags, Floats, Ints
from recsys.data.jit import jit
from recsys.retrieval.sort_keys import PLACE, descending


@jit()
def keys_of_lists(
    lists: Ints, eligible: Flags, required_offsets: Ints, required: Ints
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """A key of the item, the source and the place for all that is in the sources' lists, and for required items.

    Args:
        lists: (n_sources, n_requests, n) the best items of each source, -1 behind the last one.
        eligible: (n_requests, n_items).
        required_offsets, required: (n_requests + 1,) where the items of each request start that are candidates whatever
            the sources say, and these: the eligible ones get the key of a source behind all others.

    Returns:
        Keys (n,) and (n_requests + 1,) where those of each request start.
    """
    n_sources, n_requests, n = lists.shape
    keys = np.empty(n_sources * n_requests * n + len(required), dtype=np.int64)
    starts, found = np.zeros(n_requests + 1, dtype=np.int64), 0
    for request in range(n_requests):
        for source in range(n_sources):
            for place in range(n):
                if lists[source, request, place] < 0:
                    break
                keys[found] = np.int64(lists[source, request, place]) << 32 | source << 24 | place
                found += 1
        for entry in range(required_offsets[request], required_offsets[request + 1]):
            if eligible[request, required[entry]]:
                keys[found] = np.int64(required[entry]) << 32 | n_sources << 24
                found += 1
        starts[request + 1] = found
    return keys[:found], starts


@jit()
def fuse_lists(
    keys: Ints,
    starts: Ints,
    n_sources: int,
    worth: Floats,
    items: Ints,
    source_bits: Ints,
    fused: Floats,
    bits: Ints,
    required: Flags,
    by_worth: Ints,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Add up what the sources' lists say of each item of a request.

    Args:
        keys, starts: of `keys_of_lists`, the keys of each request sorted.
        worth: (n,) float32 reciprocal rank of each place.
        items, source_bits, fused, required: (n_keys,) filled with the items of each request, increasing, each once:
            which sources propose them, what they are worth together, and whether they are candidates in any case.
        bits: `fused`, as int32.
        by_worth: (n_keys,) filled with keys, see `sort_keys`, of those that a source proposes: places in `items`.

    Returns:
        (n_requests + 1,) each: where the items, and where the keys of each request start.
    """
    item_starts, key_starts = np.zeros(len(starts), dtype=np.int64), np.zeros(len(starts), dtype=np.int64)
    n_found = n_proposed = 0
    for request in range(len(starts) - 1):
        first, last = n_found, -1
        for key in keys[starts[request] : starts[request + 1]]:
            if key >> 32 != last:
                last = key >> 32
                items[n_found], source_bits[n_found], fused[n_found], required[n_found] = last, 0, np.float32(0), False
                n_found += 1
            source = (key >> 24) & 0xFF
            if source == n_sources:
                required[n_found - 1] = True
            else:
                source_bits[n_found - 1] |= 1 << source
                fused[n_found - 1] += worth[key & 0xFF_FFFF]
        for place in range(first, n_found):
            if source_bits[place]:
                by_worth[n_proposed] = descending(np.int64(bits[place])) | place
                n_proposed += 1
        item_starts[request + 1], key_starts[request + 1] = n_found, n_proposed
    return item_starts, key_starts


@jit()
def take_candidates(
    n: int,
    found: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32], NDArray[np.bool_]],
    item_starts: Ints,
    by_worth: Ints,
    key_starts: Ints,
    eligible: Flags,
    rows: Ints,
    items: Ints,
    proposed_by: Ints,
    fused: Floats,
) -> int:
    """The best of the items that `fuse_lists` found, and others where they are fewer than wanted.

    Args:
        n: most candidates of a request, beside those that are required.
        found, item_starts: the items, source bits, sums and required flags of `fuse_lists`; where each request's start.
        by_worth, key_starts: its keys, the `n` best of each request first.
        eligible: (n_requests, n_items).
        rows, items, proposed_by, fused: filled, see `recsys.pipeline.candidates.merging.Candidates`; `n` a request and
            all the required ones are enough.

    Returns:
        How many pairs there are.
    """
    found_items, source_bits, sums, kept = found
    n_pairs = 0
    for request in range(len(item_starts) - 1):
        first_key, n_proposed = key_starts[request], key_starts[request + 1] - key_starts[request]
        for key in by_worth[first_key : first_key + min(n, n_proposed)]:
            kept[key & PLACE] = True
        n_lacking, item, place, end = n - n_proposed, 0, item_starts[request], item_starts[request + 1]
        while place < end or (n_lacking > 0 and item < eligible.shape[1]):
            if n_lacking > 0:  # other items fill up, in the order of their numbers
                if place < end and found_items[place] == item:
                    n_lacking -= not source_bits[place]
                elif eligible[request, item]:
                    rows[n_pairs], items[n_pairs] = request, item
                    proposed_by[n_pairs], fused[n_pairs] = 0, np.float32(0)
                    n_pairs += 1
                    n_lacking -= 1
            if place < end and (n_lacking <= 0 or found_items[place] == item):
                if kept[place]:
                    rows[n_pairs], items[n_pairs] = request, found_items[place]
                    proposed_by[n_pairs], fused[n_pairs] = source_bits[place], sums[place]
                    n_pairs += 1
                place += 1
            item += 1
    return n_pairs
