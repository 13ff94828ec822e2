"""How alike each candidate is to the newest items of the history, by vectors or by learned links."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from features.item_facts import ItemFacts
from features.loops.affinity import Compared, fill_link_affinities, fill_vector_affinities
from recsys.data.log.history import HistoryBatch

AffinityName = Literal["text", "frozen", "factors", "transitions", "neighbours"]
"""By what two items can be alike: their texts as the trained model and as the encoder before it reads them, the factors
of ALS, learned links."""

Aggregate = Literal["last", "max", "min", "mean", "decayed", "place"]
"""How affinities with several events become one number: with the newest event; with the one most, least alike; their
mean; a mean in which newer events count more; how many events ago the one most alike was (0 is the newest)."""

AFFINITY_EVENTS = 10
"""Newest positive events of a history that each candidate is compared with."""

_FADING = 0.7
"""Worth of an event of the history relative to the one after it, in `decayed`."""


def fill_affinity(
    facts: ItemFacts,
    name: str,
    histories: HistoryBatch,
    bounds: NDArray[np.int64],
    candidates: NDArray[np.int32],
    wanted: NDArray[np.int64],
    table: NDArray[np.float32],
) -> None:
    """Compare candidates with the newest positive events of histories, by vectors or by links.

    Args:
        name: which of them.
        bounds: (n_requests + 1,) where each request's pairs start.
        candidates: (n_pairs,) item numbers, increasing within a request.
        wanted: (n, 2) which of `Aggregate`, in which column of the table.
        table: (n_pairs, n_features) whose columns are filled; with NaN for an empty history.
    """
    compared = Compared(histories.offsets, histories.items, histories.weights, bounds, candidates)
    if name in facts.vectors:
        fill_vector_affinities(facts.vectors[name], compared, AFFINITY_EVENTS, _FADING, wanted, table)
    else:
        own = facts.links[name]
        fill_link_affinities(own.indptr, own.indices, own.data, compared, AFFINITY_EVENTS, _FADING, wanted, table)
