"""Tools without a network: popularity, implicit's ALS and neighbours, EASE, LensKit's, frozen text."""

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from benchmarks.peers.world import Scorer
from recsys.data.items.catalogue import ItemCatalogue
from recsys.data.log.history import HistoryBatch
from recsys.data.log.interactions import InteractionLog
from recsys.moments import DAY
from recsys.text.cache import VectorCache
from recsys.text.encoder import TextEncoder

Setting = Mapping[str, Any]


class Peer(Protocol):
    """A tool: the settings that are tried, in order, and how one is fitted."""

    @property
    def settings(self) -> Sequence[Setting]:
        """What is tried."""
        ...

    def fit(self, log: InteractionLog, setting: Setting) -> Scorer:
        """Learn from positive events."""
        ...


class Popularity:
    """The items with most events of the newest days."""

    settings = tuple({"days": days} for days in (3650, 90, 30, 7))

    def fit(self, log: InteractionLog, setting: Setting) -> Scorer:
        newest = log.items[log.times > log.times[-1] - setting["days"] * DAY]
        counts = np.bincount(newest, minlength=log.n_items).astype(np.float32)
        return lambda histories: np.broadcast_to(counts, (len(histories), len(counts)))


class ImplicitAls:
    """implicit's ALS; users are folded in from their history by implicit itself."""

    settings = tuple(
        {"factors": factors, "alpha": alpha, "regularization": regularization}
        for regularization, factors, alpha in product((0.05, 1.0), (64, 128, 256), (1.0, 5.0, 20.0))
    )

    def fit(self, log: InteractionLog, setting: Setting) -> Scorer:
        from implicit.cpu.als import AlternatingLeastSquares
        from threadpoolctl import threadpool_limits

        with threadpool_limits(limits=1, user_api="blas"):
            model = AlternatingLeastSquares(iterations=15, random_state=0, **setting)
            model.fit(counts_of(log), show_progress=False)

        def score(histories: HistoryBatch) -> NDArray[np.float32]:
            users = model.recalculate_user(np.arange(len(histories)), counted(histories, log.n_items))
            return np.asarray(users @ model.item_factors.T, dtype=np.float32)

        return score


class ImplicitNeighbours:
    """implicit's item-kNN with cosine, TF-IDF or BM25 weights."""

    def __init__(self, kinds: Sequence[str]) -> None:
        weights = [{"K1": k1, "B": b} for k1, b in product((1.2, 100.0), (0.2, 0.75))]
        self.settings = [
            {"kind": kind, "K": k, **more}
            for kind in kinds
            for k in (20, 50, 100, 300)
            for more in (weights if kind == "BM25" else [{}])
        ]

    def fit(self, log: InteractionLog, setting: Setting) -> Scorer:
        import implicit.nearest_neighbours as neighbours

        model = getattr(neighbours, f"{setting['kind']}Recommender")(
            **{k: v for k, v in setting.items() if k != "kind"}
        )
        model.fit(counts_of(log), show_progress=False)
        return linear(model.similarity, log.n_items)


class Ease:
    """Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019, over the items that have events."""

    settings = tuple({"l2": l2} for l2 in (100.0, 300.0, 30.0, 1000.0, 10.0))

    def fit(self, log: InteractionLog, setting: Setting) -> Scorer:
        matrix = counts_of(log)
        matrix.data[:] = 1.0
        known = np.unique(log.items)
        some = matrix[:, known].astype(np.float64)
        gram = (some.T @ some).toarray()
        gram[np.diag_indices_from(gram)] += setting["l2"]
        inverse = np.linalg.inv(gram)
        weights = -inverse / np.diag(inverse)
        np.fill_diagonal(weights, 0.0)
        weights = weights.astype(np.float32)

        def score(histories: HistoryBatch) -> NDArray[np.float32]:
            scores = np.zeros((len(histories), log.n_items), dtype=np.float32)
            scores[:, known] = (counted(histories, log.n_items)[:, known] > 0).astype(np.float32) @ weights
            return scores

        return score


class LensKit:
    """LensKit's item-kNN or ALS on implicit feedback; it answers one query at a time."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        als = [{"embedding_size": size, "weight": w} for size, w in product((64, 128), (10.0, 40.0))]
        self.settings = [{"max_nbrs": n} for n in (20, 50, 100)] if kind == "ItemKNN" else als

    def fit(self, log: InteractionLog, setting: Setting) -> Scorer:
        import pandas as pd
        from lenskit.als import ImplicitMFScorer
        from lenskit.data import ItemList, RecQuery, from_interactions_df
        from lenskit.knn import ItemKNNScorer

        frame = pd.DataFrame({"user_id": log.users, "item_id": log.items}).drop_duplicates()
        dataset = from_interactions_df(frame, class_name="rating")
        model = ItemKNNScorer(feedback="implicit", **setting) if self.kind == "ItemKNN" else ImplicitMFScorer(**setting)
        model.train(dataset)
        known = np.unique(log.items)  # of others the model has no row, and item-kNN panics
        every = ItemList(item_ids=known)

        def score(histories: HistoryBatch) -> NDArray[np.float32]:
            scores = np.full((len(histories), log.n_items), np.nan, dtype=np.float32)
            for row, items in enumerate(np.split(histories.items, histories.offsets[1:-1])):
                own = np.intersect1d(items, known)
                if len(own):
                    scores[row, known] = model(RecQuery(user_items=ItemList(item_ids=own)), every).scores()
            return scores

        return score


class FrozenText:
    """Similarity of the texts to the mean of the newest items, by a sentence encoder as it comes."""

    def __init__(self, catalogue: ItemCatalogue, cache: Path, newest: int) -> None:
        self.catalogue, self.cache = catalogue, cache
        self.settings: Sequence[Setting] = [{"newest": newest}]

    def fit(self, log: InteractionLog, setting: Setting) -> Scorer:
        vectors = VectorCache(self.cache).vectors(TextEncoder.load("all-MiniLM-L6-v2", 64), self.catalogue.texts)

        def score(histories: HistoryBatch) -> NDArray[np.float32]:
            newest = histories.newest(setting["newest"])
            weights = newest.matrix(len(vectors), np.ones(len(newest.items), dtype=np.float32))
            return np.asarray((weights @ vectors) @ vectors.T, dtype=np.float32)

        return score


def linear(similarity: sp.csr_matrix, n_items: int) -> Scorer:
    """History times an item-item matrix."""
    return lambda histories: (counted(histories, n_items) @ similarity).toarray().astype(np.float32)


def counts_of(log: InteractionLog) -> sp.csr_matrix:
    """(n_users, n_items) float32 number of events."""
    ones = np.ones(len(log), dtype=np.float32)
    matrix = sp.csr_matrix((ones, (log.users, log.items)), shape=(log.n_users, log.n_items))
    matrix.sum_duplicates()
    return matrix


def counted(histories: HistoryBatch, n_items: int) -> sp.csr_matrix:
    """(n_requests, n_items) float32 number of events."""
    return histories.matrix(n_items, np.ones(len(histories.items), dtype=np.float32))
