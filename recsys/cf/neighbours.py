"""Item-item neighbours: items that the same users want, by shrunk cosine."""

from pathlib import Path
from typing import Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys.cf.product import top_k_product
from recsys.cf.recency import recency_weights
from recsys.cf.users import user_item_matrix
from recsys.config import CfConfig
from recsys.data.arrays import load_csr, save_csr
from recsys.data.history import HistoryBatch
from recsys.data.interactions import InteractionLog
from recsys.retrieval.scores import SparseScores

_SHRINKAGE = 5.0
"""Added to the divisor of the cosine: two items that one user shares are no evidence yet."""


class Neighbours:
    """Shrunk cosine (Sarwar et al., WWW 2001), each user counting 1 / sqrt(1 + items wanted) (Breese et al., UAI 1998).

    Attributes:
        matrix: (n_items, n_items) float32 CSR, the nearest items of each item, without itself.
    """

    def __init__(self, matrix: sp.csr_matrix) -> None:
        self.matrix = matrix

    @classmethod
    def fit(cls, log: InteractionLog, config: CfConfig, seed: int = 0) -> Self:
        """Learn from a log; `seed` is not needed."""
        wanted = user_item_matrix(log)
        counts = 1.0 / np.sqrt(1.0 + np.diff(wanted.indptr))
        counted = sp.csr_matrix(wanted.multiply(counts.astype(np.float32)[:, None]))
        norms: NDArray[np.float32] = np.sqrt(np.asarray(counted.sum(axis=0), dtype=np.float32).ravel())

        def cosine(
            rows: NDArray[np.intp], columns: NDArray[np.intp], together: NDArray[np.float32]
        ) -> NDArray[np.float32]:
            similarity: NDArray[np.float32] = together / (norms[rows] * norms[columns] + np.float32(_SHRINKAGE))
            similarity[rows == columns] = 0
            return similarity

        return cls(top_k_product(wanted.T.tocsr(), counted, config.neighbours, cosine))

    def score(self, histories: HistoryBatch) -> NDArray[np.float32]:
        """(n_requests, n_items): similarity to the history, its newest events counting most."""
        positive = histories.positive()
        history = positive.matrix(self.matrix.shape[0], recency_weights(positive))
        scores: NDArray[np.float32] = (history @ self.matrix).toarray()
        return scores

    def scores(self, histories: HistoryBatch) -> SparseScores:
        """The same without the zeros."""
        positive = histories.positive()
        return SparseScores.linked(positive.summed(recency_weights(positive)), self.matrix)

    def save(self, folder: Path) -> None:
        """Write the matrix."""
        folder.mkdir(parents=True, exist_ok=True)
        save_csr(folder, "neighbours", self.matrix)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        return cls(load_csr(folder, "neighbours"))
