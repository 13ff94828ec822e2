"""The user table (a town, an age, a plan) as groups of users with the same value."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.data.groups.membership import Groups, groups_of
from recsys.data.groups.tenths import in_tenths
from recsys.data.ids.vocabulary import Vocabulary
from recsys.data.users.forget import user_digest
from recsys.data.users.pseudonyms import Pseudonyms


@dataclass(frozen=True)
class UserProfiles:
    """The groups of users.

    Attributes:
        users: ids to rows.
        groups: of these rows.
    """

    users: Vocabulary
    groups: Groups

    def __len__(self) -> int:
        return len(self.users)

    @classmethod
    def of(cls, frame: pl.DataFrame, pseudonyms: Pseudonyms | None = None) -> "UserProfiles | None":
        """The profiles of a table of users; None where it says nothing that two users have in common.

        Args:
            frame: `user_id`, distinct, and attributes. Numbers and times are cut into tenths.
            pseudonyms: replace the ids, where users are stored under pseudonyms.
        """
        groups = groups_of(in_tenths(frame), ["user_id"])
        if groups is None:
            return None
        ids = frame["user_id"].to_list()
        return cls(Vocabulary(ids if pseudonyms is None else [pseudonyms.of(id_) for id_ in ids]), groups)

    def rows(self, ids: Iterable[str | None]) -> NDArray[np.int32]:
        """(n,) the row of each user, -1 for nobody and for one without a profile."""
        return np.array([-1 if id_ is None else self.users.number(id_) for id_ in ids], dtype=np.int32)

    def of_user(self, id_: str) -> list[tuple[str, str]]:
        """What is known of one user: columns and values, of numbers and times the tenth that they lie in."""
        row = self.users.number(id_)
        return [] if row < 0 else [self.groups.name(group) for group in self.groups.of_row(row).tolist()]

    def without(self, digests: Collection[str]) -> "UserProfiles":
        """These profiles without users who are to be forgotten: `digests` are `user_digest` of their ids."""
        wanted, ids = frozenset(digests), list(self.users)
        stays = np.array([user_digest(id_) not in wanted for id_ in ids], dtype=bool)
        if stays.all():
            return self
        return UserProfiles(Vocabulary([ids[row] for row in np.flatnonzero(stays)]), self.groups.rows(stays))

    def save(self, folder: Path) -> None:
        """Write ids and groups."""
        self.users.save(folder / "users")
        self.groups.save(folder)

    @classmethod
    def load(cls, folder: Path) -> "UserProfiles":
        """Read what `save` wrote."""
        return cls(Vocabulary.load(folder / "users"), Groups.load(folder))
