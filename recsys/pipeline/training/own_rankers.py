"""Rankers of their own for some kinds of requests, where these are then ordered better."""

from recsys.pipeline.ranking.rankers import Rankers
from recsys.pipeline.training.rows import UnseenWindow
from recsys.pipeline.training.steps import TrainingSteps
from recsys.rank.judging import mean_ndcg, ndcg
from recsys.rank.rows import RankerRows
from recsys.rank.samples import LearningRows
from recsys.significance import SIGNIFICANT, standard_error


def ranker_if_better(
    rankers: Rankers, rows: LearningRows, judged: RankerRows, window: UnseenWindow, steps: TrainingSteps, which: str
) -> Rankers | None:
    """A ranker of these rows; None if it orders the newest of them no better than that of all other requests does.

    Args:
        rankers: those of all other requests; their `older` has not learned from the newest ones.
        rows: of the requests that may have a ranker of their own.
        judged: the newest of these rows, by which both are judged.
        which: these requests, in words.
    """
    if rankers.older is None or not rows.older.has_order or not judged.n_requests:
        return None
    own = steps.own_rankers(rows, window)
    if own.older is None:
        return None
    after, before = (older.ranker.score(judged.table) for older in (own.older, rankers.older))
    gains = ndcg(judged, after) - ndcg(judged, before)
    is_better = bool(gains.mean() > SIGNIFICANT * standard_error(gains))
    have = "have a ranker of their own" if is_better else "need no ranker of their own"
    steps.run.progress(f"{which} {have}: with it ndcg@10 {gains.mean():+.4f} on {len(gains):,} of them")
    return own if is_better else None


def compared(rows: RankerRows, own: Rankers, others: Rankers) -> tuple[float, float]:
    """ndcg@10 of the candidates in these rows, by the requests' own ranker and by that of the others; a request whose
    targets are no candidates counts 0."""
    by_own, by_others = (mean_ndcg(rows, found.full.score(rows.table)) * rows.covered for found in (own, others))
    return by_own, by_others
