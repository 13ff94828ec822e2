"""The item table to an `ItemCatalogue`."""

import polars as pl

from recsys.data.items.catalogue import ItemCatalogue
from recsys.data.tables.attributes import typed_attributes
from recsys.data.tables.rejections import NoUsableRowError, Rejections
from recsys.data.tables.schema import DTYPES, ITEMS
from recsys.data.tables.table import FAULT, ROW, Table, collect
from recsys.data.tables.validation import check_cells, parsed


def read_items(table: Table) -> tuple[ItemCatalogue, Rejections]:
    """Read all items, in the order of the file. Of two rows with one item_id the later is rejected.

    Raises:
        NoUsableRowError: no item is left.
        DataError: a required column is missing, or an attribute is of a type that cannot be kept.
    """
    frame, rejections = typed_items(table)
    if frame.is_empty():
        found = f": {'; '.join(rejections.top_reasons())}. Correct these rows"
        empty = ": it has a header and no rows. Add items with item_id and title"
        raise NoUsableRowError(f"{table.name} has no usable item{found if len(rejections) else empty}", (rejections,))
    return ItemCatalogue(frame), rejections


def typed_items(table: Table) -> tuple[pl.DataFrame, Rejections]:
    """The rows of `read_items`, of which none may be left.

    Raises:
        DataError: a required column is missing, or an attribute is of a type that cannot be kept.
    """
    checked = check_cells(table, ITEMS)
    attributes = [name for name in table.dtypes if name not in {column.name for column in ITEMS}]
    standard = [
        (
            _typed(pl.col(parsed(column.name)), column.kind == "time")
            if column.name in table.dtypes
            else pl.lit(None, DTYPES[column.kind])
        ).alias(column.name)
        for column in ITEMS
    ]
    frame = collect(table, checked.frame.filter(pl.col(FAULT) == 0).select(ROW, *standard, *attributes)).sort(ROW)
    repeated = ~frame["item_id"].is_first_distinct()
    rejected = checked.rejected()
    if repeated.any():
        rejected = pl.concat([rejected, _duplicates(frame, repeated, table.first_line)]).sort(
            "row", maintain_order=True
        )
    n_rows = frame.height - int(repeated.sum()) + rejected["row"].n_unique()
    rejections = Rejections(table.name, table.first_line, n_rows, rejected)
    frame = frame.filter(~repeated).drop(ROW).with_columns(pl.col("available").fill_null(True))
    return frame.with_columns(typed_attributes(frame.select(attributes), table)), rejections


def with_unknown(catalogue: ItemCatalogue, ids: list[str]) -> ItemCatalogue:
    """The catalogue with items that only the log knows added behind: their title is empty."""
    added = pl.DataFrame({"item_id": ids, "title": [""] * len(ids)}, schema={"item_id": pl.String, "title": pl.String})
    added = added.with_columns(pl.lit(True).alias("available"))
    return ItemCatalogue(pl.concat([catalogue.frame, added], how="diagonal"))


def _typed(value: pl.Expr, is_time: bool) -> pl.Expr:
    return value.cast(pl.Datetime("us")).dt.replace_time_zone("UTC") if is_time else value


def _duplicates(frame: pl.DataFrame, repeated: pl.Series, first_line: int) -> pl.DataFrame:
    first = frame.group_by("item_id").agg(pl.col(ROW).min().cast(pl.Int64).alias("first"))
    rows = frame.filter(repeated).select(ROW, "item_id").join(first, on="item_id", maintain_order="left")
    reason = pl.format("duplicate item_id; line {} has it first", pl.col("first") + first_line)
    return rows.select(
        pl.col(ROW).cast(pl.Int64).alias("row"),
        pl.lit("item_id").alias("column"),
        pl.col("item_id").alias("value"),
        reason.alias("reason"),
    )
