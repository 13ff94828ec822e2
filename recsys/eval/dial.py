"""What the dials of the policy cost: ndcg against what a setting gives, for discovery and for diversity."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

DialName = Literal["discovery", "diversity"]
"""Keys of `[policy]`."""

KEPT_NDCG = 0.95
"""Share of the ranker's own ndcg that a setting must keep to be worth what it gives."""

_MOST_BY_ITSELF = 0.5
"""The furthest setting that is ever chosen automatically."""

_EARNED = 0.9
"""What a position given to a hardly known item must earn at least, as a share of what a position earns on average."""

_FEWEST_POSITIONS = 0.02
"""Least share of all positions that a setting must give to hardly known items, beyond those that they have anyway. What
a setting costs that moves next to nothing is noise, and no guide to its cost once there are more such items."""


@dataclass(frozen=True)
class DialPoint:
    """One setting of a dial and what it gave on the same requests.

    Attributes:
        dial: in [0, 1]; 0 is the ranker's order.
        ndcg, diversity: means over the requests; diversity is 0 where it is not known how alike items are.
        hardly_known: share of the positions of the lists whose item had fewer than five positive events before.
        n_requests: that the means are over.
    """

    dial: float
    ndcg: float
    diversity: float
    hardly_known: float = 0.0
    n_requests: int = 0

    def gain(self, name: DialName) -> float:
        """What the dial is meant to raise: diversity, or the share of hardly known items."""
        return self.diversity if name == "diversity" else self.hardly_known


def best_setting(points: Sequence[DialPoint], name: DialName) -> DialPoint | None:
    """The setting with the largest gain that keeps `KEPT_NDCG` of the ndcg at 0; None if no setting was measured."""
    base = next((point for point in points if point.dial == 0.0), None)
    if base is None:
        return None
    return max((point for point in points if point.ndcg >= KEPT_NDCG * base.ndcg), key=lambda point: point.gain(name))


def worthwhile_discovery(curves: Sequence[Sequence[DialPoint]]) -> float:
    """The furthest setting of discovery up to which the positions that hardly known items gain earn, in ndcg, at least
    `_EARNED` of what a position earns on average; 0 where no setting qualifies.

    A small step costs less than the noise of a few thousand requests. Near the best order the cost grows with the
    square of the number of positions given away, so the price of one position grows linearly with it. A setting must
    therefore pass twice: by its own price, and by the line fitted to the prices of all settings that give enough
    positions, including those that nobody would choose.

    Args:
        curves: of requests of different windows, each with the same settings in increasing order; those without
            requests may be empty.
    """
    measured = [points for points in curves if points]
    if not measured:
        return 0.0
    dials = np.array([point.dial for point in measured[0]])
    figures = [[(point.ndcg, point.hardly_known) for point in points] for points in measured]
    ndcg, hardly_known = np.average(figures, axis=0, weights=[points[0].n_requests for points in measured]).T
    gained = hardly_known - hardly_known[0]
    moves_enough = gained >= _FEWEST_POSITIONS
    if not ndcg[0] or not moves_enough.any():
        return 0.0
    gained = gained[moves_enough]
    price = (1.0 - ndcg[moves_enough] / ndcg[0]) / gained
    highest = np.maximum(price, _increasing_line(gained, price))
    worthwhile = (highest <= 1.0 - _EARNED) & (dials[moves_enough] <= _MOST_BY_ITSELF)
    return float(dials[moves_enough][worthwhile].max(initial=0.0))


def _increasing_line(gained: NDArray[np.float64], price: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n_settings,) the prices of a position, fitted by a line in the number of positions gained that does not fall.

    The noise of an ndcg grows with the positions that were moved, so settings count in proportion to these.
    """
    weights = gained / gained.sum()
    apart = gained - weights @ gained
    middle, spread = float(weights @ price), float(weights @ apart**2)
    slope = max(float(weights @ (apart * (price - middle))) / spread, 0.0) if spread > 0 else 0.0
    return np.asarray(middle + slope * apart)
