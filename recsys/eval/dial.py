"""What the dials of the policy cost: ndcg against what a setting gives, for discovery and for diversity."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

DialName = Literal["discovery", "diversity"]
"""Keys of `[policy]`."""

KEPT_NDCG = 0.95
"""Share of the ranker's own ndcg that a setting must keep to be worth what it gives."""


@dataclass(frozen=True)
class DialPoint:
    """One setting of a dial and what it gave on the same requests.

    Attributes:
        dial: in [0, 1]; 0 is the ranker's order.
        ndcg, diversity: means over the requests; no diversity, 0, where nothing tells how alike items are.
        hardly_known: share of the places of the lists whose item had fewer than five signs of interest before.
    """

    dial: float
    ndcg: float
    diversity: float
    hardly_known: float = 0.0

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
