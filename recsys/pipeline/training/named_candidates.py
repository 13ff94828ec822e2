"""Whether requests that name the items to rank are ranked by a ranker of their own.

Of a list that was shown, somebody has looked at every item. What was refused there is far nearer to what was wanted
than the candidates that nobody saw, and a ranker that learned mostly from these knows little of the difference. But it
knows what is worth showing at all: a ranker of shown items alone cannot judge what no list ever held.
"""

from dataclasses import replace

from recsys.eval.results import MeasuredReport
from recsys.pipeline.candidates.request_block import RequestKind
from recsys.pipeline.past.requests import PastRequests
from recsys.pipeline.ranking.rankers import Rankers
from recsys.pipeline.training.own_rankers import compared, ranker_if_better
from recsys.pipeline.training.rows import UnseenWindow
from recsys.pipeline.training.steps import TrainingSteps
from recsys.rank.row_metrics import auc_of_rows
from recsys.rank.rows import RankerRows
from recsys.rank.samples import LearningRows

_OTHERS = 0.1
"""Rows of what was not shown, for each that was: docs/experiments/newcomers.md, "Items that come with a request"."""

_WHICH = "requests that name the items to rank"


def rows_of_lists(rows: RankerRows, seed: int) -> RankerRows:
    """From all rows of a window, those that teach how to order a list of named items; see `RankerRows.of_lists`."""
    return rows.of_lists(_OTHERS, seed)


def and_ahead(lists: RankerRows, window: UnseenWindow, requests: PastRequests, steps: TrainingSteps) -> RankerRows:
    """These rows, with some of the lists once more as if their items had been named before their users came.

    Args:
        lists: see `rows_of_lists`.
        requests: of the window.
    """
    if not lists.n_requests:
        return lists
    return RankerRows.joined((lists, steps.rows_of_lists_ahead(window, requests, _OTHERS)))


def with_ranker_of_lists(rankers: Rankers, rows: LearningRows, window: UnseenWindow, steps: TrainingSteps) -> Rankers:
    """The rankers, with one for requests that name the items to rank if it orders the newest shown lists better.

    All of a named list is wanted in order, so it is judged by the pairs that are in order (auc). They also show a
    difference on fewer lists than ndcg@10 needs.

    Args:
        rankers: those of all other requests; their `older` has not learned from the newest ones.
        rows: see `and_ahead`.
    """
    judged, measure = _shown(rows.newest), ("auc", auc_of_rows)
    return replace(rankers, named=ranker_if_better(rankers, rows, window, steps, _WHICH, judged, measure))


def with_figures_of_lists(report: MeasuredReport, rankers: Rankers, rows: RankerRows) -> MeasuredReport:
    """The report, with how well the lists that were shown are ordered.

    Args:
        rankers: with a ranker of such requests; none has learned from those measured here.
        rows: of the test window, see `rows_of_lists`.
    """
    if not rows.n_requests:
        return report
    lists = replace(_shown(rows), missed=rows.missed[:0])
    own, other = compared(lists, rankers.of(RequestKind.NAMES_CANDIDATES), rankers)
    figures = (
        f"{_WHICH} have a ranker of their own: ndcg@10 {own:.4f} of the items in {lists.n_requests:,} lists that were "
        f"shown in the test window and had a choice in them; by the ranker of the others {other:.4f}"
    )
    return replace(report, facts={**report.facts, "named candidates": figures})


def _shown(rows: RankerRows) -> RankerRows:
    return rows if rows.shown is None else rows.keep(rows.shown)
