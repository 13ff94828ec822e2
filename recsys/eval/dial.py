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

_WORTH_CHOOSING = 0.01
"""Share of all places that must go to hardly known items in addition: where there are so few of them that a setting
moves next to nothing, nothing tells what it will cost when more of them come."""


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


def costless_discovery(curves: Sequence[Sequence[DialPoint]]) -> float:
    """The furthest setting of discovery up to which no setting costs ndcg; 0 where nothing tells, or next to nothing is
    gained.

    Args:
        curves: of requests of different windows, each with the same settings in increasing order; those without
            requests may be empty.
    """
    told = [points for points in curves if points]
    chosen, none = 0.0, (0.0, 0.0)
    for points in zip(*told, strict=True):
        dial, counts = points[0].dial, [point.n_requests for point in points]
        ndcg = float(np.average([point.ndcg for point in points], weights=counts))
        hardly_known = float(np.average([point.hardly_known for point in points], weights=counts))
        if dial == 0.0:
            none = ndcg, hardly_known
        if dial > _MOST_BY_ITSELF or ndcg < none[0]:
            break
        if hardly_known - none[1] >= _WORTH_CHOOSING:
            chosen = dial
    return chosen
