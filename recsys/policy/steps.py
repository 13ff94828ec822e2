"""What a step of the policy is, and the plain ones: availability, seen and excluded items.

A step may do three things. `narrow` says which items of the catalogue may be listed at all; it is asked before
candidates are sought, so that a strict filter does not leave a list empty. `lacks` says which further candidates must
be found, so that a rule that hardly any candidate meets can be kept. `arrange` reorders what has been ranked.
"""

from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from recsys.data.items.catalogue import ItemCatalogue
from recsys.policy.candidates import RankedCandidates


class Condition(Protocol):
    """A condition on items."""

    def __call__(self, items: NDArray[np.int32]) -> NDArray[np.bool_]:
        """(n,) True for the items that meet it."""
        ...


class Step:
    """One declarative rule, made for one request.

    Attributes:
        name: the step's name in reports.
    """

    name: str

    def narrow(self, allowed: NDArray[np.bool_], catalogue: ItemCatalogue) -> None:
        """Set `allowed` (n_items,) to False for the items that must not be listed. This step forbids none."""

    def lacks(self, items: NDArray[np.int32], n: int) -> Condition | None:
        """What further candidates must meet, where these (n_candidates,) cannot make a list of `n` that keeps to this
        rule; None where they can. This step lacks none."""
        return None

    def arrange(self, candidates: RankedCandidates, n: int) -> RankedCandidates:
        """The candidates in a new order, of which the first `n` will be shown. This step leaves them as they are."""
        return candidates


@dataclass(frozen=True)
class Available(Step):
    """Only items that the catalogue calls available."""

    name = "available"

    def narrow(self, allowed: NDArray[np.bool_], catalogue: ItemCatalogue) -> None:
        """Forbid what is not available."""
        allowed &= catalogue.available


@dataclass(frozen=True)
class Exclude(Step):
    """None of these items.

    Attributes:
        items: item numbers; -1 (unknown) is passed over.
    """

    items: NDArray[np.int32]
    name = "exclude"

    def narrow(self, allowed: NDArray[np.bool_], catalogue: ItemCatalogue) -> None:
        """Forbid the items."""
        _forbid(self.items, allowed)


@dataclass(frozen=True)
class Seen(Step):
    """What to do with items that the user knows.

    Attributes:
        mode: `exclude` them, `demote` them behind all that is new to the user, or `keep` them in their places.
        items: item numbers of the user's history, repeats allowed; -1 (unknown) is passed over.
    """

    mode: Literal["exclude", "demote", "keep"]
    items: NDArray[np.int32]
    name = "seen"

    def narrow(self, allowed: NDArray[np.bool_], catalogue: ItemCatalogue) -> None:
        """Forbid the seen items under `exclude`."""
        if self.mode == "exclude":
            _forbid(self.items, allowed)

    def arrange(self, candidates: RankedCandidates, n: int) -> RankedCandidates:
        """Seen items one tier down under `demote`; both parts keep their order."""
        if self.mode != "demote":
            return candidates
        tiers = candidates.tiers + np.isin(candidates.items, self.items).astype(np.int8)
        return replace(candidates, tiers=tiers).take(np.argsort(tiers, kind="stable"))


def _forbid(items: NDArray[np.int32], allowed: NDArray[np.bool_]) -> None:
    allowed[items[items >= 0]] = False
