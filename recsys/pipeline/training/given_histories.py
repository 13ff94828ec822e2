"""Whether requests that bring their history are ranked by a ranker of their own.

It is not known when and how the items of such a history were chosen; it may be all that a user ever did, or the cart of
a guest. A ranker that learned from stored histories relies on what is missing here.
"""

from dataclasses import replace

from recsys.eval.results import MeasuredReport
from recsys.pipeline.ranking.rankers import Rankers
from recsys.pipeline.training.rows import UnseenWindow
from recsys.pipeline.training.steps import TrainingSteps
from recsys.rank.judging import mean_ndcg, ndcg
from recsys.rank.rows import RankerRows
from recsys.rank.samples import LearningRows
from recsys.significance import SIGNIFICANT, standard_error


def with_own_ranker(rankers: Rankers, rows: LearningRows, window: UnseenWindow, steps: TrainingSteps) -> Rankers:
    """The rankers, with one for requests that bring their history if it orders the newest of these better.

    Args:
        rankers: those of all other requests; their `older` has not learned from the newest ones.
        rows: of requests of the window that bring their history.
    """
    newest = rows.newest
    if rankers.older is None or not rows.older.has_order or not newest.n_requests:
        return rankers
    own = steps.rankers_of_given(rows, window)
    if own.older is None:
        return rankers
    after, before = (older.ranker.score(newest.table) for older in (own.older, rankers.older))
    gains = ndcg(newest, after) - ndcg(newest, before)
    is_better = gains.mean() > SIGNIFICANT * standard_error(gains)
    have = "have a ranker of their own" if is_better else "need no ranker of their own"
    steps.run.progress(
        f"requests that bring their history {have}: with it ndcg@10 {gains.mean():+.4f} on {len(gains):,} of them"
    )
    return replace(rankers, given=own) if is_better else rankers


def with_figures_of_given(report: MeasuredReport, rankers: Rankers, rows: RankerRows) -> MeasuredReport:
    """The report, with how well the candidates of requests that bring their history are ordered.

    Args:
        rankers: with a ranker of such requests; none has learned from those measured here.
        rows: of such requests of the test window.
    """
    if not rows.n_requests:
        return report
    own, other = (
        mean_ndcg(rows, found.full.score(rows.table)) * rows.covered
        for found in (rankers.of(brings_history=True), rankers)
    )
    figures = (
        f"requests that bring their history have a ranker of their own: ndcg@10 {own:.4f} on {rows.n_requests:,} of "
        f"the test window, asked for users of whom nothing is stored; by the ranker of the others {other:.4f}"
    )
    return replace(report, facts={**report.facts, "given histories": figures})
