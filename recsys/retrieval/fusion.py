"""Loops of reciprocal rank fusion, compiled as those of `recsys.retrieval.sparse`.

Cormack, Clarke and Buettcher, Reciprocal rank fusion outperforms Condorcet and individual rank learning methods, 2009.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.arrays.jit import jit
from recsys.arrays.types import Flags, Floats, Ints
from recsys.retrieval.sort_keys import INDEX_MASK, descending


@jit()
def keys_of_lists(
    lists: Ints, eligible: Flags, required_offsets: Ints, required: Ints
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """A key, item << 32 | source << 24 | rank, for each entry of the sources' lists and for each required item.

    Args:
        lists: (n_sources, n_requests, n) the best items of each source, -1 behind the last one.
        eligible: (n_requests, n_items).
        required_offsets, required: (n_requests + 1,) where the required items of each request start, and these: they
            are candidates whatever the sources say. The eligible ones get the key of a source behind all others.

    Returns:
        Keys (n,) and (n_requests + 1,) where those of each request start.
    """
    n_sources, n_requests, n = lists.shape
    keys = np.empty(n_sources * n_requests * n + len(required), dtype=np.int64)
    starts, found = np.zeros(n_requests + 1, dtype=np.int64), 0
    for request in range(n_requests):
        for source in range(n_sources):
            for rank in range(n):
                if lists[source, request, rank] < 0:
                    break
                keys[found] = np.int64(lists[source, request, rank]) << 32 | source << 24 | rank
                found += 1
        for entry in range(required_offsets[request], required_offsets[request + 1]):
            if eligible[request, required[entry]]:
                keys[found] = np.int64(required[entry]) << 32 | n_sources << 24
                found += 1
        starts[request + 1] = found
    return keys[:found], starts


class FusedLists(NamedTuple):
    """The items that the lists of all sources hold, or that are required: of each request in turn, each once.

    Attributes:
        items: (n_items,) item numbers, increasing within a request.
        source_bits: (n_items,) bit s is set where source s proposes the item.
        sums: (n_items,) float32 sum of the reciprocal ranks, each as its source counts.
        required: (n_items,) True where the item is a candidate whatever the sources say.
        item_starts: (n_requests + 1,) where the items of each request start.
        by_sum: (n_proposed,) sort keys, see `sort_keys`, of the items that a source proposes: indices in `items`.
        key_starts: (n_requests + 1,) where those of each request start.
    """

    items: NDArray[np.int64]
    source_bits: NDArray[np.int64]
    sums: NDArray[np.float32]
    required: NDArray[np.bool_]
    item_starts: NDArray[np.int64]
    by_sum: NDArray[np.int64]
    key_starts: NDArray[np.int64]


@jit()
def fuse_lists(keys: Ints, starts: Ints, weights: Floats, reciprocal_ranks: Floats) -> FusedLists:
    """Add up what the sources' lists say of each item of a request.

    Args:
        keys, starts: of `keys_of_lists`, the keys of each request sorted.
        weights: (n_sources, n_requests) float32: how much each source counts.
        reciprocal_ranks: (n,) float32 of each rank.
    """
    n_sources = len(weights)
    items, source_bits = np.empty(len(keys), dtype=np.int64), np.empty(len(keys), dtype=np.int64)
    sums, required = np.empty(len(keys), dtype=np.float32), np.empty(len(keys), dtype=np.bool_)
    bits, by_sum = sums.view(np.int32), np.empty(len(keys), dtype=np.int64)
    item_starts, key_starts = np.zeros(len(starts), dtype=np.int64), np.zeros(len(starts), dtype=np.int64)
    n_found = n_proposed = 0
    for request in range(len(starts) - 1):
        first, last = n_found, -1
        for key in keys[starts[request] : starts[request + 1]]:
            if key >> 32 != last:
                last = key >> 32
                items[n_found], source_bits[n_found], sums[n_found], required[n_found] = last, 0, np.float32(0), False
                n_found += 1
            source = (key >> 24) & 0xFF
            if source == n_sources:
                required[n_found - 1] = True
            else:
                source_bits[n_found - 1] |= 1 << source
                sums[n_found - 1] += weights[source, request] * reciprocal_ranks[key & 0xFF_FFFF]
        for index in range(first, n_found):
            if source_bits[index]:
                by_sum[n_proposed] = descending(np.int64(bits[index])) | index
                n_proposed += 1
        item_starts[request + 1], key_starts[request + 1] = n_found, n_proposed
    found = items[:n_found], source_bits[:n_found], sums[:n_found], required[:n_found]
    return FusedLists(found[0], found[1], found[2], found[3], item_starts, by_sum[:n_proposed], key_starts)


@jit()
def take_candidates(
    found: FusedLists, n: int, eligible: Flags, rows: Ints, items: Ints, proposed_by: Ints, fused: Floats
) -> int:
    """The best of the items that `fuse_lists` found, and others where they are fewer than wanted.

    Args:
        found: with the keys of the `n` best items of each request first. All that are taken become `required`.
        n: most candidates of a request, beside those that are required.
        eligible: (n_requests, n_items).
        rows, items, proposed_by, fused: filled, see `recsys.pipeline.candidates.merging.Candidates`; `n` a request and
            all the required ones are enough.

    Returns:
        How many pairs there are.
    """
    found_items, source_bits, sums, kept = found.items, found.source_bits, found.sums, found.required
    n_pairs = 0
    for request in range(len(found.item_starts) - 1):
        first_key = found.key_starts[request]
        n_proposed = found.key_starts[request + 1] - first_key
        for key in found.by_sum[first_key : first_key + min(n, n_proposed)]:
            kept[key & INDEX_MASK] = True
        n_lacking, item = n - n_proposed, 0
        index, end = found.item_starts[request], found.item_starts[request + 1]
        while index < end or (n_lacking > 0 and item < eligible.shape[1]):
            if n_lacking > 0:  # other items fill up, in the order of their numbers
                if index < end and found_items[index] == item:
                    n_lacking -= not source_bits[index]
                elif eligible[request, item]:
                    rows[n_pairs], items[n_pairs] = request, item
                    proposed_by[n_pairs], fused[n_pairs] = 0, np.float32(0)
                    n_pairs += 1
                    n_lacking -= 1
            if index < end and (n_lacking <= 0 or found_items[index] == item):
                if kept[index]:
                    rows[n_pairs], items[n_pairs] = request, found_items[index]
                    proposed_by[n_pairs], fused[n_pairs] = source_bits[index], sums[index]
                    n_pairs += 1
                index += 1
            item += 1
    return n_pairs
