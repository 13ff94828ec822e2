"""The requests of a window of a log, labelled: who asked for a list in it, and what they did then."""

from collections.abc import Iterator, Sequence

from recsys.eval.ranking import Targets
from recsys.pipeline.evaluation.caveats import caveats_of_availability
from recsys.pipeline.evaluation.labelled import LabelledBlock, LabelledRequests
from recsys.pipeline.past.requests import PastRequests
from recsys.pipeline.past.scoring import PastScoring
from recsys.pipeline.past.strongest_event import StrongestEvent


def labelled_requests(
    past: PastScoring, requests: PastRequests, strongest: StrongestEvent | None, caveats: Sequence[str]
) -> LabelledRequests:
    """The past requests of a window, to be measured.

    Args:
        past: what is asked about them.
        requests: in the numbers of `past`; a target below 0 is unknown to it, and missed.
        strongest: what is taken for a purchase; None: not known.
        caveats: see `LabelledRequests`; one of items that are not available today is added.
    """
    return LabelledRequests(
        labelled_blocks(past, requests, strongest),
        strongest.name if strongest else None,
        requests.share_answered,
        (*caveats, *caveats_of_availability(past.scoring.catalogue)),
    )


def labelled_blocks(
    past: PastScoring, requests: PastRequests, strongest: StrongestEvent | None
) -> Iterator[LabelledBlock]:
    """The requests of a window with what was wanted, and what of it got the strongest event, where that is known."""
    for part, block in past.blocks(requests):
        targets = Targets(part.targets.offsets, part.targets.items)
        bought = targets.keep(part.targets.values == strongest.weight) if strongest else None
        yield LabelledBlock(block, targets, part.users, bought)
