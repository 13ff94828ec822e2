"""The two-stage recipe of many notebooks: a few retrievers, their best items, and LightGBM over their scores."""

from collections.abc import Mapping, Sequence
from itertools import product

import lightgbm
import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from benchmarks.peers.linear import Ease, ImplicitAls, ImplicitNeighbours, Popularity, Setting, counted, linear
from benchmarks.peers.world import Scorer
from features.state import EventState
from recsys.data.log.history import HistoryBatch
from recsys.data.log.interactions import InteractionLog

_BEST = 100
"""Candidates of each retriever."""

_TAUGHT = 4_000
"""Users whose newest event teaches the ranker."""

_BLOCK = 256
_HISTORY = 100


class TwoStage:
    """Popularity, item-kNN, EASE, ALS and the items that follow the newest one propose; LambdaRank orders.

    The ranker learns from the newest event of users, with retrievers that have not seen it; then all are fitted again
    on everything. Its columns: score and rank by each retriever, popularity, events of the history, and whether, how
    often and how long ago the item is in it.
    """

    settings: Sequence[Setting] = tuple(
        {"leaves": leaves, "trees": trees} for trees, leaves in product((100, 300), (31, 15))
    )

    def __init__(self) -> None:
        self._known: tuple[InteractionLog | None, NDArray[np.float32], NDArray[np.int32], NDArray[np.int64]]
        self._known = None, np.empty((0, 0), np.float32), np.empty(0, np.int32), np.empty(0, np.int64)
        self._retrievers: Mapping[str, Scorer] = {}

    def fit(self, log: InteractionLog, setting: Setting) -> Scorer:
        """Learn from positive events; the rows are made once a log."""
        if self._known[0] is not log:
            self._known = log, *_lessons(log)
            self._retrievers = _retrievers(log)
        _, table, labels, sizes = self._known
        parameters = {
            "objective": "lambdarank",
            "num_leaves": setting["leaves"],
            "learning_rate": 0.05,
            "feature_fraction": 0.8,
            "bagging_fraction": 0.8,
            "bagging_freq": 1,
            "verbosity": -1,
            "seed": 0,
        }
        booster = lightgbm.train(parameters, lightgbm.Dataset(table, labels, group=sizes), setting["trees"])
        retrievers = self._retrievers

        def score(histories: HistoryBatch) -> NDArray[np.float32]:
            rows, items, columns = _candidates(retrievers, log, histories)
            scores = np.full((len(histories), log.n_items), np.nan, dtype=np.float32)
            scores[rows, items] = booster.predict(columns)
            return scores

        return score


def _retrievers(log: InteractionLog) -> dict[str, Scorer]:
    newest = Popularity().fit(log, {"days": 30})
    followed = linear(_followers(log), log.n_items)
    return {
        "popularity": newest,
        "neighbours": ImplicitNeighbours(("TFIDF",)).fit(log, {"kind": "TFIDF", "K": 100}),
        "ease": Ease().fit(log, {"l2": 100.0}),
        "als": ImplicitAls().fit(log, {"factors": 64, "alpha": 5.0, "regularization": 0.05}),
        "followers": lambda histories: followed(histories.newest(1)),
    }


def _followers(log: InteractionLog) -> sp.csr_matrix:
    """(n_items, n_items) how often the next event of a user was on the other item."""
    order = np.argsort(log.users, kind="stable")
    users, items = log.users[order], log.items[order]
    same = users[1:] == users[:-1]
    ones = np.ones(int(same.sum()), dtype=np.float32)
    matrix = sp.csr_matrix((ones, (items[:-1][same], items[1:][same])), shape=(log.n_items, log.n_items))
    matrix.sum_duplicates()
    return matrix


def _lessons(log: InteractionLog) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.int64]]:
    """Rows of the newest moment of some users: (n_rows, n_columns), (n_rows,) 1 where wanted, rows of each request."""
    newest = np.full(log.n_users, -1, dtype=np.int64)
    newest[log.users] = log.times  # in time order: the last one stays
    firsts = np.full(log.n_users, np.iinfo(np.int64).max)
    np.minimum.at(firsts, log.users, log.times)
    users = np.flatnonzero(firsts < newest).astype(np.int32)
    users = np.sort(np.random.default_rng(0).choice(users, min(_TAUGHT, len(users)), replace=False))
    taught = np.isin(log.users, users) & (log.times == newest[log.users])
    wanted = counted_pairs(log.users[taught], log.items[taught], log)
    histories = EventState(log).histories(users, newest[users], _HISTORY)
    retrievers = _retrievers(log.select(~taught))
    rows, items, table = _candidates(retrievers, log.select(~taught), histories)
    labels = np.asarray(wanted[users[rows], items]).ravel().astype(np.int32)
    useful = np.bincount(rows, weights=labels, minlength=len(users)) > 0
    kept = useful[rows]
    return table[kept], labels[kept], np.bincount(rows[kept], minlength=len(users))[useful]


def counted_pairs(users: NDArray[np.int32], items: NDArray[np.int32], log: InteractionLog) -> sp.csr_matrix:
    """(n_users, n_items) 1 for these pairs."""
    matrix = sp.csr_matrix((np.ones(len(users), dtype=np.float32), (users, items)), shape=(log.n_users, log.n_items))
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix


def _candidates(
    retrievers: Mapping[str, Scorer], log: InteractionLog, histories: HistoryBatch
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Requests, items and columns of all candidates, by request."""
    counts = np.bincount(log.items, minlength=log.n_items).astype(np.float32)
    parts = []
    for start in range(0, len(histories), _BLOCK):
        block = histories.block(start, min(start + _BLOCK, len(histories)))
        said = np.stack([np.nan_to_num(np.asarray(score(block), dtype=np.float32)) for score in retrievers.values()])
        own = counted(block, log.n_items).toarray()
        proposed = np.zeros(own.shape, dtype=bool)
        for scores in said:
            best = np.argpartition(-scores, _BEST, axis=1)[:, :_BEST]
            np.put_along_axis(proposed, best, np.take_along_axis(scores, best, axis=1) > 0, axis=1)
        rows, items = np.nonzero(proposed)
        ranks = np.argsort(np.argsort(-said, axis=2, kind="stable"), axis=2, kind="stable")
        ages = np.full(own.shape, np.nan, dtype=np.float32)
        ages[block.rows, block.items] = block.recency_ranks
        columns = [*said[:, rows, items], *ranks[:, rows, items], counts[items], block.lengths[rows]]
        columns += [own[rows, items], ages[rows, items]]
        parts.append((start + rows, items, np.stack(columns, axis=1).astype(np.float32)))
    found = [np.concatenate(part) for part in zip(*parts, strict=True)]
    return found[0], found[1], found[2]
