"""Exploration: now and then an item that would not be shown, with the exact probability of every place written down."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from recsys.data.catalogue import ItemCatalogue
from recsys.policy.candidates import RankedCandidates

_RESERVE = 10
"""Candidates behind the list that one explored place draws from."""


@dataclass(frozen=True)
class Exploration:
    """At each of the last places of the list, with probability `share`, an item of that place's own reserve instead.

    The reserves are dealt from the candidates behind the list and have no item in common. So the places are
    independent of one another, and the probability that an item stands where it stands is exact: 1 - share for the
    ranker's own, share / (size of the reserve) for an explored one. Log it with the impression, as `propensity`, and
    `recsys evaluate` can tell what another list would have earned (Horvitz & Thompson, 1952; Bottou et al.,
    Counterfactual reasoning and learning systems, JMLR 2013). Pinned and demoted items take no part.

    Attributes:
        share: probability in [0, 1].
        places: explored places, counted from the end of the list.
        random: where the draws come from.
    """

    share: float
    places: int
    random: np.random.Generator = field(repr=False)
    name = "exploration"

    def eligible(self, catalogue: ItemCatalogue) -> NDArray[np.bool_] | None:
        """None: it forbids nothing."""
        return None

    def arrange(self, candidates: RankedCandidates, n: int) -> RankedCandidates:
        """Draw each place; an explored item and the one that it stands in for change places."""
        usual = candidates.tiers == 0
        own = np.flatnonzero(usual[: min(n, len(candidates))])[-self.places :]
        pool = min(n, len(candidates)) + np.flatnonzero(usual[n:])[: _RESERVE * len(own)]
        order, propensities = np.arange(len(candidates)), candidates.propensities.copy()
        for turn, place in enumerate(own):
            reserve = pool[turn :: len(own)]
            if not len(reserve):
                continue
            if self.random.random() < self.share:
                drawn = int(self.random.choice(reserve))
                order[[place, drawn]] = order[[drawn, place]]
                propensities[drawn] = self.share / len(reserve)
            else:
                propensities[place] = 1.0 - self.share
        return replace(candidates, propensities=propensities).take(order)
