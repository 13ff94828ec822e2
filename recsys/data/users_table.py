"""The user table: optional, checked so that a mistake in it is found."""

import polars as pl

from recsys.data.schema import USERS
from recsys.data.table import FAULT, ROW, Table, collect
from recsys.data.validation import Rejections, apply_rules, parsed


def check_users(table: Table) -> Rejections:
    """Find rows without a user_id, and rows whose user_id was there before.

    Raises:
        DataError: the column user_id is missing.
    """
    rules = apply_rules(table, USERS)
    value = pl.col(parsed("user_id"))
    frame = collect(table, rules.frame.select(pl.col(ROW).cast(pl.Int64).alias("row"), FAULT, value.alias("value")))
    good = frame.filter(pl.col(FAULT) == 0).sort("row")
    repeated = good.filter(~pl.col("value").is_first_distinct()).select(
        "row", pl.lit("user_id").alias("column"), "value", pl.lit("duplicate user_id").alias("reason")
    )
    rejected = pl.concat([rules.rejected(), repeated]).sort("row")
    return Rejections(table.name, table.first_line, frame.height, rejected)
