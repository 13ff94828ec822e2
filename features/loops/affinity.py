"""Loops that compare candidates with the newest items of a history.

Only the `limit` newest events with a weight above 0 are looked at; `wanted` and `fading` are as for `fill_aggregates`.
"""

from typing import NamedTuple

import numpy as np

from features.loops.timelines import galloping_search
from recsys.arrays.float16 import Float16Bits, copy_as_float32
from recsys.arrays.jit import SUMS_IN_ANY_ORDER, jit
from recsys.arrays.prefetch import AHEAD, prefetch
from recsys.arrays.types import Floats, Ints
from recsys.retrieval.products import dot_products_of_two

_FLAGS = 4_096
"""Flags of a Bloom filter: they say of most items at one look that they are no candidates (Bloom, CACM 1970)."""


class Compared(NamedTuple):
    """Candidates, and the histories that they are compared with."""

    offsets: Ints
    """(n_requests + 1,) where each history starts"""
    history: Ints
    """(n_events,) its items, oldest first"""
    weights: Floats
    """(n_events,) their weights"""
    bounds: Ints
    """(n_requests + 1,) where each request's pairs start"""
    candidates: Ints
    """(n_pairs,) their items, increasing within a request"""


@jit()
def newest_positives(history: Ints, weights: Floats, first: int, last: int, found: Ints) -> int:
    """Write the newest items in [first, last) whose weight is above 0 into `found` (limit,), newest first; how many."""
    n = 0
    while last > first and n < len(found):
        last -= 1
        if weights[last] > 0:
            found[n] = history[last]
            n += 1
    return n


@jit()
def fill_aggregates(similarity: Floats, fading: float, wanted: Ints, row: Floats) -> None:
    """Write last, max, min, mean, decayed mean and place of the maximum into a row (n_features,) of the ranker's table.

    Args:
        similarity: (n_events,) of the candidate to its history, newest event first; all six are NaN without any.
        fading: weight of an event of the history relative to the one after it, in the decayed mean.
        wanted: (n, 2) which of the six, in the order of `features.affinity.Aggregate`, and where in the row.
    """
    if len(similarity) == 0:
        for index in range(len(wanted)):
            row[wanted[index, 1]] = np.nan
        return
    high = low = total = faded = similarity[0]
    weight, weights, nearest = 1.0, 1.0, 0
    for event in range(1, len(similarity)):
        value = similarity[event]
        weight *= fading
        weights += weight
        total += value
        faded += weight * value
        if value > high:
            high, nearest = value, event
        low = min(low, value)
    newest, highest, lowest = np.float64(similarity[0]), np.float64(high), np.float64(low)
    found = (newest, highest, lowest, np.float64(total / len(similarity)), faded / weights, np.float64(nearest))
    for index in range(len(wanted)):
        row[wanted[index, 1]] = found[wanted[index, 0]]


@jit()
def fill_link_affinities(
    indptr: Ints,
    indices: Ints,
    data: Floats,
    compared: Compared,
    limit: int,
    fading: float,
    wanted: Ints,
    table: Floats,
) -> None:
    """Fill columns of `table` (n_pairs, n_features) with aggregates of links from items of a history to candidates.

    Args:
        indptr, indices, data: links (n_items, n_items), CSR.
    """
    offsets, history, weights, bounds, candidates = compared
    newest, may_be_candidate = np.empty(limit, dtype=history.dtype), np.empty(_FLAGS, dtype=np.bool_)
    for request in range(len(offsets) - 1):
        first, last = bounds[request], bounds[request + 1]
        n = newest_positives(history, weights, offsets[request], offsets[request + 1], newest)
        similarity = np.zeros((last - first, n), dtype=np.float32)
        may_be_candidate[:] = False
        for item in candidates[first:last]:
            may_be_candidate[item % _FLAGS] = True
        for event in range(n):
            index, before = first, -1
            for entry in range(indptr[newest[event]], indptr[newest[event] + 1]):
                item = indices[entry]
                if not may_be_candidate[item % _FLAGS]:
                    continue
                index, before = galloping_search(candidates, item, index if item > before else first, last), item
                if index < last and candidates[index] == item:
                    similarity[index - first, event] = data[entry]
        for pair in range(first, last):
            fill_aggregates(similarity[pair - first], fading, wanted, table[pair])


@jit(fastmath=SUMS_IN_ANY_ORDER)
def fill_vector_affinities(
    vectors: Floats | Float16Bits, compared: Compared, limit: int, fading: float, wanted: Ints, table: Floats
) -> None:
    """Fill columns of `table` (n_pairs, n_features) with aggregates of dot products of vectors (n_items, dim): those of
    each item of a history and each candidate."""
    offsets, history, weights, bounds, candidates = compared
    newest, own = np.empty(limit, dtype=history.dtype), np.empty((2, vectors.shape[1]), dtype=np.float32)
    for request in range(len(offsets) - 1):
        n = newest_positives(history, weights, offsets[request], offsets[request + 1], newest)
        first, last = bounds[request], bounds[request + 1]
        for event in range(n):
            prefetch(vectors, newest[event], newest[event] + 1)
        for item in candidates[first : min(first + AHEAD, last)]:
            prefetch(vectors, item, item + 1)
        known = np.empty((n + n % 2, vectors.shape[1]), dtype=np.float32)
        for event in range(len(known)):  # of an odd number the oldest one twice
            copy_as_float32(vectors[newest[min(event, n - 1)]], known[event])
        similarity = np.empty((2, len(known)), dtype=np.float32)
        for pair in range(first, last, 2):
            second = min(pair + 1, last - 1)
            for item in candidates[pair + AHEAD : min(pair + AHEAD + 2, last)]:
                prefetch(vectors, item, item + 1)
            copy_as_float32(vectors[candidates[pair]], own[0])
            copy_as_float32(vectors[candidates[second]], own[1])
            dot_products_of_two(own, known, similarity)
            fill_aggregates(similarity[0, :n], fading, wanted, table[pair])
            fill_aggregates(similarity[1, :n], fading, wanted, table[second])
