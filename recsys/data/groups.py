"""Groups of items or users: those that have a value of a column in common, such as a brand, an author or a town."""

from collections.abc import Collection

import numpy as np
import polars as pl
import scipy.sparse as sp

_NAMES = (pl.String, pl.Categorical, pl.Enum, pl.Boolean)


def groups_of(frame: pl.DataFrame, without: Collection[str]) -> sp.csr_matrix | None:
    """(n_rows, n_groups) float32 CSR, 1 where the row is in the group; None where there are no groups.

    Each value of a column of text, flags or lists of text is a group, if two rows have it.

    Args:
        without: columns that make no groups.
    """
    told = [members_of(column) for column in frame.drop(without, strict=False) if names_values(column.dtype)]
    shared = [members[:, members.getnnz(axis=0) > 1] for members in told if members is not None]
    groups = sp.hstack(shared, format="csr", dtype=np.float32) if shared else None
    return groups if groups is not None and groups.nnz else None


def members_of(column: pl.Series) -> sp.csr_matrix | None:
    """(n_rows, n_values) float32 CSR, 1 where the row has the value, or has it in its list; None without any value."""
    values = pl.DataFrame({"row": pl.int_range(len(column), eager=True), "value": column})
    if isinstance(column.dtype, pl.List):
        values = values.explode("value", empty_as_null=False)
    values = values.with_columns(pl.col("value").cast(pl.String)).drop_nulls("value").unique(maintain_order=True)
    if values.is_empty():
        return None
    codes = values["value"].rank("dense").to_numpy() - 1
    shape = (len(column), int(codes.max()) + 1)
    return sp.csr_matrix((np.ones(len(codes), dtype=np.float32), (values["row"].to_numpy(), codes)), shape=shape)


def names_values(kind: pl.DataType) -> bool:
    """Whether a column of this type says by name what its rows are: text, flags, or lists of text."""
    return (kind.inner if isinstance(kind, pl.List) else kind) in _NAMES
