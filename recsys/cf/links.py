"""Item -> item links: what a history asks for along the links of its items."""

from pathlib import Path
from typing import ClassVar, Self

import scipy.sparse as sp

from recsys.cf.model import LogModel
from recsys.data.arrays import load_csr, save_csr
from recsys.data.history import HistoryBatch
from recsys.retrieval.scores import SparseScores


class ItemLinks(LogModel):
    """What neighbours and transitions have in common: a sparse matrix that histories are multiplied with.

    Attributes:
        matrix: (n_items, n_items) float32 CSR; row: the item of the history, column: the item that it supports.
    """

    name: ClassVar[str]
    """Of the files."""

    def __init__(self, matrix: sp.csr_matrix) -> None:
        self.matrix = matrix

    @property
    def links(self) -> sp.csr_matrix:
        """The matrix."""
        return self.matrix

    def scores(self, histories: HistoryBatch) -> SparseScores:
        """How strongly the history supports each item, its newest events counting most."""
        return SparseScores.of_links(histories.positive().recent_items, self.matrix)

    def save(self, folder: Path) -> None:
        """Write the matrix."""
        folder.mkdir(parents=True, exist_ok=True)
        save_csr(folder, self.name, self.matrix)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        return cls(load_csr(folder, cls.name))
