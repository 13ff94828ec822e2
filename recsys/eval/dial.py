"""What the dials of the policy cost: ndcg against what a setting gives, for discovery and for diversity."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

DialName = Literal["discovery", "diversity"]
"""Keys of `[policy]`."""

KEPT_NDCG = 0.95
"""Share of the ranker's own ndcg that a setting must keep to be worth what it gives."""

_MOST_BY_ITSELF = 0.5
"""No setting further than this is chosen without anybody's asking."""

_EARNED = 0.9
"""Share of what the average place earns that those must earn which it gives to hardly known items."""

_FEWEST_PLACES = 0.01
"""Share of all places that a setting must give to hardly known items: where it moves next to nothing, nothing tells
what it will cost when more such items come."""


@dataclass(frozen=True)
class DialPoint:
    """One setting of a dial and what it gave on the same requests.

    Attributes:
        dial: in [0, 1]; 0 is the ranker's order.
        ndcg, diversity: means over the requests; no diversity, 0, where nothing tells how alike items are.
        hardly_known: share of the places of the lists whose item had fewer than five signs of interest before.
        n_requests: that the means are over.
    """

    dial: float
    ndcg: float
    diversity: float
    hardly_known: float = 0.0
    n_requests: int = 0

    def gain(self, name: DialName) -> float:
        """What the dial is there for."""
        return self.diversity if name == "diversity" else self.hardly_known


def furthest(points: Sequence[DialPoint], name: DialName) -> DialPoint | None:
    """The setting that gives most of what the dial is there for, and keeps `KEPT_NDCG` of the ndcg at 0; None where
    no setting was measured."""
    base = next((point for point in points if point.dial == 0.0), None)
    if base is None:
        return None
    return max((point for point in points if point.ndcg >= KEPT_NDCG * base.ndcg), key=lambda point: point.gain(name))


def worthwhile_discovery(curves: Sequence[Sequence[DialPoint]]) -> float:
    """The furthest setting of discovery up to which the places that hardly known items gain earn, in ndcg, at least
    `_EARNED` of what a place earns on average; 0 where nothing tells.

    Args:
        curves: of requests of different windows, each with the same settings in increasing order; those without
            requests may be empty.
    """
    told = [points for points in curves if points]
    chosen, base = 0.0, (0.0, 0.0)
    for points in zip(*told, strict=True):
        dial, counts = points[0].dial, [point.n_requests for point in points]
        ndcg, hardly_known = np.average([(p.ndcg, p.hardly_known) for p in points], axis=0, weights=counts).tolist()
        if dial == 0.0:
            base = ndcg, hardly_known
        if dial > _MOST_BY_ITSELF or not base[0]:
            break
        gained, lost = hardly_known - base[1], 1.0 - ndcg / base[0]
        if gained < _FEWEST_PLACES:
            continue
        if lost > (1.0 - _EARNED) * gained:
            break
        chosen = dial
    return chosen
