"""Live sources: what many chose a moment ago, and which items have just come. Nothing is learned for them.

A learned source knows the items of its training. In news, what is wanted now was often not there yet. A live source
reads the events and the catalogue of the moment of each request, in training as when serving.
"""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from features.state import EventState
from recsys.retrieval.scores import SharedScores, SparseScores

TRENDING, NEWEST = LIVE = ("trending", "newest")
"""Their names, in the order in which they are tried."""

_TRENDING_EVENTS = 2_000
"""The newest positive events, of which trends are made: minutes of a large site, weeks of a small one."""


def live_among(names: Collection[str]) -> tuple[str, ...]:
    """Those of the names that are live sources, in the order of `LIVE`."""
    return tuple(name for name in LIVE if name in names)


def trending_scores(state: EventState, now: NDArray[np.int64], n_items: int) -> SparseScores:
    """Weights of the newest positive events before each request, the newest counting most.

    Args:
        now: (n_requests,) microseconds.
    """
    newest = state.newest_positives(now, _TRENDING_EVENTS, n_items)
    return SparseScores(newest.offsets, newest.items, newest.values, n_items)


def newest_scores(created: NDArray[np.float64]) -> SharedScores:
    """Items by when they came, the newest highest; 0 where that is not known.

    Args:
        created: (n_items,) microseconds, NaN where not known.
    """
    known = np.flatnonzero(~np.isnan(created)).astype(np.int32)
    moments, indices = np.unique(created[known], return_inverse=True)
    values = np.zeros(len(created), dtype=np.float32)
    values[known] = (indices + 1) / max(len(moments), 1)
    return SharedScores(values, known[np.argsort(-values[known], kind="stable")])
