"""How well scores order the rows of each request.

`recsys.eval.metrics` measures final lists, in which an item is a target or is none; here gains have sizes, and scores
may be equal."""

import numpy as np
from numpy.typing import NDArray

from recsys.arrays.ragged import indices_within
from recsys.data.requests.list_positions import discounts, inverse_examination
from recsys.rank.rows import RankerRows

_CUT = 10
"""Positions of the ndcg."""


def ndcg_of_rows(rows: RankerRows, scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n_requests,) ndcg@10 of the rows ordered by scores (n_rows,); 0 where no row is positive.

    Järvelin & Kekäläinen, "Cumulated gain-based evaluation of IR techniques", TOIS 2002.
    """
    requests = rows.requests
    discount = discounts(indices_within(requests), _CUT)

    def gain(keys: NDArray[np.generic]) -> NDArray[np.float64]:
        gains = rows.gains[np.lexsort((keys, requests))]
        return np.bincount(requests, weights=gains * discount, minlength=rows.n_requests).astype(np.float64)

    return gain(-scores) / np.maximum(gain(-rows.gains), 1e-12)


def mean_ndcg(rows: RankerRows, scores: NDArray[np.float32]) -> float:
    """The mean of `ndcg_of_rows` over the requests in which something was wanted, each counted by its `request_shares`;
    NaN where there are none."""
    shares = rows.request_shares
    return float(np.average(ndcg_of_rows(rows, scores), weights=shares)) if shares.any() else float("nan")


def auc_of_rows(rows: RankerRows, scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n_requests,) area under the ROC curve (Hanley & McNeil, 1982): the share of the pairs of a positive and a
    negative row in which the positive one has the higher score; equal scores count half. NaN where there is none."""
    of, order = rows.requests, np.lexsort((scores, rows.requests))
    positive, ordered = rows.positive[order], scores[order]
    begins = np.ones(len(order), dtype=bool)
    begins[1:] = (np.diff(of) != 0) | (np.diff(ordered) != 0)
    ties, positions = np.cumsum(begins) - 1, indices_within(of)
    shared = (np.bincount(ties, weights=positions) / np.bincount(ties))[ties]
    n_positive = np.bincount(of[positive], minlength=rows.n_requests)
    n_below = np.bincount(of, weights=shared * positive, minlength=rows.n_requests) - n_positive * (n_positive - 1) / 2
    n_pairs = n_positive * (rows.sizes - n_positive)
    return n_below / np.where(n_pairs > 0, n_pairs, np.nan)


def comparison_metric(rows: RankerRows, scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n_requests,) the metric by which rankers are compared, fair to both where the lists of one decided what was
    shown.

    If the rows say what was shown where: the gains of the shown rows, each divided by the chance that its position is
    looked at, and discounted by its position in the order of the scores (see `recsys.pipeline.evaluation.shown`).
    Otherwise the `ndcg_of_rows` of all rows, each request counted by its `request_shares`.
    """
    shown = rows.at_known_positions
    if rows.positions is None or not shown.any():
        return ndcg_of_rows(rows, scores) * rows.request_shares
    requests = rows.requests[shown]
    order = np.lexsort((-scores[shown], requests))
    positions = indices_within(requests)
    gains = (rows.gains[shown] * inverse_examination(rows.positions[shown]))[order] * discounts(positions)
    return np.bincount(requests, weights=gains, minlength=rows.n_requests).astype(np.float64)
