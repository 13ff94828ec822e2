"""Loops over cached columns of items at a moment that moves on."""

from typing import NamedTuple

import numpy as np

from recsys.arrays.jit import jit
from recsys.arrays.types import Floats, Ints
from recsys.moments import DAY


class CachedColumns(NamedTuple):
    """Cached columns of items, and what time does to them while nothing happens to an item."""

    to: Ints
    """(n_columns,) their indices in the ranker's table"""
    ageing: Ints
    """those that count days"""
    halving: Ints
    """those that fade"""
    half_lives: Floats
    """of these, microseconds"""


@jit()
def move_edges(
    times: Ints, items: Ints, chosen: Ints, lengths: Ints, now: int, edges: Ints, computed_at: Ints, never: int
) -> int:
    """Move edges of windows to another moment, and mark the items whose events they pass for recomputation.

    Args:
        times: (n,) of events, in order.
        items: of the log; `chosen` (n,) are the indices of the events in it.
        lengths: (n_windows,) microseconds.
        now: the moment that the windows end at.
        edges: (n_windows,) events before each window's begin, changed in place.
        computed_at: (n_items,) when the columns of each item were computed: `never` where an edge passes one of its
            events; items behind its end are not looked at.

    Returns:
        The moment until which no edge passes another event.
    """
    until = np.iinfo(np.int64).max
    for window in range(len(lengths)):
        edge, begin = edges[window], now - lengths[window]
        while edge < len(times) and times[edge] < begin:
            if items[chosen[edge]] < len(computed_at):
                computed_at[items[chosen[edge]]] = never
            edge += 1
        while edge > 0 and times[edge - 1] >= begin:
            edge -= 1
            if items[chosen[edge]] < len(computed_at):
                computed_at[items[chosen[edge]]] = never
        edges[window] = edge
        if edge < len(times):
            until = min(until, times[edge] + lengths[window])
    return until


@jit()
def missing_items(computed_at: Ints, items: Ints, never: int, found: Ints) -> int:
    """Write the items (n_pairs,) whose columns are not computed into `found` (n_pairs,), in their order.

    Args:
        computed_at: (n_items,) as for `read_rows`: those behind its end are not computed, nor those that are `never`.

    Returns:
        How many they are.
    """
    n = 0
    for item in items:
        if item >= len(computed_at) or computed_at[item] == never:
            found[n] = item
            n += 1
    return n


@jit()
def read_rows(rows: Floats, computed_at: Ints, items: Ints, now: int, columns: CachedColumns, table: Floats) -> None:
    """Fill the columns of `table` (n_pairs, n_features) with the kept rows of items (n_pairs,), brought forward to the
    moment `now`.

    Args:
        rows: (n_items, n_columns) as they were at the moments `computed_at` (n_items,).
    """
    to, ageing, halving, half_lives = columns
    if len(items):
        table[0, to[0]] = touch_rows(rows, items)  # until the value is there
    for pair in range(len(items)):
        item = items[pair]
        age = np.float32(now - computed_at[item])
        for column in range(rows.shape[1]):
            table[pair, to[column]] = rows[item, column]
        for column in ageing:
            table[pair, to[column]] += age / np.float32(DAY)
        for index in range(len(halving)):
            table[pair, to[halving[index]]] *= np.exp2(age / np.float32(-half_lives[index]))


@jit(fastmath={"reassoc"})
def touch_rows(rows: Floats, indices: Ints) -> np.floating:
    """Read something of each cache line of some rows of a table (n, n_columns) float32, so that they are in the cache
    of the processor; the sum that is returned only keeps the compiler from leaving this out.

    A loop that only reads waits for many cache lines at a time; one that also computes waits for each.
    """
    total = np.float32(0)
    for index in indices:
        for column in range(0, rows.shape[1], 64 // rows.itemsize):
            total += rows[index, column]
        total += rows[index, -1]
    return total
