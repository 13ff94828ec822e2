"""Exploration: now and then an item that would not be shown, with the exact probability of every place."""

from collections import defaultdict
from dataclasses import dataclass, field, replace

import numpy as np

from recsys.policy.candidates import FloorCount, RankedCandidates
from recsys.policy.steps import Step

_RESERVE = 10
"""Most candidates behind the list that one explored place draws from."""


@dataclass(frozen=True)
class Exploration(Step):
    """At each of the last places of the list, with probability `share`, an item of that place's own reserve instead.

    The reserves are dealt from the candidates behind the list and have no item in common. So the places are
    independent of one another, and the probability that an item stands where it stands is exact: 1 - share for the
    ranker's own, share / (size of the reserve) for an explored one. Log it with the impression, as `propensity`, and
    `recsys evaluate` can estimate what another list would have earned (Horvitz & Thompson, 1952; Bottou et al.,
    Counterfactual reasoning and learning systems, JMLR 2013). Pinned and demoted items take no part. A reserve holds
    nothing that would break a cap or a floor, whatever the other places draw.

    Attributes:
        share: probability in [0, 1].
        places: explored places, counted from the end of the list.
        random: where the draws come from.
    """

    share: float
    places: int
    random: np.random.Generator = field(repr=False)
    name = "exploration"

    def arrange(self, candidates: RankedCandidates, n: int) -> RankedCandidates:
        """Draw each place; an explored item and the one that it stands in for change places."""
        n = min(n, len(candidates))
        explored = np.flatnonzero(candidates.tiers[:n] == 0)[-self.places :].tolist()
        order, propensities = np.arange(len(candidates)), candidates.propensities.copy()
        for place, reserve in zip(explored, _reserves(candidates, n, explored), strict=True):
            if not reserve:
                continue
            if self.random.random() < self.share:
                drawn = int(self.random.choice(reserve))
                order[[place, drawn]] = order[[drawn, place]]
                propensities[drawn] = self.share / len(reserve)
            else:
                propensities[place] = 1.0 - self.share
        return replace(candidates, propensities=propensities).take(order)


def _reserves(candidates: RankedCandidates, n: int, explored: list[int]) -> list[list[int]]:
    """What each of the explored places among the first `n` may draw: the best from behind, dealt in turn."""
    behind = n + np.flatnonzero(candidates.tiers[n:] == 0)
    if not candidates.caps and not candidates.floors:
        return [behind[turn : _RESERVE * len(explored) : len(explored)].tolist() for turn in range(len(explored))]
    reserves: dict[int, list[int]] = {place: [] for place in explored}
    # Of each cap the places where an item of each value may stand, counting every draw that could be.
    places_of: list[defaultdict[int, set[int]]] = []
    for cap in candidates.caps:
        places_of.append(defaultdict(set))
        for place, value in enumerate(cap.values[:n].tolist()):
            places_of[-1][value].add(place)
    # A floor that the places which do not explore reach by themselves binds no draw.
    floors = [floor.meets for floor in candidates.floors if _settled(floor, n, explored) < floor.least]

    def may_draw(place: int, item: int) -> bool:
        return all(meets[item] or not meets[place] for meets in floors) and all(
            cap.values[item] < 0 or place in places[cap.values[item]] or len(places[cap.values[item]]) < cap.most
            for cap, places in zip(candidates.caps, places_of, strict=True)
        )

    for item in behind.tolist():
        waiting = [place for place in explored if len(reserves[place]) < _RESERVE]
        if not waiting:
            break
        able = [place for place in waiting if may_draw(place, item)]
        if able:
            place = min(able, key=lambda place: len(reserves[place]))
            reserves[place].append(item)
            for cap, places in zip(candidates.caps, places_of, strict=True):
                places[cap.values[item]].add(place)
    return list(reserves.values())


def _settled(floor: FloorCount, n: int, explored: list[int]) -> int:
    """How many of the first `n` places meet a floor whatever the explored ones draw."""
    return int(floor.meets[:n].sum() - floor.meets[explored].sum())
