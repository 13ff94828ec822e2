"""Exploration: now and then an item that would not be shown, with the exact probability of every position."""

from collections import defaultdict
from dataclasses import dataclass, field, replace

import numpy as np

from recsys.policy.candidates import FloorCount, RankedCandidates
from recsys.policy.steps import Step

_RESERVE = 10
"""Most candidates behind the list that one explored position draws from."""


@dataclass(frozen=True)
class Exploration(Step):
    """At each of the last positions, with probability `share`, an item of that position's own reserve instead.

    The reserves are dealt from the candidates behind the list and have no item in common. So the positions are
    independent of one another, and the probability that an item stands where it stands is exact: 1 - share for the
    ranker's own, share / (size of the reserve) for an explored one. Log it with the impression, as `propensity`, and
    `recsys evaluate` can estimate what another list would have earned (Horvitz & Thompson, 1952; Bottou et al.,
    Counterfactual reasoning and learning systems, JMLR 2013). Pinned and demoted items take no part. A reserve holds
    nothing that would break a cap or a floor, whatever the other positions draw.

    Attributes:
        share: probability in [0, 1].
        positions: explored positions, counted from the end of the list.
        random: where the draws come from.
    """

    share: float
    positions: int
    random: np.random.Generator = field(repr=False)
    name = "exploration"

    def arrange(self, candidates: RankedCandidates, n: int) -> RankedCandidates:
        """Draw for each position; an explored item and the one that it stands in for are swapped."""
        n = min(n, len(candidates))
        explored = np.flatnonzero(candidates.tiers[:n] == 0)[-self.positions :].tolist()
        order, propensities = np.arange(len(candidates)), candidates.propensities.copy()
        for position, reserve in zip(explored, _reserves(candidates, n, explored), strict=True):
            if not reserve:
                continue
            if self.random.random() < self.share:
                drawn = int(self.random.choice(reserve))
                order[[position, drawn]] = order[[drawn, position]]
                propensities[drawn] = self.share / len(reserve)
            else:
                propensities[position] = 1.0 - self.share
        return replace(candidates, propensities=propensities).take(order)


def _reserves(candidates: RankedCandidates, n: int, explored: list[int]) -> list[list[int]]:
    """What each of the explored positions among the first `n` may draw: the best from behind, dealt in turn."""
    behind = n + np.flatnonzero(candidates.tiers[n:] == 0)
    if not candidates.caps and not candidates.floors:
        return [behind[turn : _RESERVE * len(explored) : len(explored)].tolist() for turn in range(len(explored))]
    reserves: dict[int, list[int]] = {position: [] for position in explored}
    # Of each cap the positions where an item of each value may stand, counting every draw that could be.
    positions_of: list[defaultdict[int, set[int]]] = []
    for cap in candidates.caps:
        positions_of.append(defaultdict(set))
        for position, value in enumerate(cap.values[:n].tolist()):
            positions_of[-1][value].add(position)
    # A floor that the positions which do not explore reach by themselves binds no draw.
    floors = [floor.meets for floor in candidates.floors if _settled(floor, n, explored) < floor.least]

    def may_draw(position: int, item: int) -> bool:
        return all(meets[item] or not meets[position] for meets in floors) and all(
            cap.values[item] < 0
            or position in positions[cap.values[item]]
            or len(positions[cap.values[item]]) < cap.most
            for cap, positions in zip(candidates.caps, positions_of, strict=True)
        )

    for item in behind.tolist():
        waiting = [position for position in explored if len(reserves[position]) < _RESERVE]
        if not waiting:
            break
        able = [position for position in waiting if may_draw(position, item)]
        if able:
            position = min(able, key=lambda position: len(reserves[position]))
            reserves[position].append(item)
            for cap, positions in zip(candidates.caps, positions_of, strict=True):
                positions[cap.values[item]].add(position)
    return list(reserves.values())


def _settled(floor: FloorCount, n: int, explored: list[int]) -> int:
    """How many of the first `n` positions meet a floor whatever the explored ones draw."""
    return int(floor.meets[:n].sum() - floor.meets[explored].sum())
