"""Boosts: items that meet a condition gain or lose score."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from recsys.data.items.catalogue import ItemCatalogue
from recsys.policy.candidates import RankedCandidates
from recsys.policy.filters import items_that_meet
from recsys.policy.steps import Step


@dataclass(frozen=True)
class Boost(Step):
    """Add to the score of the items that meet `where`.

    Attributes:
        where: conditions as in `filter`.
        add: in standard deviations of the request's scores, to mean the same for every ranker; below 0 demotes.
        catalogue: whose columns the conditions name.
    """

    where: Mapping[str, Any]
    add: float
    catalogue: ItemCatalogue
    name = "boost"

    def arrange(self, candidates: RankedCandidates, n: int) -> RankedCandidates:
        """Order by the new scores within each tier; equal ones keep their order."""
        met = items_that_meet(self.where, self.catalogue, candidates.items)
        return candidates.raised(np.where(met, self.add, 0.0)) if met.any() else candidates
