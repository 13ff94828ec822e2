"""Transitions: which items follow an item soon after, in the order of each user's events."""

from pathlib import Path
from typing import Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys.cf.product import top_k_product
from recsys.cf.recency import basket_starts, recency_weights
from recsys.cf.users import NEWEST_EVENTS
from recsys.config import CfConfig
from recsys.data.arrays import load_csr, save_csr
from recsys.data.history import HistoryBatch
from recsys.data.interactions import InteractionLog

_BACKWARD = 0.5
_DAMPING = 0.5
_RECENCY = 1.0


class Transitions:
    """Item -> items of the following baskets of the same user, weighted by 1 / distance.

    A basket is all positive events of a user at one time: they have no order, so they count for each other both ways,
    at distance 1. An item that follows is also evidence, of a lesser weight, for the way back.

    Attributes:
        matrix: (n_items, n_items) float32 CSR; row: the item that was wanted, column: the item that follows.
    """

    def __init__(self, matrix: sp.csr_matrix) -> None:
        self.matrix = matrix

    @classmethod
    def fit(cls, log: InteractionLog, config: CfConfig, seed: int = 0) -> Self:
        """Learn from a log; `seed` is not needed."""
        owners, baskets = _baskets(log.positive())
        lefts: list[sp.csr_matrix] = [baskets]
        rights: list[sp.csr_matrix] = [baskets]
        for distance in range(1, config.transition_horizon + 1):
            same = np.flatnonzero(owners[distance:] == owners[:-distance])
            before, after = baskets[same], baskets[same + distance]
            lefts += [before * (1.0 / distance), after * (_BACKWARD / distance)]
            rights += [after, before]
        counts = np.asarray(baskets.sum(axis=0)).ravel()
        damping = (1.0 + counts) ** -_DAMPING

        def damped(rows: NDArray[np.intp], columns: NDArray[np.intp], sums: NDArray[np.float32]) -> NDArray[np.float32]:
            values: NDArray[np.float32] = sums * damping[rows] * damping[columns]
            values[rows == columns] = 0
            return values

        left, right = sp.vstack(lefts).T.tocsr(), sp.vstack(rights, format="csr")
        return cls(top_k_product(left, right, config.neighbours, damped))

    def score(self, histories: HistoryBatch) -> NDArray[np.float32]:
        """(n_requests, n_items): how strongly items follow the history, its newest events counting most."""
        positive = histories.positive()
        values = recency_weights(positive, _RECENCY)
        scores: NDArray[np.float32] = (positive.matrix(self.matrix.shape[0], values) @ self.matrix).toarray()
        return scores

    def save(self, folder: Path) -> None:
        """Write the matrix."""
        folder.mkdir(parents=True, exist_ok=True)
        save_csr(folder, "transitions", self.matrix)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        return cls(load_csr(folder, "transitions"))


def _baskets(log: InteractionLog) -> tuple[NDArray[np.int32], sp.csr_matrix]:
    """Owner of each basket, and (n_baskets, n_items) 1 where a basket holds an item; by user, oldest first."""
    order = np.argsort(log.users, kind="stable")
    users, items = log.users[order], log.items[order]
    starts = basket_starts(users, log.times[order])
    numbers = np.cumsum(starts) - 1
    place = np.arange(len(log)) - np.flatnonzero(starts)[numbers]
    held = place < NEWEST_EVENTS
    shape = (int(starts.sum()), log.n_items)
    matrix = sp.csr_matrix((np.ones(held.sum(), dtype=np.float32), (numbers[held], items[held])), shape=shape)
    matrix.data[:] = 1.0
    return users[starts], matrix
