"""Ranked candidates of one request, on their way through the policy."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PINNED = np.int8(-1)
"""Tier of an item that stands where it is pinned."""


@dataclass(frozen=True)
class RankedCandidates:
    """Candidates of one request, best first. All arrays are (n,).

    Attributes:
        items: item numbers.
        scores: the ranker's scores, higher is better.
        places: where each one stood in the arrays that `ranked` was given, to reorder further columns with.
        tiers: 0 for most; a later step never moves an item before one of a lower tier (a demoted item is in tier 1, a
            pinned one in tier -1, which no step moves).
        propensities: probability with which each stands where it stands; 1 without exploration.
        caps: of every cap so far, which later steps keep to, (n,) numbers of the values that it caps, -1 where there is
            none, and the most items of one value among those that will be shown.
        floors: of every floor so far, (n,) True for what is of its kind, and the least of these to be shown.
        ranks: where each stood before the first cap or floor; None before that.
    """

    items: NDArray[np.int32]
    scores: NDArray[np.float32]
    places: NDArray[np.intp]
    tiers: NDArray[np.int8]
    propensities: NDArray[np.float32]
    caps: tuple[tuple[NDArray[np.int32], int], ...] = ()
    floors: tuple[tuple[NDArray[np.bool_], int], ...] = ()
    ranks: NDArray[np.intp] | None = None

    def __len__(self) -> int:
        return len(self.items)

    @classmethod
    def ranked(cls, items: NDArray[np.int32], scores: NDArray[np.float32]) -> "RankedCandidates":
        """Order by score, equal scores by item number, NaN last."""
        order = np.lexsort((items, -scores))
        tiers, propensities = np.zeros(len(items), dtype=np.int8), np.ones(len(items), dtype=np.float32)
        return cls(items[order], scores[order], order, tiers, propensities)

    def take(self, order: NDArray[np.intp]) -> "RankedCandidates":
        """The candidates at `order`, in that order."""
        return RankedCandidates(
            self.items[order],
            self.scores[order],
            self.places[order],
            self.tiers[order],
            self.propensities[order],
            tuple((values[order], most) for values, most in self.caps),
            tuple((of_kind[order], least) for of_kind, least in self.floors),
            None if self.ranks is None else self.ranks[order],
        )

    def first(self, chosen: NDArray[np.intp]) -> "RankedCandidates":
        """The candidates at `chosen`, in that order, then the others in theirs."""
        others = np.ones(len(self), dtype=bool)
        others[chosen] = False
        return self.take(np.concatenate([chosen, np.flatnonzero(others)]))
