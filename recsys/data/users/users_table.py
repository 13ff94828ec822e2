"""The user table, which is optional: what is known of users besides what they did."""

import polars as pl

from recsys.data.tables.attributes import typed_attributes
from recsys.data.tables.rejections import Rejections
from recsys.data.tables.schema import USERS
from recsys.data.tables.table import FAULT, ROW, Table, collect
from recsys.data.tables.validation import check_cells, parsed


def read_users(table: Table) -> tuple[pl.DataFrame, Rejections]:
    """Users and their attributes, in the order of the file. Of two rows with one user_id the later is rejected.

    Raises:
        DataError: the column user_id is missing, or an attribute is of a type that cannot be kept.
    """
    checked = check_cells(table, USERS)
    attributes = [name for name in table.dtypes if name != "user_id"]
    row, value = pl.col(ROW).cast(pl.Int64).alias("row"), pl.col(parsed("user_id")).alias("user_id")
    frame = collect(table, checked.frame.select(row, FAULT, value, *attributes)).sort("row")
    good = frame.filter(pl.col(FAULT) == 0)
    first = pl.col("user_id").is_first_distinct()
    repeated = good.filter(~first).select(
        "row",
        pl.lit("user_id").alias("column"),
        pl.col("user_id").alias("value"),
        pl.lit("duplicate user_id").alias("reason"),
    )
    rejected = pl.concat([checked.rejected(), repeated]).sort("row", maintain_order=True)
    users = good.filter(first).drop("row", FAULT)
    kept = users.with_columns(typed_attributes(users.select(attributes), table))
    return kept, Rejections(table.name, table.first_line, frame.height, rejected)
