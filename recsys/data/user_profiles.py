"""What the user table says of users: a town, an age, a plan; as groups of those of whom it says the same."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys.data.arrays import load_csr, save_csr
from recsys.data.forget import user_digest
from recsys.data.groups import groups_of
from recsys.data.pseudonyms import Pseudonyms
from recsys.data.vocabulary import Vocabulary

_PARTS = 10
"""Of a column of numbers or times: its tenths are groups, or its values where it has no more than these."""


@dataclass(frozen=True)
class UserProfiles:
    """The groups of users.

    Attributes:
        users: ids to rows.
        groups: (n_users, n_groups) float32 CSR, 1 where the user is in the group.
    """

    users: Vocabulary
    groups: sp.csr_matrix

    def __len__(self) -> int:
        return len(self.users)

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return int(self.groups.shape[1])

    @classmethod
    def of(cls, frame: pl.DataFrame, pseudonyms: Pseudonyms | None = None) -> "UserProfiles | None":
        """Those of a table; None where it says nothing that two users have in common.

        Args:
            frame: `user_id`, distinct, and attributes. Numbers and times are cut into tenths.
            pseudonyms: by which the users are kept, where they are.
        """
        numbers = pl.selectors.numeric() | pl.selectors.temporal()
        groups = groups_of(frame.with_columns(numbers.map_batches(_parts)), ["user_id"])
        if groups is None:
            return None
        ids = frame["user_id"].to_list()
        return cls(Vocabulary(ids if pseudonyms is None else [pseudonyms.of(id_) for id_ in ids]), groups)

    def rows(self, ids: Iterable[str | None]) -> NDArray[np.int32]:
        """The row of each user, -1 for one without a profile."""
        return np.array([-1 if id_ is None else self.users.number(id_) for id_ in ids], dtype=np.int32)

    def rows_of(self, users: Vocabulary) -> NDArray[np.int32]:
        """(n_users,) the same of all ids of a vocabulary."""
        return self.rows(users.ids(range(len(users))))

    def without(self, digests: Collection[str]) -> "UserProfiles":
        """The same without users who are to be forgotten: `digests` are `user_digest` of their ids."""
        wanted, ids = frozenset(digests), self.users.ids(range(len(self.users)))
        stays = np.array([user_digest(id_) not in wanted for id_ in ids], dtype=bool)
        if stays.all():
            return self
        return UserProfiles(Vocabulary([ids[row] for row in np.flatnonzero(stays)]), self.groups[stays])

    def save(self, folder: Path) -> None:
        """Write ids and groups."""
        self.users.save(folder / "users")
        save_csr(folder, "groups", self.groups)

    @classmethod
    def load(cls, folder: Path) -> "UserProfiles":
        """Read what `save` wrote."""
        return cls(Vocabulary.load(folder / "users"), load_csr(folder, "groups"))


def _parts(values: pl.Series) -> pl.Series:
    """The values as text, or the tenth that each lies in."""
    numbers = values.cast(pl.Float64).fill_nan(None)
    if numbers.n_unique() <= _PARTS:
        return numbers.cast(pl.String)
    ranks = numbers.rank("max")
    return (ranks * _PARTS / numbers.count()).ceil().cast(pl.Int64).cast(pl.String)
