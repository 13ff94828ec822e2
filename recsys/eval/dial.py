"""What diversity costs: ndcg against the diversity of a list, over the settings of the dial."""

from dataclasses import dataclass

KEPT_NDCG = 0.95
"""Share of the ranker's own ndcg that a setting must keep to be worth its diversity."""


@dataclass(frozen=True)
class DialPoint:
    """One setting of `policy.diversity` and what it gave on the same requests.

    Attributes:
        dial: 0 the ranker's order, 1 as unlike as possible.
        ndcg, diversity: means over the requests.
    """

    dial: float
    ndcg: float
    diversity: float


def most_diverse(points: tuple[DialPoint, ...]) -> DialPoint | None:
    """The most diverse setting that keeps `KEPT_NDCG` of the ndcg at 0; None where no setting was measured."""
    base = next((point for point in points if point.dial == 0.0), None)
    if base is None:
        return None
    return max((point for point in points if point.ndcg >= KEPT_NDCG * base.ndcg), key=lambda point: point.diversity)
