"""EASE: a linear item-item model in closed form, dense in items."""

from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf, dpotri

from recsys.arrays.npy import load_array, save_array
from recsys.cf.model import LogModel
from recsys.cf.users import newest_items_of_users
from recsys.config import CfConfig
from recsys.data.log.history import HistoryBatch
from recsys.data.log.interactions import InteractionLog
from recsys.errors import DataError
from recsys.retrieval.scores import DenseScores


class Ease(LogModel):
    """Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019.

    Attributes:
        weights: (n_items, n_items) float32, row: an item of the history, column: the item it supports; diagonal 0.
    """

    def __init__(self, weights: NDArray[np.float32]) -> None:
        self.weights = weights

    @classmethod
    def fit(cls, log: InteractionLog, config: CfConfig, seed: int = 0, earlier: Self | None = None) -> Self:
        """See `LogModel`.

        Raises:
            DataError: the catalogue is larger than `config.ease_max_items`.
        """
        if log.n_items > config.ease_max_items:
            raise DataError(
                f"EASE is dense in items: {log.n_items} items are more than cf.ease_max_items = "
                f"{config.ease_max_items}; leave `ease` out of candidates.sources or raise the limit"
            )
        wanted = newest_items_of_users(log).astype(np.float64)
        gram = (wanted.T @ wanted).toarray(order="F")
        gram[np.diag_indices_from(gram)] += config.ease_regularization
        # Cholesky in place: eight times as fast as a general inverse, and one matrix of memory.
        factor, _ = dpotrf(gram, lower=1, overwrite_a=1)
        inverse, _ = dpotri(factor, lower=1, overwrite_c=1)
        below = np.tril(inverse, -1)
        scale = -1.0 / np.diag(inverse)
        return cls(((below + below.T) * scale).astype(np.float32, order="C"))

    def score(self, histories: HistoryBatch) -> NDArray[np.float32]:
        """(n_requests, n_items): how strongly the history supports each item, its newest events counting most."""
        positive = histories.positive()
        return positive.matrix(len(self.weights), positive.recency) @ self.weights

    def scores(self, histories: HistoryBatch) -> DenseScores:
        """The scores of `score`, all of them: the model is dense."""
        return DenseScores(self.score(histories))

    def save(self, folder: Path) -> None:
        """Write the weights."""
        folder.mkdir(parents=True, exist_ok=True)
        save_array(folder / "ease.npy", self.weights)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        return cls(load_array(folder / "ease.npy"))
