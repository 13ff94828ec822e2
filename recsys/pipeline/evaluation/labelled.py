"""What is measured on: requests whose outcome is known."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.eval.ranking import Targets
from recsys.pipeline.ranking.scoring import RequestBlock


@dataclass(frozen=True)
class LabelledBlock:
    """Requests whose outcome is known.

    Attributes:
        block: the requests.
        targets: what was wanted.
        users: (n_requests,) user numbers, -1 for an anonymous one.
        bought: those of the targets that got the strongest event; None where that is not known, or no other is.
    """

    block: RequestBlock
    targets: Targets
    users: NDArray[np.int32]
    bought: Targets | None = None

    def reachable(self) -> "LabelledBlock":
        """Targets that the rules allow; under `policy.seen = exclude` these are the items new to the user."""
        bought = None if self.bought is None else self._allowed(self.bought)
        return LabelledBlock(self.block, self._allowed(self.targets), self.users, bought)

    def _allowed(self, targets: Targets) -> Targets:
        known = targets.items >= 0
        allowed = ~known
        allowed[known] = self.block.eligible[targets.rows[known], targets.items[known]]
        return targets.keep(allowed)


@dataclass(frozen=True)
class LabelledRequests:
    """All requests that are measured, and what is known of them as a whole.

    Attributes:
        blocks: the requests.
        strongest: name of the event that the blocks call bought; requests that it followed are a slice of their own.
        share_answered: share of all requests that these are; in the others nobody chose anything. Probabilities are
            those of all.
        caveats: what a reader of the figures has to know of them.
    """

    blocks: Iterable[LabelledBlock]
    strongest: str | None = None
    share_answered: float = 1.0
    caveats: Sequence[str] = ()
