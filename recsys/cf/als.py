"""Implicit matrix factorisation; the only file that imports implicit."""

from pathlib import Path
from typing import Self

import numpy as np
import scipy.sparse as sp
from implicit.cpu.als import AlternatingLeastSquares
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from recsys.cf.users import user_item_weights
from recsys.config import CfConfig
from recsys.data.arrays import load_array, save_array
from recsys.data.history import HistoryBatch
from recsys.data.interactions import InteractionLog

_BLOCK_FLOATS = 8_000_000


class Als:
    """Hu, Koren & Volinsky, "Collaborative filtering for implicit feedback datasets", ICDM 2008.

    Users are folded in from their history, so a user who was not in the log is like any other.

    Attributes:
        item_factors: (n_items, factors) float32; 0 for items without a positive event.
        alpha, regularization: as fitted; the fold-in solves the same problem as the fit.
    """

    def __init__(self, item_factors: NDArray[np.float32], alpha: float, regularization: float) -> None:
        self.item_factors = item_factors
        self.alpha = alpha
        self.regularization = regularization
        ridge = regularization * np.eye(item_factors.shape[1])
        self._gram = (item_factors.T @ item_factors + ridge).astype(np.float32)
        self._inverse_gram = np.linalg.inv(self._gram)

    @classmethod
    def fit(cls, log: InteractionLog, config: CfConfig, seed: int = 0, warm: "Als | None" = None) -> Self:
        """Learn from a log.

        Args:
            warm: an earlier version whose item factors are the start; items beyond it start at random. Factors of
                another width than `config.factors` cannot be used, all items then start at random.
        """
        confidence = user_item_weights(log)
        confidence.data = 1.0 + np.float32(config.alpha) * confidence.data
        if confidence.nnz == 0:
            factors = np.zeros((log.n_items, config.factors), dtype=np.float32)
            return cls(factors, config.alpha, config.regularization)
        start = np.random.default_rng(seed).random((log.n_items, config.factors), dtype=np.float32) * np.float32(0.01)
        if warm is not None and warm.item_factors.shape[1] == config.factors:
            known = warm.item_factors[: log.n_items]
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
        weights = histories.positive().matrix(len(self.item_factors))
        users = np.zeros((len(histories), self.item_factors.shape[1]), dtype=np.float32)
        lengths = np.diff(weights.indptr)
        by_length = np.argsort(lengths, kind="stable")
        by_length = by_length[lengths[by_length] > 0]
        while len(by_length):
            # Histories of like length together: little is padded, and a block has a bounded size.
            size = max(1, _BLOCK_FLOATS // (len(self._gram) * (lengths[by_length[-1]] + len(self._gram))))
            block, by_length = by_length[:size], by_length[size:]
            users[block] = self._solve(weights[block])
        return users

    def _solve(self, weights: sp.csr_matrix) -> NDArray[np.float32]:
        """(n, factors): the solutions of `user_factors` for n histories of which none is empty."""
        lengths = np.diff(weights.indptr)
        held = np.arange(lengths.max()) < lengths[:, None]  # (n, longest)
        items = np.zeros(held.shape, dtype=np.int32)
        extra = np.zeros(held.shape, dtype=np.float32)  # c - 1
        items[held] = weights.indices
        extra[held] = np.float32(self.alpha) * weights.data
        confidence = (extra + held)[:, :, None].astype(np.float32)
        read = self.item_factors[items]  # (n, longest, factors)
        # The same solution in a system of the history's size or of the factors' size, whichever is smaller: by the
        # push-through identity u = G Y' z with (I + (C - I) Y G Y') z = c, where G inverts the gram matrix. Small
        # systems are not only cheaper: from about 100 unknowns BLAS starts threads for each of them.
        if held.shape[1] < len(self._gram):
            projected = read @ self._inverse_gram
            left = extra[:, :, None] * (projected @ read.transpose(0, 2, 1)) + np.eye(held.shape[1], dtype=np.float32)
            return (np.linalg.solve(left, confidence).transpose(0, 2, 1) @ projected)[:, 0]
        left = self._gram + (read * extra[:, :, None]).transpose(0, 2, 1) @ read
        return np.linalg.solve(left, read.transpose(0, 2, 1) @ confidence)[:, :, 0]

    def score(self, histories: HistoryBatch) -> NDArray[np.float32]:
        """(n_requests, n_items): predicted preference, about 0 to 1."""
        return self.user_factors(histories) @ self.item_factors.T

    def save(self, folder: Path) -> None:
        """Write the factors and the two constants of the fold-in."""
        folder.mkdir(parents=True, exist_ok=True)
        save_array(folder / "als.npy", self.item_factors)
        save_array(folder / "als.constants.npy", np.array([self.alpha, self.regularization]))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        alpha, regularization = load_array(folder / "als.constants.npy").tolist()
        return cls(load_array(folder / "als.npy"), alpha, regularization)
