"""The requests that a version is measured on: their outcome is known, from a file or from a window of a log."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.counts import counted
from recsys.data.items.catalogue import ItemCatalogue
from recsys.eval.ranking import Targets
from recsys.pipeline.candidates.request_block import RequestBlock
from recsys.pipeline.past.requests import PastRequests
from recsys.pipeline.past.scoring import PastScoring
from recsys.pipeline.past.strongest_event import StrongestEvent


@dataclass(frozen=True)
class LabelledBlock:
    """Requests whose outcome is known.

    Attributes:
        block: the requests.
        targets: what was wanted.
        users: (n_requests,) user numbers, -1 for an anonymous one.
        bought: the targets that got the strongest event; None if that is not known, or if there is only one event.
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
    """All requests that are measured, and facts about them as a whole.

    Attributes:
        blocks: the requests.
        strongest: name of the event that the blocks call bought; requests that it followed are a slice of their own.
        share_answered: these requests as a share of all; in the others nobody chose anything. Probabilities are
            measured over all requests.
        caveats: what a reader of the figures has to know of them.
    """

    blocks: Iterable[LabelledBlock]
    strongest: str | None = None
    share_answered: float = 1.0
    caveats: Sequence[str] = ()


def labelled_requests(
    past: PastScoring, requests: PastRequests, strongest: StrongestEvent | None, caveats: Sequence[str]
) -> LabelledRequests:
    """The past requests of a window, to be measured.

    Args:
        past: scores them as of their moment.
        requests: in the numbers of `past`; a target below 0 is unknown to it, and missed.
        strongest: what is taken for a purchase; None: not known.
        caveats: see `LabelledRequests`; one of items that are not available today is added.
    """
    return LabelledRequests(
        labelled_blocks(past, requests, strongest),
        strongest.name if strongest else None,
        requests.share_answered,
        (*caveats, *_caveat_of_availability(past.scoring.catalogue)),
    )


def labelled_blocks(
    past: PastScoring, requests: PastRequests, strongest: StrongestEvent | None
) -> Iterator[LabelledBlock]:
    """The requests of a window with what was wanted, and what of it got the strongest event, where that is known."""
    for part, block in past.blocks(requests):
        targets = Targets(part.targets.offsets, part.targets.items)
        bought = targets.keep(part.targets.values == strongest.weight) if strongest else None
        yield LabelledBlock(block, targets, part.users, bought)


def _caveat_of_availability(catalogue: ItemCatalogue) -> Iterator[str]:
    """A sentence if there are items that no list of today may hold."""
    if n_gone := int(np.count_nonzero(~catalogue.available & np.isinf(catalogue.gone))):
        gone = counted(n_gone, "item is", "items are")
        yield (
            f"{gone} not available today. It is not known since when (column available_until), so all rankings could "
            "list them in these past requests."
        )
