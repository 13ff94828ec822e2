"""What a step of the policy is, and the plain ones: availability, seen and excluded items.

A step may do two things. `eligible` says which items of the catalogue may be listed at all; it is asked before
candidates are sought, so that a strict filter does not leave a list empty. `arrange` reorders what has been ranked.
"""

from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from recsys.data.catalogue import ItemCatalogue
from recsys.policy.candidates import RankedCandidates


class Step(Protocol):
    """One declarative rule, made for one request."""

    @property
    def name(self) -> str:
        """The step's name in reports."""
        ...

    def eligible(self, catalogue: ItemCatalogue) -> NDArray[np.bool_] | None:
        """(n_items,) False where an item must not be listed; None when the step forbids nothing."""
        ...

    def arrange(self, candidates: RankedCandidates, n: int) -> RankedCandidates:
        """The same candidates in a new order, of which the first `n` will be shown."""
        ...


@dataclass(frozen=True)
class Available:
    """Only items that the catalogue calls available."""

    name = "available"

    def eligible(self, catalogue: ItemCatalogue) -> NDArray[np.bool_] | None:
        """The catalogue's own mask; None when all are available."""
        return None if catalogue.available.all() else catalogue.available

    def arrange(self, candidates: RankedCandidates, n: int) -> RankedCandidates:
        """Changes nothing."""
        return candidates


@dataclass(frozen=True)
class Exclude:
    """None of these items.

    Attributes:
        items: item numbers; -1 (unknown) is passed over.
    """

    items: NDArray[np.int32]
    name = "exclude"

    def eligible(self, catalogue: ItemCatalogue) -> NDArray[np.bool_] | None:
        """All but the given items."""
        return _all_but(self.items, len(catalogue))

    def arrange(self, candidates: RankedCandidates, n: int) -> RankedCandidates:
        """Changes nothing."""
        return candidates


@dataclass(frozen=True)
class Seen:
    """What to do with items that the user knows.

    Attributes:
        mode: `exclude` them, `demote` them behind all that is new to the user, or `keep` them in their places.
        items: item numbers of the user's history, repeats allowed; -1 (unknown) is passed over.
    """

    mode: Literal["exclude", "demote", "keep"]
    items: NDArray[np.int32]
    name = "seen"

    def eligible(self, catalogue: ItemCatalogue) -> NDArray[np.bool_] | None:
        """All but the seen items under `exclude`, else None."""
        return _all_but(self.items, len(catalogue)) if self.mode == "exclude" else None

    def arrange(self, candidates: RankedCandidates, n: int) -> RankedCandidates:
        """Seen items one tier down under `demote`; both parts keep their order."""
        if self.mode != "demote":
            return candidates
        tiers = candidates.tiers + np.isin(candidates.items, self.items).astype(np.int8)
        return replace(candidates, tiers=tiers).take(np.argsort(tiers, kind="stable"))


def _all_but(items: NDArray[np.int32], n_items: int) -> NDArray[np.bool_] | None:
    known = items[items >= 0]
    if not len(known):
        return None
    mask = np.ones(n_items, dtype=bool)
    mask[known] = False
    return mask
