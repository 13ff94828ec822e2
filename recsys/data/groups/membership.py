"""Groups of items or users that share a value of a column, such as a brand, an author or a town."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys.arrays.npy import load_csr, save_csr
from recsys.data.groups.paths import are_paths, lineage
from recsys.data.groups.references import are_references, named_rows

_CODE = re.compile(r"(?:(?:^|[\W_])[iI][dD]s?|I[dD]s?|[cC]odes?)$")
_NAMES = (pl.String, pl.Categorical, pl.Enum, pl.Boolean)
_NAMED = {"column": pl.String, "value": pl.String}


@dataclass(frozen=True)
class Groups:
    """The groups of a table: each holds the rows that share a value.

    Attributes:
        members: (n_rows, n_groups) float32 CSR, 1 where the row is in the group.
        names: `column` and `value` of each group.
    """

    members: sp.csr_matrix
    names: pl.DataFrame

    def __len__(self) -> int:
        return int(self.members.shape[1])

    @cached_property
    def sizes(self) -> NDArray[np.intp]:
        """(n_groups,) rows of each."""
        return np.bincount(self.members.indices, minlength=len(self))

    @cached_property
    def columns(self) -> NDArray[np.int64]:
        """(n_groups,) number of the column that each is of: from 0, in the order of the table."""
        order = {name: number for number, name in enumerate(dict.fromkeys(self.names["column"]))}
        return np.array([order[name] for name in self.names["column"]], dtype=np.int64)

    def name(self, group: int) -> tuple[str, str]:
        """Column and value of one group."""
        column, value = self.names.row(group)
        return column, value

    def of_row(self, row: int) -> NDArray[np.int32]:
        """The groups of one row."""
        members = self.members
        own: NDArray[np.int32] = members.indices[members.indptr[row] : members.indptr[row + 1]]
        return own

    def of_rows(self, rows: NDArray[np.int64]) -> "Groups":
        """The groups of a table with `rows` (n,) of this one, in any order and as often as wanted."""
        return replace(self, members=self.members[rows])

    def rows(self, kept: NDArray[np.bool_]) -> "Groups":
        """The groups of some of the rows: `kept` (n_rows,) is True for these."""
        return replace(self, members=self.members[kept])

    def save(self, folder: Path) -> None:
        """Write both parts."""
        save_csr(folder, "groups", self.members)
        self.names.write_parquet(folder / "groups.parquet")

    @classmethod
    def load(cls, folder: Path) -> "Groups":
        """Read what `save` wrote."""
        return cls(load_csr(folder, "groups"), pl.read_parquet(folder / "groups.parquet", glob=False))


def groups_of(frame: pl.DataFrame, without: Collection[str], ids: pl.Series | None = None) -> Groups | None:
    """The groups of the rows of a table; None where there are none.

    Each value of a column that names something, see `names_values`, is a group, if two rows have it; of paths, see
    `recsys.data.groups.paths`, also each part that the value lies in.

    Args:
        without: columns that form no groups.
        ids: of the rows, where a column may name rows by them: a row is in the group of those that name it.
    """
    shared = list(_shared(frame.drop(without, strict=False), ids))
    if not shared:
        return None
    names = pl.DataFrame([(column, value) for column, _, values in shared for value in values], _NAMED, orient="row")
    return Groups(sp.hstack([members for _, members, _ in shared], format="csr", dtype=np.float32), names)


def _shared(frame: pl.DataFrame, ids: pl.Series | None) -> Iterator[tuple[str, sp.csr_matrix, list[str]]]:
    """Each column that names what two rows have in common, with these rows and values."""
    for column in frame:
        if names_values(column) and (labelled := labelled_members(column, ids)) is not None:
            members, values = labelled
            shared = np.flatnonzero(members.getnnz(axis=0) > 1)
            if len(shared):
                yield column.name, members[:, shared], [values[index] for index in shared.tolist()]


def members_of(column: pl.Series, ids: pl.Series | None = None, level: int | None = None) -> sp.csr_matrix | None:
    """(n_rows, n_values) float32 CSR, 1 where a row has the value, has it in its list, lies below it (in a column of
    paths), or is named by it (in a column of ids). None without any value.

    Args:
        ids: of the rows, where the column may name rows by them, see `recsys.data.groups.references`.
        level: of paths only this one counts: 1 is the widest.
    """
    labelled = labelled_members(column, ids, level)
    return None if labelled is None else labelled[0]


def labelled_members(
    column: pl.Series, ids: pl.Series | None = None, level: int | None = None
) -> tuple[sp.csr_matrix, Sequence[str]] | None:
    """What `members_of` gives, and the values in the order of its columns."""
    values = pl.DataFrame({"row": pl.int_range(len(column), eager=True), "value": column})
    if isinstance(column.dtype, pl.List):
        values = values.explode("value", empty_as_null=False)
    values = values.with_columns(pl.col("value").cast(pl.String)).drop_nulls("value").unique(maintain_order=True)
    if values.is_empty():
        return None
    if are_paths(names := values["value"].unique()):
        counted = slice(None) if level is None else slice(level - 1, level)
        levels = pl.DataFrame({"value": names, "level": [lineage(name)[counted] for name in names]})
        values = values.join(levels, on="value", maintain_order="left").select("row", value="level")
        values = values.explode("value", empty_as_null=False).unique(maintain_order=True)
    elif level is not None:
        return None
    elif ids is not None and are_references(names, ids):
        values = pl.concat([values, named_rows(names, ids)]).unique(maintain_order=True)
    distinct = values["value"].unique().sort()
    codes = values["value"].rank("dense").to_numpy() - 1
    shape = (len(column), len(distinct))
    members = sp.csr_matrix((np.ones(len(codes), dtype=np.float32), (values["row"].to_numpy(), codes)), shape=shape)
    return members, distinct.to_list()


def has_value(column: pl.Series, value: str) -> NDArray[np.bool_]:
    """(n_rows,) True where the row has the value, or has it in its list, or is a path that lies in it."""
    lists = isinstance(column.dtype, pl.List)
    rows = column.cast(pl.List(pl.String) if lists else pl.String).to_list()
    names = ([row] if isinstance(row, str) else row or [] for row in rows)
    return np.array([any(name is not None and value in lineage(name) for name in own) for own in names], dtype=bool)


def names_values(column: pl.Series) -> bool:
    """Whether a column says by name what its rows are: text, flags, numbers of ids and codes, or lists of such."""
    kind = column.dtype.inner if isinstance(column.dtype, pl.List) else column.dtype
    return kind in _NAMES or (kind.is_integer() and is_code(column.name))


def is_code(name: str) -> bool:
    """Whether a column of this name holds ids or codes, whose numbers are no quantities: `seller_id`, `zipCode`."""
    return _CODE.search(name) is not None
