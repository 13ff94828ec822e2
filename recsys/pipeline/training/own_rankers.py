"""Rankers of their own for some kinds of requests, where these are then ordered better."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from recsys.pipeline.ranking.rankers import Rankers
from recsys.pipeline.training.rows import UnseenWindow
from recsys.pipeline.training.steps import TrainingSteps
from recsys.rank.row_metrics import mean_ndcg, ndcg_of_rows
from recsys.rank.rows import RankerRows
from recsys.rank.samples import LearningRows
from recsys.significance import SIGNIFICANT, standard_error

Measure = Callable[[RankerRows, NDArray[np.float32]], NDArray[np.float64]]
"""How well scores (n_rows,) order the rows of each request: (n_requests,), the higher the better."""


def ranker_if_better(
    rankers: Rankers,
    rows: LearningRows,
    window: UnseenWindow,
    steps: TrainingSteps,
    which: str,
    judged: RankerRows,
    measure: tuple[str, Measure] = ("ndcg@10", ndcg_of_rows),
) -> Rankers | None:
    """A ranker of these rows; None if it orders the newest of them no better than that of all other requests does.

    Args:
        rankers: those of all other requests; their `older` has not learned from the newest ones.
        rows: of the requests that may have a ranker of their own.
        which: these requests, in words.
        judged: the newest of these rows, by which both are judged.
        measure: by which they are judged, with its name.
    """
    if rankers.older is None or not rows.older.has_order or not judged.n_requests:
        return None
    own = steps.own_rankers(rows, window)
    if own.older is None:
        return None
    after, before = (older.ranker.score(judged.table) for older in (own.older, rankers.older))
    name, order = measure
    gains = order(judged, after) - order(judged, before)
    is_better = bool(gains.mean() > SIGNIFICANT * standard_error(gains))
    have = "have a ranker of their own" if is_better else "need no ranker of their own"
    steps.run.progress(f"{which} {have}: with it {name} {gains.mean():+.4f} on {len(gains):,} of them")
    return own if is_better else None


def compared(rows: RankerRows, own: Rankers, others: Rankers) -> tuple[float, float]:
    """ndcg@10 of the candidates in these rows, by the requests' own ranker and by that of the others; a request whose
    targets are no candidates counts 0."""
    by_own, by_others = (mean_ndcg(rows, found.full.score(rows.table)) * rows.covered for found in (own, others))
    return by_own, by_others
