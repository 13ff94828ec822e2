"""Loops of inference, compiled by numba at their first use and kept beside the source (or in `NUMBA_CACHE_DIR`)."""

import math

import numpy as np
from numpy.typing import NDArray

from recsys.arrays.float16 import Float16Bits, copy_as_float32
from recsys.arrays.jit import SUMS_IN_ANY_ORDER, jit
from recsys.arrays.prefetch import AHEAD, prefetch
from recsys.arrays.types import Floats, Ints
from recsys.retrieval.products import dot_products_of_two
from recsys.retrieval.sort_keys import INDEX_MASK, descending
from recsys.retrieval.sparse import add_to_sum, take_sums
from recsys.text.neighbour_lists import ListedEvents, NeighbourLists

Longs = NDArray[np.int64]

MAX_LOGIT = 50.0
"""Of attention; above it a power of it could overflow."""


@jit(fastmath=SUMS_IN_ANY_ORDER)
def mixture_logits(
    targets: NDArray[np.float32] | Float16Bits,
    biases: NDArray[np.float32],
    items: NDArray[np.integer],
    vectors: NDArray[np.float32],
    weights: NDArray[np.float32],
    logits: NDArray[np.float32],
) -> None:
    """Fill `logits` (k,): log sum_c weights_c exp(vectors_c . target_item) + bias_item.

    Args:
        targets, biases: (n_items, dim) and (n_items,).
        items: (k,) numbers.
        vectors, weights: (m, dim) and (m,).
    """
    n, last, width = len(vectors), len(items) - 1, vectors.shape[1]
    own, found = np.empty((2, width), dtype=np.float32), np.empty((2, n + n % 2), dtype=np.float32)
    even = np.zeros((n + n % 2, width), dtype=np.float32)
    for row in range(n):
        copy_as_float32(vectors[row], even[row])
    for item in items[:AHEAD]:
        prefetch(targets, item, item + 1)
    for index in range(0, last + 1, 2):
        second = min(index + 1, last)
        for item in items[index + AHEAD : index + AHEAD + 2]:
            prefetch(targets, item, item + 1)
            prefetch(biases, item, item + 1)
        copy_as_float32(targets[items[index]], own[0])
        copy_as_float32(targets[items[second]], own[1])
        dot_products_of_two(own, even, found)
        total = next_total = np.float32(0)
        for row in range(n):
            total += weights[row] * math.exp(found[0, row])
            next_total += weights[row] * math.exp(found[1, row])
        logits[index] = math.log(total) + biases[items[index]]
        logits[second] = math.log(next_total) + biases[items[second]]


@jit()
def sum_neighbour_lists(
    events: ListedEvents,
    lists: NeighbourLists,
    fresh: NeighbourLists,
    prior: NeighbourLists,
    sums: Floats,
    marks: Ints,
) -> tuple[Longs, NDArray[np.int32], NDArray[np.float32]]:
    """Add up, request by request, share times exp(logit) over what is listed for its events, and for the prior.

    Args:
        events: of the requests.
        lists, fresh: of the items of the catalogue, and of those that came or changed later.
        prior: one row.
        sums, marks: of `recsys.retrieval.scores`, all 0.

    Returns:
        (n_requests + 1,) where each request's items start, these, increasing within it, and the logs of their sums.
    """
    (offsets, indices, shares, priors), (items, logits), (fresh_items, fresh_logits) = events, lists, fresh
    prior_items, prior_logits = prior.items[0], prior.logits[0]
    n_requests, k = len(priors), len(prior_items)
    starts = np.zeros(n_requests + 1, dtype=np.int64)
    most = (n_requests + len(indices)) * k
    found, totals = np.empty(most, dtype=np.int32), np.empty(most, dtype=np.float32)
    for request in range(n_requests):
        for entry in range(k):
            add_to_sum(priors[request] * math.exp(prior_logits[entry]), prior_items[entry], sums, marks)
        for event in range(offsets[request], offsets[request + 1]):
            index = indices[event]
            is_fresh = index >= len(items)
            own = fresh_items[index - len(items)] if is_fresh else items[index]
            said = fresh_logits[index - len(items)] if is_fresh else logits[index]
            for entry in range(k):
                add_to_sum(shares[event] * math.exp(said[entry]), own[entry], sums, marks)
        start = starts[request]
        starts[request + 1] = start + take_sums(sums, marks, found[start:], totals[start:])
    for index in range(starts[-1]):
        totals[index] = math.log(totals[index])
    return starts, found[: starts[-1]], totals[: starts[-1]]


@jit()
def attended_columns(
    offsets: Ints, items: Ints, events: Ints, weights: Floats, ages: Floats, most: int, n_kinds: int, n_ages: int
) -> tuple[Longs, Longs, Longs, Longs, Longs, Longs, NDArray[np.float32]]:
    """The columns of `recsys.text.attention.AttendedEvents`: of the newest `most` positive events of each history.

    Args:
        offsets: (n_requests + 1,) where each history starts; the columns of a `HistoryBatch`.
        ages: (n_events,) seconds, NaN where unknown.
    """
    chosen, rows = np.empty(len(items), dtype=np.int64), np.empty(len(items), dtype=np.int64)
    indices = np.empty(len(items), dtype=np.int64)
    found = 0
    for request in range(len(offsets) - 1):
        positive = 0
        for event in range(offsets[request], offsets[request + 1]):
            positive += weights[event] > 0
        for event in range(offsets[request], offsets[request + 1]):
            if weights[event] > 0:
                positive -= 1
                if positive < most:
                    chosen[found], rows[found], indices[found] = event, request, positive
                    found += 1
    chosen, rows, indices = chosen[:found], rows[:found], indices[:found]
    numbers, doublings = np.empty(found, dtype=np.int64), np.zeros(found, dtype=np.int64)
    kinds, log_weights = np.empty(found, dtype=np.int64), np.empty(found, dtype=np.float32)
    for index in range(found):
        event = chosen[index]
        numbers[index], log_weights[index] = items[event], np.log1p(weights[event])
        kinds[index] = events[event] + 1 if events[event] + 1 < n_kinds else 0
        if not math.isnan(ages[event]):
            doublings[index] = min(1 + int(math.log2(max(ages[event] / 60.0, 1.0))), n_ages - 1)
    return chosen, rows, numbers, indices, doublings, kinds, log_weights


@jit()
def attention_shares(
    logits: Floats, rows: Ints, prior_logit: float, n_requests: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Shares of events (n_read,), and of the prior (n_requests,), that sum to 1 in each request."""
    shares, totals = np.empty(len(logits), dtype=np.float32), np.empty(n_requests)
    prior = math.exp(prior_logit)
    totals[:] = prior
    for index in range(len(logits)):
        shares[index] = math.exp(min(logits[index], np.float32(MAX_LOGIT)))
        totals[rows[index]] += shares[index]
    for index in range(len(logits)):
        shares[index] /= totals[rows[index]]
    return shares, (prior / totals).astype(np.float32)


@jit()
def most_attended(bits: Ints, bounds: Ints, most: int) -> Longs:
    """The `most` events of each request with the largest shares, largest first, equal ones in their order.

    Args:
        bits: (n_events,) int32, shares as float32 by their bits.
        bounds: (n_requests + 1,) where the events of each request start.
    """
    kept, found = np.empty(len(bits), dtype=np.int64), 0
    for request in range(len(bounds) - 1):
        first = bounds[request]
        keys = np.empty(bounds[request + 1] - first, dtype=np.int64)
        for index in range(len(keys)):
            keys[index] = descending(np.int64(bits[first + index])) | index
        keys.sort()
        for key in keys[:most]:
            kept[found] = first + (key & INDEX_MASK)
            found += 1
    return kept[:found]
