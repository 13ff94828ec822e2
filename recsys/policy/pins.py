"""Pins: items at fixed places, whatever the ranker says."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recsys.policy.candidates import PINNED, RankedCandidates
from recsys.policy.steps import Step


@dataclass(frozen=True)
class Pins(Step):
    """Items at fixed places. What may not be listed (unavailable, filtered out, excluded, seen) is not pinned either.

    A place behind those that will be shown keeps its item from being shown before.

    Attributes:
        items: (n_pins,) item numbers; -1 (unknown) is passed over.
        places: (n_pins,) places from 1. A place behind the end of the list is its end; of two items at one place
            that which is named later comes first.
    """

    items: NDArray[np.int32]
    places: NDArray[np.int64]
    name = "pins"

    def arrange(self, candidates: RankedCandidates, n: int) -> RankedCandidates:
        """The pinned at their places, the others around them in their order."""
        order = [place for place, item in enumerate(candidates.items) if item not in self.items]
        tiers = candidates.tiers.copy()
        for item, place in sorted(zip(self.items.tolist(), self.places.tolist(), strict=True), key=lambda pin: pin[1]):
            for found in np.flatnonzero(candidates.items == item):
                order.insert(place - 1, int(found))
                tiers[found] = PINNED
        return replace(candidates, tiers=tiers).take(np.array(order, dtype=np.intp))
