"""Implicit matrix factorisation; the only file that imports implicit."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from recsys.arrays.float16 import Float16Bits, float16_bits
from recsys.arrays.npy import load_array, save_array
from recsys.arrays.ragged import rows_of_entries
from recsys.cf.compiled import fold_in
from recsys.cf.model import LogModel
from recsys.cf.users import weights_of_users
from recsys.config import CfConfig
from recsys.data.log.history import HistoryBatch
from recsys.data.log.interactions import InteractionLog
from recsys.retrieval.inverted_file import InvertedFile
from recsys.retrieval.products import dot_products, dot_products_of_pairs
from recsys.retrieval.scores import DenseScores, Scores, best_among

with warnings.catch_warnings():  # of tqdm in a notebook, where it would rather draw its bars with ipywidgets
    warnings.filterwarnings("ignore", message="IProgress not found")
    from implicit.cpu.als import AlternatingLeastSquares


_READ = 2_000
"""Items of the nearest cells that are scored instead of the whole catalogue."""

_SPARE = 32
"""Items that float16 chooses beyond those asked for: among nearly equal ones float32 decides."""

_INDEX = "cells"


class Als(LogModel):
    """Hu, Koren & Volinsky, "Collaborative filtering for implicit feedback datasets", ICDM 2008.

    Users are folded in from their history, so users who were not in the log are like any others.

    Attributes:
        item_factors: (n_items, factors) float32; 0 for items without a positive event.
        alpha, regularization: as fitted; the fold-in solves the same problem as the fit.
        index: of the factors, in a catalogue that is too large to be scored as a whole; else None.
    """

    def __init__(
        self,
        item_factors: NDArray[np.float32],
        alpha: float,
        regularization: float,
        unit_factors: NDArray[np.float32] | None = None,
        index: "FactorIndex | None" = None,
    ) -> None:
        self.item_factors = item_factors
        self.alpha = alpha
        self.regularization = regularization
        self._unit_factors = _at_unit_length(item_factors) if unit_factors is None else unit_factors
        self.index = index
        ridge = regularization * np.eye(item_factors.shape[1])
        self._gram = (item_factors.T @ item_factors + ridge).astype(np.float32)

    @property
    def unit_vectors(self) -> NDArray[np.float32]:
        """The factors at length 1."""
        return self._unit_factors

    @classmethod
    def fit(cls, log: InteractionLog, config: CfConfig, seed: int = 0, earlier: Self | None = None) -> Self:
        """Learn from a log.

        Args:
            earlier: an earlier version whose item factors are the start; items beyond it start at random. Factors of
                another width than `config.factors` cannot be used, all items then start at random.
        """
        confidence = weights_of_users(log)
        confidence.data = 1.0 + np.float32(config.alpha) * confidence.data
        if confidence.nnz == 0:
            factors = np.zeros((log.n_items, config.factors), dtype=np.float32)
            return cls(factors, config.alpha, config.regularization)
        start = np.random.default_rng(seed).random((log.n_items, config.factors), dtype=np.float32) * np.float32(0.01)
        if earlier is not None and earlier.item_factors.shape[1] == config.factors:
            known = earlier.item_factors[: log.n_items]
            start[: len(known)] = known
        # One BLAS thread: implicit runs its own threads, and each would start as many again.
        with threadpool_limits(limits=1, user_api="blas"):
            model = AlternatingLeastSquares(
                factors=config.factors,
                regularization=config.regularization,
                iterations=config.iterations,
                random_state=seed,
            )
            model.item_factors = start
            model.fit(confidence, show_progress=False)
        return cls(model.item_factors, config.alpha, config.regularization)

    def user_factors(self, histories: HistoryBatch) -> NDArray[np.float32]:
        """(n_requests, factors): (Y'Y + reg I + sum (c - 1) y y') u = sum c y over the items y of the history."""
        positive = histories.positive()
        past = positive.summed(positive.weights)
        users = np.zeros((len(histories), self.item_factors.shape[1]), dtype=np.float32)
        fold_in(self.item_factors, self._gram, self.alpha, past.offsets, past.items, past.values, users)
        return users

    def score(self, histories: HistoryBatch) -> NDArray[np.float32]:
        """(n_requests, n_items): predicted preference, about 0 to 1; that of a request does not depend on the others of
        its block."""
        preferences = np.empty((len(histories), len(self.item_factors)), dtype=np.float32)
        dot_products(self.user_factors(histories), self.item_factors, preferences)
        return preferences

    def scores(self, histories: HistoryBatch) -> Scores:
        """The scores of `score`; with an index, the best items are sought in the cells nearest to the user alone."""
        if self.index is None:
            return DenseScores(self.score(histories))
        return FactorScores(self.user_factors(histories), self.item_factors, self.index)

    def indexed(self, seed: int = 0) -> Self:
        """This model with an index."""
        index = FactorIndex.of(self.item_factors, seed)
        return type(self)(self.item_factors, self.alpha, self.regularization, self.unit_vectors, index)

    def save(self, folder: Path) -> None:
        """Write the factors and the two constants of the fold-in."""
        folder.mkdir(parents=True, exist_ok=True)
        save_array(folder / "als.npy", self.item_factors)
        save_array(folder / "als.directions.npy", self.unit_vectors)
        save_array(folder / "als.constants.npy", np.array([self.alpha, self.regularization]))
        if self.index is not None:
            self.index.save(folder / _INDEX)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        alpha, regularization = load_array(folder / "als.constants.npy").tolist()
        unit_factors = load_array(path) if (path := folder / "als.directions.npy").exists() else None
        items = load_array(folder / "als.npy")
        index = FactorIndex.load(folder / _INDEX, items) if (folder / _INDEX).is_dir() else None
        return cls(items, alpha, regularization, unit_factors, index)


@dataclass(frozen=True)
class FactorIndex:
    """Factors by cell, so that those of one cell are read one after the other.

    Attributes:
        inverted_file: which items are near to each other.
        factors: (n_items, factors) in the order of the inverted file's members.
    """

    inverted_file: InvertedFile
    factors: Float16Bits

    @classmethod
    def of(cls, items: NDArray[np.float32], seed: int) -> "FactorIndex":
        """Put item factors (n_items, factors) in the order of their cells."""
        inverted_file = InvertedFile.of(items, seed)
        return cls(inverted_file, float16_bits(items[inverted_file.members]))

    def best(self, users: NDArray[np.float32], eligible: NDArray[np.bool_], n: int) -> NDArray[np.int32]:
        """See `Scores`; users (n_requests, factors). The best are sought in the nearest cells, by float16 factors."""
        bounds, indices = self.inverted_file.nearest_indices(users, max(_READ, 4 * n))
        scores, rows = np.empty(len(indices), dtype=np.float32), rows_of_entries(bounds)
        dot_products_of_pairs(users, rows, self.factors, indices, scores)
        return best_among(bounds, self.inverted_file.members[indices], scores, eligible, n)

    def save(self, folder: Path) -> None:
        """Write the cells and the factors."""
        self.inverted_file.save(folder)
        save_array(folder / "factors.npy", self.factors)

    @classmethod
    def load(cls, folder: Path, items: NDArray[np.float32]) -> "FactorIndex":
        """Read what `save` wrote. Earlier releases did not keep the factors: these are then made from `items`."""
        inverted_file = InvertedFile.load(folder)
        path = folder / "factors.npy"
        return cls(inverted_file, load_array(path) if path.is_file() else float16_bits(items[inverted_file.members]))


@dataclass(frozen=True)
class FactorScores:
    """Dot products of users (n_requests, factors) and items (n_items, factors)."""

    users: NDArray[np.float32]
    items: NDArray[np.float32]
    index: FactorIndex

    def best(self, eligible: NDArray[np.bool_], n: int) -> NDArray[np.int32]:
        """See `Scores`: float16 chooses, float32 orders."""
        near = self.index.best(self.users, eligible, n + _SPARE)
        rows, indices = np.nonzero(near >= 0)
        items = near[rows, indices]
        return best_among(rows.searchsorted(np.arange(len(near) + 1)), items, self.of(rows, items), eligible, n)

    def of(self, rows: NDArray[np.int64], items: NDArray[np.int32]) -> NDArray[np.float32]:
        """See `Scores`."""
        scores = np.empty(len(items), dtype=np.float32)
        dot_products_of_pairs(self.users, rows, self.items, items, scores)
        return scores


def _at_unit_length(factors: NDArray[np.float32]) -> NDArray[np.float32]:
    norms = np.linalg.norm(factors, axis=1, keepdims=True)
    return np.asarray(factors / np.maximum(norms, 1e-12))
