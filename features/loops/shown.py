"""Loops over what users were shown."""

import numpy as np

from recsys.arrays.jit import jit
from recsys.arrays.types import Floats, Ints
from recsys.data.log.interactions import NO_TIME
from recsys.moments import DAY

SHOWN_TIMES, SHOWN_DAYS = range(2)
"""How often; days since it was shown last."""


@jit()
def fill_shown(
    shown_offsets: Ints,
    shown: Ints,
    shown_at: Ints,
    offsets: Ints,
    history: Ints,
    times: Ints,
    now: Ints,
    bounds: Ints,
    candidates: Ints,
    wanted: Ints,
    table: Floats,
) -> None:
    """Fill columns of a table (n_pairs, n_features) with how often, and how long ago, the user of each request was
    shown each candidate and has not acted on it since. Days are NaN where that never was.

    Args:
        shown_offsets: (n_requests + 1,) where the impressions of each request's user start.
        shown, shown_at: (n_impressions,) items, microseconds; in time order within a request.
        offsets: (n_requests + 1,) where each history starts.
        history, times: (n_events,) items, microseconds; an unknown time is before any.
        now: (n_requests,) microseconds.
        bounds: (n_requests + 1,) where each request's pairs start.
        candidates: (n_pairs,) increasing within a request.
        wanted: (n, 2) which of the two values, and which column.
    """
    for request in range(len(bounds) - 1):
        first, last = bounds[request], bounds[request + 1]
        own = candidates[first:last]
        acted, newest = np.full(len(own), NO_TIME, dtype=np.int64), np.full(len(own), NO_TIME, dtype=np.int64)
        counts = np.zeros(len(own), dtype=np.int64)
        for event in range(offsets[request], offsets[request + 1]):
            pair = np.searchsorted(own, history[event])
            if pair < len(own) and own[pair] == history[event]:
                acted[pair] = max(acted[pair], times[event])
        for impression in range(shown_offsets[request], shown_offsets[request + 1]):
            pair = np.searchsorted(own, shown[impression])
            if pair < len(own) and own[pair] == shown[impression] and shown_at[impression] > acted[pair]:
                counts[pair] += 1
                newest[pair] = shown_at[impression]
        for pair in range(len(own)):
            for index in range(len(wanted)):
                days = (now[request] - newest[pair]) / DAY if counts[pair] else np.nan
                table[first + pair, wanted[index, 1]] = counts[pair] if wanted[index, 0] == SHOWN_TIMES else days
