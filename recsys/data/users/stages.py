"""The stages of users: between two of them an age changes, such as that of a child, or of a membership."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys.arrays.npy import load_array, load_csr, save_array, save_csr
from recsys.arrays.ragged import offsets_of, rows_of_entries

_BEGINS = "stage_begins.npy"
_OFFSETS = "stage_offsets.npy"
_NEAR = "near_groups"


@dataclass(frozen=True)
class Stages:
    """Which row of a table holds a user at which moment.

    Attributes:
        offsets: (n_users + 1,) where the rows of each user start; each has at least one.
        begins: (n_rows,) microseconds since when each row holds, increasing for each user. What a user's first row says
            also holds before.
        near: (n_groups, n_groups) float32 CSR: how much a choice in one group of the table (row) says of another one,
            1 of itself and less of the next age.
    """

    offsets: NDArray[np.int64]
    begins: NDArray[np.int64]
    near: sp.csr_matrix

    @property
    def users(self) -> NDArray[np.int64]:
        """(n_rows,) the user of each row."""
        return rows_of_entries(self.offsets)

    def rows(self, users: NDArray[np.integer], times: NDArray[np.int64]) -> NDArray[np.int32]:
        """(n,) the row of each user at a moment, -1 where the user is -1. Both arguments are (n,)."""
        rows, lasts = self.offsets[users], self.offsets[users + 1] - 1
        while (passed := (rows < lasts) & (self.begins[np.minimum(rows + 1, lasts)] <= times)).any():
            rows = rows + passed
        return np.where(users >= 0, rows, -1).astype(np.int32)

    def of(self, stays: NDArray[np.bool_]) -> Self:
        """The stages of some of the users: `stays` (n_users,) is True for these."""
        offsets = offsets_of(np.diff(self.offsets)[stays])
        return replace(self, offsets=offsets, begins=self.begins[stays[self.users]])

    def save(self, folder: Path) -> None:
        """Write all parts."""
        save_array(folder / _OFFSETS, self.offsets)
        save_array(folder / _BEGINS, self.begins)
        save_csr(folder, _NEAR, self.near)

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """Read what `save` wrote; None where nothing was written."""
        if not (folder / _OFFSETS).exists():
            return None
        return cls(load_array(folder / _OFFSETS), load_array(folder / _BEGINS), load_csr(folder, _NEAR))
