"""Pins: items at fixed positions, whatever the ranker says."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recsys.policy.candidates import PINNED, RankedCandidates
from recsys.policy.steps import Step


@dataclass(frozen=True)
class Pins(Step):
    """Items at fixed positions. What must not be listed (unavailable, filtered out, excluded, seen) is not pinned.

    A position behind those that will be shown keeps its item from being shown before.

    Attributes:
        items: (n_pins,) item numbers; -1 (unknown) is passed over.
        positions: (n_pins,) from 1. A position behind the end of the list is its end; of two items at one position
            that which is named later comes first.
    """

    items: NDArray[np.int32]
    positions: NDArray[np.int64]
    name = "pins"

    def arrange(self, candidates: RankedCandidates, n: int) -> RankedCandidates:
        """The pinned at their positions, the others around them in their order."""
        order = [index for index, item in enumerate(candidates.items) if item not in self.items]
        tiers = candidates.tiers.copy()
        pins = sorted(zip(self.items.tolist(), self.positions.tolist(), strict=True), key=lambda pin: pin[1])
        for item, position in pins:
            for found in np.flatnonzero(candidates.items == item):
                order.insert(position - 1, int(found))
                tiers[found] = PINNED
        return replace(candidates, tiers=tiers).take(np.array(order, dtype=np.intp))
