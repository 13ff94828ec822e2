"""Steps in order, applied to one request."""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.data.items.catalogue import ItemCatalogue
from recsys.policy.candidates import RankedCandidates
from recsys.policy.discovery import Discovery
from recsys.policy.diversity import Diversity
from recsys.policy.exploration import Exploration
from recsys.policy.pins import Pins
from recsys.policy.shares import Cap, Floor
from recsys.policy.steps import Condition, Seen, Step

_FIXED = (Pins, Cap, Floor, Exploration)
"""Steps that fix positions of a list, and so come after all steps that reorder it."""


class PolicyChange(NamedTuple):
    """What one step did to the list of one request."""

    step: str
    removed: int
    """items of the catalogue that it forbids, see `Policy.removed`; 0 where they were not counted"""
    moved: int
    """candidates that stand elsewhere than before the step, among the first n"""


class Arranged(NamedTuple):
    """A list in its final order."""

    order: NDArray[np.intp]
    """(n_candidates,) indices into what was given, best first"""
    scores: NDArray[np.float32]
    """(n_candidates,) in the new order: what was given, and what steps have added (boosts, discovery); steps that only
    move items leave it as it is"""
    changes: list[PolicyChange]
    """what each step changed"""
    propensities: NDArray[np.float32]
    """(n_candidates,) in the new order: probability with which each stands where it stands"""


@dataclass(frozen=True)
class Policy:
    """The rules of one list.

    Attributes:
        steps: in the order in which they are applied.
    """

    steps: tuple[Step, ...]

    def narrow(self, allowed: NDArray[np.bool_], catalogue: ItemCatalogue) -> None:
        """Set `allowed` (n_items,) to False for the items that must not be listed, all steps together; to be applied
        before candidates are sought.

        Raises:
            DataError: a filter names a column that the catalogue lacks, or compares unlike types.
        """
        for step in self.steps:
            step.narrow(allowed, catalogue)

    @property
    def required(self) -> NDArray[np.int32]:
        """Items that must be among the candidates, whatever their scores: the pinned ones."""
        pinned = [step.items for step in self.steps if isinstance(step, Pins)]
        items = np.concatenate([np.zeros(0, dtype=np.int32), *pinned])
        return items[items >= 0]

    def lacks(self, items: NDArray[np.int32], n: int) -> list[Condition]:
        """Conditions that further candidates must meet: one for each rule that a list of `n` made of these candidates
        (n_candidates,) would break.

        Demoted items neither help nor are sought: no rule fetches them before others.
        """
        demoted = [step.items for step in self.steps if isinstance(step, Seen) and step.mode == "demote"]
        behind = np.concatenate([np.zeros(0, dtype=np.int32), *demoted])
        others = items[~np.isin(items, behind)]
        found = (step.lacks(others, n) for step in self.steps)
        return [partial(_meet_before, condition, behind) for condition in found if condition is not None]

    def with_dial(self, dial: Discovery | Diversity) -> "Policy":
        """These rules with another discovery or diversity, before the steps whose items it would move."""
        others = [step for step in self.steps if not isinstance(step, type(dial))]
        later = (Diversity, *_FIXED) if isinstance(dial, Discovery) else _FIXED
        index = next((at for at, step in enumerate(others) if isinstance(step, later)), len(others))
        return Policy((*others[:index], dial, *others[index:]))

    @property
    def explores(self) -> bool:
        """Whether chance has a part in the list."""
        return any(isinstance(step, Exploration) for step in self.steps)

    def arrange(self, items: NDArray[np.int32], scores: NDArray[np.float32], n: int) -> Arranged:
        """Order ranked candidates that are all eligible.

        Args:
            items: (n_candidates,) item numbers, in any order.
            scores: (n_candidates,) the ranker's scores, higher is better.
            n: length of the list that will be shown.
        """
        candidates, changes = RankedCandidates.ranked(items, scores), []
        for step in self.steps:
            arranged = step.arrange(candidates, n)
            moved = int(np.count_nonzero(arranged.indices[:n] != candidates.indices[:n]))
            changes.append(PolicyChange(step.name, 0, moved))
            candidates = arranged
        return Arranged(candidates.indices, candidates.scores, changes, candidates.propensities)

    def removed(self, catalogue: ItemCatalogue) -> list[int]:
        """Items of the catalogue that each step forbids."""
        counts = []
        for step in self.steps:
            allowed = np.ones(len(catalogue), dtype=bool)
            step.narrow(allowed, catalogue)
            counts.append(int(np.count_nonzero(~allowed)))
        return counts


def _meet_before(condition: Condition, behind: NDArray[np.int32], items: NDArray[np.int32]) -> NDArray[np.bool_]:
    """(n,) True for the items (n,) that meet a condition, without those that are behind others."""
    return condition(items) & ~np.isin(items, behind)
