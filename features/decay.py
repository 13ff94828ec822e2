"""Counts in which an event fades: after each event of an entity, the sum of 2 ** (-age / half life) so far."""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dgtsv

_BLOCK = 2_000_000
"""Events solved at once, which bounds the working memory."""


def fading(ages: NDArray[np.int64], half_life: int) -> NDArray[np.float64]:
    """2 ** (-age / half life); ages and half life in the same unit."""
    return np.asarray(np.exp2(ages / -float(half_life)))


def decayed_counts(entities: NDArray[np.int64], times: NDArray[np.int64], half_life: int) -> NDArray[np.float64]:
    """(n,) the decayed count of each event's entity right after the event, that event being worth 1.

    count[i] - fading(time[i] - time[i - 1]) * count[i - 1] = 1 is a bidiagonal system: LAPACK's tridiagonal solver
    (dgtsv) walks it forward in one pass. No factor exceeds 1, so nothing is pivoted and nothing overflows, however
    long the log is.

    Args:
        entities: (n,) increasing.
        times: (n,) microseconds, increasing within an entity.
        half_life: microseconds.
    """
    counts = np.ones(len(times))
    kept = fading(np.diff(times), half_life)
    kept[entities[1:] != entities[:-1]] = 0.0
    for start in range(0, len(times), _BLOCK):
        stop = min(start + _BLOCK, len(times))
        if start:
            counts[start] += kept[start - 1] * counts[start - 1]
        if stop - start > 1:
            size = stop - start
            *_, solved, info = dgtsv(-kept[start : stop - 1], np.ones(size), np.zeros(size - 1), counts[start:stop])
            assert info == 0, info
            counts[start:stop] = solved.reshape(-1)
    return counts
