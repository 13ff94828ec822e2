"""Loops that find what users did."""

import numpy as np
from numpy.typing import NDArray

from features.loops.codes import INDEX_BITS
from features.loops.timelines import galloping_search
from recsys.arrays.jit import jit
from recsys.arrays.types import Ints
from recsys.data.log.history_loops import Events


@jit()
def find_acts(keys: Ints, times: Ints, users: Ints, now: Ints, limit: int, starts: Ints, offsets: Ints) -> int:
    """Find the newest `limit` acts of each user (n_requests,), -1 for an unknown one, before `now` (n_requests,).

    Args:
        keys, times: of the timeline of users.
        starts: (n_requests,) filled with the first index of each.
        offsets: (n_requests + 1,) filled with where each history starts when they stand one after the other.

    Returns:
        How many acts there are in all.
    """
    offsets[0] = 0
    for request in range(len(users)):
        offsets[request + 1] = offsets[request]
        if users[request] >= 0 and len(keys):
            # Live requests are later than all events.
            before = len(times) if times[-1] < now[request] else np.searchsorted(times, now[request])
            first = np.int64(users[request]) << INDEX_BITS
            start = int(np.searchsorted(keys, first))
            stop = galloping_search(keys, int(first | before), start, len(keys))
            starts[request] = max(start, stop - limit)
            offsets[request + 1] += stop - starts[request]
    return int(offsets[-1])


@jit()
def copy_acts(
    keys: Ints,
    times: NDArray[np.int64],
    chosen: Ints,
    items: NDArray[np.int32],
    events: NDArray[np.int8],
    weights: NDArray[np.float32],
    starts: Ints,
    offsets: NDArray[np.int64],
) -> Events:
    """The acts that `find_acts` has found.

    Args:
        keys, times: of the timeline of users.
        chosen: (n,) index in the log of each of its events, in the order of time.
        items, events, weights: columns of the log.
    """
    n, mask = offsets[-1], (1 << INDEX_BITS) - 1
    found = np.empty(n, dtype=items.dtype), np.empty(n, dtype=events.dtype)
    moments, act_weights = np.empty(n, dtype=times.dtype), np.empty(n, dtype=weights.dtype)
    for request in range(len(starts)):
        for event in range(offsets[request], offsets[request + 1]):
            index = keys[starts[request] + event - offsets[request]] & mask
            own = chosen[index]
            found[0][event], found[1][event] = items[own], events[own]
            moments[event], act_weights[event] = times[index], weights[own]
    return offsets, found[0], found[1], moments, act_weights
