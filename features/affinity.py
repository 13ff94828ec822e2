"""How alike each candidate is to the newest items of the history, by vectors or by learned links."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from features.compiled_pairs import compare, link
from features.item_facts import ItemFacts
from recsys.data.history import HistoryBatch

Aggregate = Literal["last", "max", "min", "mean", "decayed", "place"]
"""How affinities with several events become one number: with the newest event; with the one most, least alike; their
mean; a mean in which newer events count more; how many events ago the one most alike was (0 is the newest)."""

AFFINITY_EVENTS = 10
"""Newest events of a history that each candidate is compared with."""

_FADING = 0.7
"""Worth of an event of the history relative to the one after it, in `decayed`."""


@dataclass(frozen=True)
class Affinities:
    """What the affinities of each pair with the newest events come to.

    Attributes:
        table: (n_names, 6, n_pairs) float32, in the order of `Aggregate`; NaN for an empty history.
    """

    table: NDArray[np.float32]

    @classmethod
    def of(
        cls,
        facts: ItemFacts,
        recent: HistoryBatch,
        bounds: NDArray[np.int64],
        candidates: NDArray[np.int32],
    ) -> "Affinities":
        """Compare candidates with histories by all vectors and links.

        Args:
            recent: at most `AFFINITY_EVENTS` events a request.
            bounds: (n_requests + 1,) where each request's pairs start.
            candidates: (n_pairs,) item numbers, increasing within a request.
        """
        table = np.full((len(facts.affinities), len(get_args(Aggregate)), len(candidates)), np.float32(np.nan))
        pairs = recent.offsets, recent.items, bounds, candidates, _FADING
        for name, found in zip(facts.affinities, table, strict=True):
            if name in facts.vectors:
                compare(facts.vectors[name], *pairs, found)
            else:
                links = facts.links[name]
                link(links.indptr, links.indices, links.data, *pairs, found)
        return cls(table)
