"""Item -> item links: what a history asks for along the links of its items."""

from functools import cached_property
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys.arrays.npy import load_array, load_csr, save_array, save_csr
from recsys.cf.compiled import count_common
from recsys.cf.model import LogModel
from recsys.cf.product import values_of_product
from recsys.cf.users import NEWEST_EVENTS, items_of_users
from recsys.data.log.history import HistoryBatch
from recsys.data.log.interactions import InteractionLog
from recsys.retrieval.scores import SparseScores


class ItemLinks(LogModel):
    """What neighbours and transitions have in common: a sparse matrix that histories are multiplied with.

    Attributes:
        matrix: (n_items, n_items) float32 CSR; row: the item of the history, column: the item that it supports.
        choosers: (n_items, n_items) int32 CSR with the same entries: how many users chose both items.
    """

    name: ClassVar[str]
    """Name of the files."""

    def __init__(self, matrix: sp.csr_matrix, n_choosers: NDArray[np.int32]) -> None:
        """`n_choosers` (nnz,) are those of each entry of the matrix."""
        self.matrix, self._n_choosers = matrix, n_choosers

    @classmethod
    def between(cls, matrix: sp.csr_matrix, log: InteractionLog) -> Self:
        """Links, with the number of users in the log who chose both ends, however long ago."""
        chosen = items_of_users(log)
        few = np.diff(chosen.indptr) <= NEWEST_EVENTS  # a product grows with the square of what a user chose
        counts = values_of_product(chosen[few].T.tocsr(), chosen[few], matrix).astype(np.int32)
        of_others = chosen[~few].T.tocsr()
        count_common(of_others.indptr, of_others.indices, of_others.shape[1], matrix.indptr, matrix.indices, counts)
        return cls(matrix, counts)

    @property
    def links(self) -> sp.csr_matrix:
        """The matrix."""
        return self.matrix

    @cached_property
    def choosers(self) -> sp.csr_matrix:
        """See above."""
        parts = (self._n_choosers, self.matrix.indices, self.matrix.indptr)
        return sp.csr_matrix(parts, shape=self.matrix.shape, copy=False)

    def between_items(self, items: NDArray[np.int32], item: int) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """(n_items,) how strongly each of some items supports another one, and how many users chose both."""
        strengths, people = np.zeros(len(items), dtype=np.float32), np.zeros(len(items), dtype=np.int32)
        known = np.flatnonzero(items < self.matrix.shape[0])
        if item < self.matrix.shape[1]:
            strengths[known] = np.asarray(self.matrix[items[known], item].todense()).ravel()
            people[known] = np.asarray(self.choosers[items[known], item].todense()).ravel()
        return strengths, people

    def scores(self, histories: HistoryBatch) -> SparseScores:
        """How strongly the history supports each item, its newest events counting most."""
        return SparseScores.of_links(histories.positive().recent_items, self.matrix)

    def save(self, folder: Path) -> None:
        """Write the matrix and the counts."""
        folder.mkdir(parents=True, exist_ok=True)
        save_csr(folder, self.name, self.matrix)
        save_array(folder / f"{self.name}.choosers.npy", self._n_choosers)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        matrix, counts = load_csr(folder, cls.name), folder / f"{cls.name}.choosers.npy"
        if not counts.exists():  # of a release that counted none
            return cls(matrix, np.zeros(matrix.nnz, dtype=np.int32))
        return cls(matrix, load_array(counts))
