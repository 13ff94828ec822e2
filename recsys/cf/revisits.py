"""Habit: what the user comes back to."""

from pathlib import Path
from typing import Self

import numpy as np

from recsys.arrays.npy import load_array, save_array
from recsys.cf.model import LogModel
from recsys.config import CfConfig
from recsys.data.log.history import HistoryBatch
from recsys.data.log.interactions import InteractionLog
from recsys.retrieval.scores import SparseScores


class Revisits(LogModel):
    """Recency-weighted count of the user's own events; nothing is learned but the size of the catalogue."""

    of_cold_items = "own"

    def __init__(self, n_items: int) -> None:
        self.n_items = n_items

    @classmethod
    def fit(cls, log: InteractionLog, config: CfConfig, seed: int = 0, earlier: Self | None = None) -> Self:
        """Only the number of items is taken from the log."""
        return cls(log.n_items)

    def scores(self, histories: HistoryBatch) -> SparseScores:
        """The scores: above 0 for the items of the history only."""
        own = histories.recent_items
        return SparseScores(own.offsets, own.items, own.values, self.n_items)

    def extended(self, n_items: int) -> Self:
        """See `CollaborativeModel`."""
        return type(self)(n_items)

    def save(self, folder: Path) -> None:
        """Write the size of the catalogue."""
        folder.mkdir(parents=True, exist_ok=True)
        save_array(folder / "n_items.npy", np.array([self.n_items]))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        return cls(int(load_array(folder / "n_items.npy")[0]))
