"""Whether requests that bring their history are ranked by a ranker of their own.

It is not known when and how the items of such a history were chosen; it may be all that a user ever did, or the cart of
a guest. A ranker that learned from stored histories relies on what is missing here.
"""

from dataclasses import replace

from recsys.eval.results import MeasuredReport
from recsys.pipeline.candidates.request_block import RequestKind
from recsys.pipeline.ranking.rankers import Rankers
from recsys.pipeline.training.own_rankers import compared, ranker_if_better
from recsys.pipeline.training.rows import UnseenWindow
from recsys.pipeline.training.steps import TrainingSteps
from recsys.rank.rows import RankerRows
from recsys.rank.samples import LearningRows

_WHICH = "requests that bring their history"


def with_own_ranker(rankers: Rankers, rows: LearningRows, window: UnseenWindow, steps: TrainingSteps) -> Rankers:
    """The rankers, with one for requests that bring their history if it orders the newest of these better.

    Args:
        rankers: those of all other requests; their `older` has not learned from the newest ones.
        rows: of requests of the window that bring their history.
    """
    return replace(rankers, given=ranker_if_better(rankers, rows, window, steps, _WHICH, rows.newest))


def with_figures_of_given(report: MeasuredReport, rankers: Rankers, rows: RankerRows) -> MeasuredReport:
    """The report, with how well the candidates of requests that bring their history are ordered.

    Args:
        rankers: with a ranker of such requests; none has learned from those measured here.
        rows: of such requests of the test window.
    """
    if not rows.n_requests:
        return report
    own, other = compared(rows, rankers.of(RequestKind.BRINGS_HISTORY), rankers)
    figures = (
        f"{_WHICH} have a ranker of their own: ndcg@10 {own:.4f} on {rows.n_requests:,} of "
        f"the test window, asked for users of whom nothing is stored; by the ranker of the others {other:.4f}"
    )
    return replace(report, facts={**report.facts, "given histories": figures})
