"""Loops over histories, compiled by numba at their first use and kept beside the source (or in `NUMBA_CACHE_DIR`).

For one request the overhead of numpy calls would dominate. In all of them `offsets` (n_requests + 1,) says where the
events of each history start.
"""

import numpy as np
from numpy.typing import NDArray

from recsys.arrays.jit import jit
from recsys.arrays.types import Flags, Floats, Ints

Events = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int8], NDArray[np.int64], NDArray[np.float32]]
"""Columns of a `HistoryBatch`: offsets, items, events, times, weights."""


@jit()
def rows_of(offsets: Ints, rows: Ints) -> None:
    """Fill `rows` (n_events,) with the request that each event belongs to."""
    for request in range(len(offsets) - 1):
        for event in range(offsets[request], offsets[request + 1]):
            rows[event] = request


@jit()
def ages_of(offsets: Ints, times: Ints, now: Ints, unknown: int, ages: Floats) -> None:
    """Fill `ages` (n_events,) with the seconds from `times` (n_events,) to `now` (n_requests,), NaN for an unknown."""
    for request in range(len(offsets) - 1):
        for event in range(offsets[request], offsets[request + 1]):
            ages[event] = np.nan if times[event] == unknown else (now[request] - times[event]) / 1e6


@jit()
def mark_newest(offsets: Ints, n: int, chosen: Flags) -> None:
    """Say in `chosen` (n_events,) which events are among the newest `n` of their history."""
    for request in range(len(offsets) - 1):
        for event in range(offsets[request], offsets[request + 1]):
            chosen[event] = event >= offsets[request + 1] - n


@jit()
def keep(
    chosen: Flags,
    offsets: NDArray[np.int64],
    items: NDArray[np.int32],
    events: NDArray[np.int8],
    times: NDArray[np.int64],
    weights: NDArray[np.float32],
) -> Events:
    """Only the chosen events (n_events,)."""
    kept = np.zeros_like(offsets)
    for request in range(len(offsets) - 1):
        kept[request + 1] = kept[request]
        for event in range(offsets[request], offsets[request + 1]):
            kept[request + 1] += chosen[event]
    return kept, items[chosen], events[chosen], times[chosen], weights[chosen]


@jit()
def recency_of(offsets: Ints, times: Ints, weights: Floats, unknown: int, recency: Floats) -> None:
    """Fill `recency` (n_events,) with weight / sqrt(1 + baskets after the event), see `basket_starts`."""
    for request in range(len(offsets) - 1):
        after = 0
        for event in range(offsets[request + 1] - 1, offsets[request] - 1, -1):
            recency[event] = weights[event] / np.sqrt(1.0 + after)
            after += event > 0 and (times[event] != times[event - 1] or times[event] == unknown)


@jit()
def sum_by_item(
    offsets: NDArray[np.int64], items: NDArray[np.int32], values: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
    """The distinct items of each history, increasing: their `offsets`, numbers, and sums of `values` (n_events,)."""
    bounds, found, sums = np.zeros_like(offsets), np.empty_like(items), np.empty_like(values)
    n = 0
    for request in range(len(offsets) - 1):
        first, last = offsets[request], offsets[request + 1]
        keys = np.empty(last - first, dtype=np.int64)
        for event in range(first, last):
            keys[event - first] = np.int64(items[event]) << 32 | event
        keys.sort()
        for key in keys:
            if n == bounds[request] or found[n - 1] != key >> 32:
                found[n], sums[n] = key >> 32, 0
                n += 1
            sums[n - 1] += values[key & 0xFFFF_FFFF]
        bounds[request + 1] = n
    return bounds, found[:n], sums[:n]
