"""Ranked candidates of one request, on their way through the policy."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

PINNED = np.int8(-1)
"""Tier of an item that stands where it is pinned."""


class CapCount(NamedTuple):
    """A cap as it concerns the candidates."""

    values: NDArray[np.int32]
    """(n,) number of each one's value, -1 where it has none"""
    most: int
    """items of one value among those that will be shown"""


class FloorCount(NamedTuple):
    """A floor as it concerns the candidates."""

    meets: NDArray[np.bool_]
    """(n,) True for those that count for it"""
    least: int
    """of these among those that will be shown"""


@dataclass(frozen=True)
class RankedCandidates:
    """Candidates of one request, best first. All arrays are (n,).

    Attributes:
        items: item numbers.
        scores: the ranker's scores, higher is better.
        indices: where each one stood in the arrays that `ranked` was given, to reorder further columns with.
        tiers: 0 for most; a later step never moves an item before one of a lower tier (a demoted item is in tier 1, a
            pinned one in tier -1, which no step moves).
        propensities: probability with which each stands where it stands; 1 without exploration.
        caps, floors: those so far, which later steps keep to.
        ranks: where each stood before the first cap or floor; None before that.
    """

    items: NDArray[np.int32]
    scores: NDArray[np.float32]
    indices: NDArray[np.intp]
    tiers: NDArray[np.int8]
    propensities: NDArray[np.float32]
    caps: tuple[CapCount, ...] = ()
    floors: tuple[FloorCount, ...] = ()
    ranks: NDArray[np.intp] | None = None

    def __len__(self) -> int:
        return len(self.items)

    @classmethod
    def ranked(cls, items: NDArray[np.int32], scores: NDArray[np.float32]) -> "RankedCandidates":
        """Order by score, equal scores by item number, NaN last."""
        order = np.lexsort((items, -scores))
        tiers, propensities = np.zeros(len(items), dtype=np.int8), np.ones(len(items), dtype=np.float32)
        return cls(items[order], scores[order], order, tiers, propensities)

    def raised(self, by: NDArray[np.floating]) -> "RankedCandidates":
        """The candidates by their scores plus `by` (n,), within each tier; equal ones keep their order.

        Args:
            by: in standard deviations of the finite scores, to mean the same for every ranker.
        """
        finite = self.scores[np.isfinite(self.scores)]
        spread = float(finite.std()) if len(finite) else 0.0
        raised = replace(self, scores=self.scores + np.asarray(by * (spread or 1.0), dtype=np.float32))
        return raised.take(np.lexsort((-raised.scores, raised.tiers)))

    def take(self, order: NDArray[np.intp]) -> "RankedCandidates":
        """The candidates at `order`, in that order."""
        return RankedCandidates(
            self.items[order],
            self.scores[order],
            self.indices[order],
            self.tiers[order],
            self.propensities[order],
            tuple(CapCount(cap.values[order], cap.most) for cap in self.caps),
            tuple(FloorCount(floor.meets[order], floor.least) for floor in self.floors),
            None if self.ranks is None else self.ranks[order],
        )

    def first(self, chosen: NDArray[np.intp]) -> "RankedCandidates":
        """The candidates at `chosen`, in that order, then the others in theirs."""
        others = np.ones(len(self), dtype=bool)
        others[chosen] = False
        return self.take(np.concatenate([chosen, np.flatnonzero(others)]))
