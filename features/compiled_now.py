"""Loops over items at a moment that moves on, compiled by numba as those of `features.compiled`."""

import numpy as np
from numba import njit

from features.compiled import touch
from recsys.data.arrays import Floats, Ints


@njit(cache=True, nogil=True)
def cross(times: Ints, items: Ints, chosen: Ints, lengths: Ints, now: int, edges: Ints, made: Ints, never: int) -> int:
    """Move edges of windows to another moment, and say `never` of the items whose events they pass.

    Args:
        times: (n,) of events, in order.
        items: of the log; `chosen` (n,) are the places of the events in it.
        lengths: (n_windows,) microseconds.
        now: the moment that the windows end at.
        edges: (n_windows,) events before each window's begin, changed in place.
        made: (n_items,) changed in place; items behind its end are not looked at.

    Returns:
        Until when no later moment passes an event.
    """
    until = np.iinfo(np.int64).max
    for window in range(len(lengths)):
        edge, begin = edges[window], now - lengths[window]
        while edge < len(times) and times[edge] < begin:
            if items[chosen[edge]] < len(made):
                made[items[chosen[edge]]] = never
            edge += 1
        while edge > 0 and times[edge - 1] >= begin:
            edge -= 1
            if items[chosen[edge]] < len(made):
                made[items[chosen[edge]]] = never
        edges[window] = edge
        if edge < len(times):
            until = min(until, times[edge] + lengths[window])
    return until


@njit(cache=True, nogil=True)
def lacking(made: Ints, items: Ints, never: int, found: Ints) -> int:
    """Write the items (n_pairs,) that are behind the end of `made`, or `never` were, into `found`: increasing, each
    once; how many they are."""
    n = 0
    for item in items:
        if item >= len(made) or made[item] == never:
            found[n] = item
            n += 1
    found[:n].sort()
    different = min(n, 1)
    for place in range(1, n):
        if found[place] != found[different - 1]:
            found[different] = found[place]
            different += 1
    return different


@njit(cache=True, nogil=True)
def remember(values: Floats, items: Ints, now: int, known: Floats, made: Ints) -> None:
    """Write the columns (n, n_columns) of items (n,) to `known`, and when they were made; see `recall`."""
    for row in range(len(items)):
        known[items[row]] = values[row]
        made[items[row]] = now


@njit(cache=True, nogil=True)
def recall(
    known: Floats,
    made: Ints,
    items: Ints,
    now: int,
    ageing: Ints,
    halving: Ints,
    half_lives: Floats,
    day: float,
    to: Ints,
    table: Floats,
) -> None:
    """Fill columns `to` (n_columns,) of `table` (n_pairs, n_features) with what is known of items (n_pairs,), brought
    to another moment.

    Args:
        known: (n_items, n_columns) as they were when they were made; `made` (n_items,) is when.
        ageing: columns that count days, of which `day` is one.
        halving: columns that fade, with their `half_lives`.
    """
    if len(items):
        table[0, to[0]] = touch(known, items)  # until the value is there
    for pair in range(len(items)):
        item = items[pair]
        age = np.float32(now - made[item])
        for column in range(known.shape[1]):
            table[pair, to[column]] = known[item, column]
        for column in ageing:
            table[pair, to[column]] += age / np.float32(day)
        for place in range(len(halving)):
            table[pair, to[halving[place]]] *= np.exp2(age / np.float32(-half_lives[place]))
