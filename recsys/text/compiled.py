"""Loops of inference, compiled by numba at their first use and kept beside the source (or in `NUMBA_CACHE_DIR`)."""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from recsys.data.arrays import Floats, Ints

Longs = NDArray[np.int64]

MAX_LOGIT = 50.0
"""Of attention; above it a power of it could overflow."""


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def mixture_logits(
    targets: NDArray[np.float32],
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
    last, width = len(items) - 1, vectors.shape[1]
    for place in range(0, last + 1, 2):  # two and two at a time: each number is read half as often
        second = min(place + 1, last)
        own, next_own = targets[items[place]], targets[items[second]]
        total, next_total = np.float32(0), np.float32(0)
        for row in range(0, len(vectors), 2):
            after = min(row + 1, len(vectors) - 1)
            one, other = vectors[row], vectors[after]
            sums = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
            for dimension in range(width):
                sums = (
                    sums[0] + own[dimension] * one[dimension],
                    sums[1] + own[dimension] * other[dimension],
                    sums[2] + next_own[dimension] * one[dimension],
                    sums[3] + next_own[dimension] * other[dimension],
                )
            weight, other_weight = weights[row], weights[after] if after > row else np.float32(0)
            total += weight * math.exp(sums[0]) + other_weight * math.exp(sums[1])
            next_total += weight * math.exp(sums[2]) + other_weight * math.exp(sums[3])
        logits[place] = math.log(total) + biases[items[place]]
        logits[second] = math.log(next_total) + biases[items[second]]


@njit(cache=True, nogil=True)
def read_events(
    offsets: Ints, items: Ints, events: Ints, weights: Floats, ages: Floats, most: int, n_kinds: int, n_ages: int
) -> tuple[Longs, Longs, Longs, Longs, Longs, Longs, NDArray[np.float32]]:
    """The columns of `recsys.text.attention.ReadEvents`: of the newest `most` positive events of each history.

    Args:
        offsets: (n_requests + 1,) where each history starts; the columns of a `HistoryBatch`.
        ages: (n_events,) seconds, NaN where unknown.
    """
    chosen, rows = np.empty(len(items), dtype=np.int64), np.empty(len(items), dtype=np.int64)
    places = np.empty(len(items), dtype=np.int64)
    found = 0
    for request in range(len(offsets) - 1):
        positive = 0
        for event in range(offsets[request], offsets[request + 1]):
            positive += weights[event] > 0
        for event in range(offsets[request], offsets[request + 1]):
            if weights[event] > 0:
                positive -= 1
                if positive < most:
                    chosen[found], rows[found], places[found] = event, request, positive
                    found += 1
    chosen, rows, places = chosen[:found], rows[:found], places[:found]
    numbers, doublings = np.empty(found, dtype=np.int64), np.zeros(found, dtype=np.int64)
    kinds, worth = np.empty(found, dtype=np.int64), np.empty(found, dtype=np.float32)
    for place in range(found):
        event = chosen[place]
        numbers[place], worth[place] = items[event], np.log1p(weights[event])
        kinds[place] = events[event] + 1 if events[event] + 1 < n_kinds else 0
        if not math.isnan(ages[event]):
            doublings[place] = min(1 + int(math.log2(max(ages[event] / 60.0, 1.0))), n_ages - 1)
    return chosen, rows, numbers, places, doublings, kinds, worth


@njit(cache=True, nogil=True)
def shares_of(
    logits: Floats, rows: Ints, prior_logit: float, n_requests: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Shares of events (n_read,), and of the prior (n_requests,), that sum to 1 in each request."""
    shares, totals = np.empty(len(logits), dtype=np.float32), np.empty(n_requests)
    prior = math.exp(prior_logit)
    totals[:] = prior
    for place in range(len(logits)):
        shares[place] = math.exp(min(logits[place], np.float32(MAX_LOGIT)))
        totals[rows[place]] += shares[place]
    for place in range(len(logits)):
        shares[place] /= totals[rows[place]]
    return shares, (prior / totals).astype(np.float32)


@njit(cache=True, nogil=True)
def heaviest(shares: Floats, bounds: Ints, most: int) -> Longs:
    """The `most` events of each request with the largest shares, largest first, equal ones in their order.

    Args:
        bounds: (n_requests + 1,) where the events of each request start.
    """
    kept, found = np.empty(len(shares), dtype=np.int64), 0
    for request in range(len(bounds) - 1):
        first = bounds[request]
        for place in np.argsort(-shares[first : bounds[request + 1]], kind="mergesort")[:most]:
            kept[found] = first + place
            found += 1
    return kept[:found]
