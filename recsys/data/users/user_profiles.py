"""The user table (a town, an age, a plan) as groups of users with the same value."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from recsys.arrays.ragged import rows_of_entries
from recsys.data.groups.membership import Groups, groups_of
from recsys.data.groups.tenths import in_tenths
from recsys.data.ids.vocabulary import Vocabulary
from recsys.data.log.interactions import InteractionLog
from recsys.data.users.ages import Ages, ages_of, dates_of, stages_of
from recsys.data.users.forget import user_digest
from recsys.data.users.pseudonyms import Pseudonyms
from recsys.data.users.stages import Stages


@dataclass(frozen=True)
class UserProfiles:
    """The groups of users.

    Attributes:
        users: ids to numbers.
        groups: of the rows: one for each user or, where users have dates, one for each of their stages.
        stages: the rows of each user; None where the row of a user is the user's number.
    """

    users: Vocabulary
    groups: Groups
    stages: Stages | None = None

    def __len__(self) -> int:
        return len(self.users)

    @classmethod
    def of(
        cls, frame: pl.DataFrame, log: InteractionLog, pseudonyms: Pseudonyms | None = None
    ) -> "UserProfiles | None":
        """The profiles of a table of users; None where it says nothing that two users have in common.

        Args:
            frame: `user_id`, distinct, and attributes. Numbers are cut into tenths, and dates tell ages, see
                `recsys.data.users.ages`.
            log: by whose moments ages are cut; its users have the names that they are stored under.
            pseudonyms: replace the ids, where users are stored under pseudonyms.
        """
        ids = frame["user_id"].to_list()
        users = Vocabulary(ids if pseudonyms is None else [pseudonyms.of(id_) for id_ in ids])
        dates = dates_of(frame.drop("user_id"))
        groups = groups_of(in_tenths(frame.drop(dates.columns)), ["user_id"])
        ages = list(ages_of(dates, log, users.numbers(log.user_vocabulary)[log.users])) if dates.columns else []
        if not ages:
            return None if groups is None else cls(users, groups)
        return cls(users, *_in_stages(groups, ages, len(users), log, frame.columns))

    @cached_property
    def groups_of_choices(self) -> Groups:
        """The groups in which the choices of each row count, and how much: half also at the next age."""
        if self.stages is None:
            return self.groups
        return replace(self.groups, members=sp.csr_matrix(self.groups.members @ self.stages.near))

    @cached_property
    def choices_of_groups(self) -> sp.csr_matrix:
        """(n_groups, n_rows) the same, by group."""
        return self.groups_of_choices.members.T.tocsr()

    def rows(self, ids: Iterable[str | None], times: ArrayLike) -> NDArray[np.int32]:
        """(n,) the row of each user at a moment, -1 for nobody and for one without a profile.

        Args:
            times: (n,) microseconds, or one for all.
        """
        numbers = np.array([-1 if id_ is None else self.users.number(id_) for id_ in ids], dtype=np.int32)
        return self._rows_of(numbers, np.broadcast_to(np.asarray(times, dtype=np.int64), numbers.shape))

    def rows_in(self, log: InteractionLog) -> NDArray[np.int32]:
        """(n_events,) the row of the user of each event at its moment, -1 for one without a profile."""
        return self._rows_of(self.users.numbers(log.user_vocabulary)[log.users], log.times)

    def _rows_of(self, numbers: NDArray[np.int32], times: NDArray[np.int64]) -> NDArray[np.int32]:
        return numbers if self.stages is None else self.stages.rows(numbers, times)

    def knows(self, ids: Iterable[str]) -> NDArray[np.bool_]:
        """(n,) whether each user has a profile."""
        return np.array([id_ in self.users for id_ in ids], dtype=bool)

    def of_user(self, id_: str, time: int) -> list[tuple[str, str]]:
        """What is known of one user at a moment, in microseconds: columns and values, of numbers the tenth that they
        lie in, and how long ago a date was."""
        row = int(self.rows([id_], time)[0])
        return [] if row < 0 else [self.groups.name(group) for group in self.groups.of_row(row).tolist()]

    def without(self, digests: Collection[str]) -> "UserProfiles":
        """These profiles without users who are to be forgotten: `digests` are `user_digest` of their ids."""
        wanted, ids = frozenset(digests), list(self.users)
        stays = np.array([user_digest(id_) not in wanted for id_ in ids], dtype=bool)
        if stays.all():
            return self
        users = Vocabulary([ids[number] for number in np.flatnonzero(stays)])
        if self.stages is None:
            return UserProfiles(users, self.groups.rows(stays))
        return UserProfiles(users, self.groups.rows(stays[self.stages.users]), self.stages.of(stays))

    def save(self, folder: Path) -> None:
        """Write all parts."""
        self.users.save(folder / "users")
        self.groups.save(folder)
        if self.stages is not None:
            self.stages.save(folder)

    @classmethod
    def load(cls, folder: Path) -> "UserProfiles":
        """Read what `save` wrote."""
        return cls(Vocabulary.load(folder / "users"), Groups.load(folder), Stages.load(folder))


def _in_stages(
    groups: Groups | None, ages: Sequence[Ages], n_users: int, log: InteractionLog, columns: Sequence[str]
) -> tuple[Groups, Stages]:
    """The groups of each stage of the users, in the order of the columns of their table; and these stages.

    Args:
        groups: of the users, at any age; None where there are none.
    """
    offsets, begins = stages_of(ages, n_users, *log.times[[0, -1]].tolist())
    rows = rows_of_entries(offsets)
    parts = [(age.groups(rows, begins), age.near) for age in ages]
    if groups is not None:
        parts.append((groups.of_rows(rows), sp.csr_matrix(sp.eye(len(groups)))))
    names = pl.concat([part.names for part, _ in parts])
    order = np.argsort([columns.index(column) for column in names["column"]], kind="stable")
    members = sp.hstack([part.members for part, _ in parts], format="csr", dtype=np.float32)[:, order]
    members.sort_indices()
    near = sp.block_diag([near for _, near in parts], format="csr", dtype=np.float32)[order][:, order]
    return Groups(members, names[order]), Stages(offsets, begins, sp.csr_matrix(near))
