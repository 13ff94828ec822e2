"""Counts in which an event fades: the sum of 2 ** (-age / half life)."""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dgtsv

_BLOCK = 2_000_000
"""Events solved at once, which bounds the working memory."""


def fading(ages: NDArray[np.floating] | NDArray[np.integer], half_life: int) -> NDArray[np.float64]:
    """2 ** (-age / half life); ages and half life in the same unit."""
    return np.asarray(np.exp2(ages / -float(half_life)))


def decayed_counts(
    events: NDArray[np.bool_], begins: NDArray[np.bool_], times: NDArray[np.int64], half_life: int
) -> NDArray[np.float64]:
    """(n,) the decayed count of each entity right after each of its events, those that count being worth 1.

    count[i] - fading(time[i] - time[i - 1]) * count[i - 1] = events[i] is a bidiagonal system: LAPACK's tridiagonal
    solver (dgtsv) walks it forward in one pass. No factor exceeds 1, so nothing is pivoted and nothing overflows,
    however long the log is.

    Args:
        events: (n,) True where an event counts; the entities stand one behind the other.
        begins: (n,) True at the first event of each entity.
        times: (n,) microseconds, increasing within an entity.
        half_life: microseconds.
    """
    counts = events.astype(np.float64)
    for start in range(0, len(times), _BLOCK):
        stop = min(start + _BLOCK, len(times))
        first = max(start - 1, 0)
        kept = fading(times[first + 1 : stop] - times[first : stop - 1], half_life)
        kept[begins[first + 1 : stop]] = 0.0
        if start:
            counts[start] += kept[0] * counts[start - 1]
            kept = kept[1:]
        if len(kept):
            zeros, ones = np.zeros(len(kept)), np.ones(len(kept) + 1)
            *_, solved, info = dgtsv(-kept, ones, zeros, counts[start:stop], overwrite_du=1, overwrite_d=1)
            assert info == 0, info
            counts[start:stop] = solved.reshape(-1)
    return counts
