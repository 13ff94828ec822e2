"""The item table to an `ItemCatalogue`."""

import polars as pl

from recsys.data.attributes import attribute
from recsys.data.catalogue import ItemCatalogue
from recsys.data.schema import DTYPES, ITEMS
from recsys.data.table import FAULT, ROW, Table, collect
from recsys.data.validation import NoUsableRowError, Rejections, apply_rules, parsed
from recsys.errors import DataError

_NUMBER = r"^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$"
"""Text that is a number and nothing else: 007 and 1_000 are labels."""


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
    rules = apply_rules(table, ITEMS)
    attributes = [name for name in table.dtypes if name not in {column.name for column in ITEMS}]
    standard = [
        (
            _typed(pl.col(parsed(column.name)), column.kind == "time")
            if column.name in table.dtypes
            else pl.lit(None, DTYPES[column.kind])
        ).alias(column.name)
        for column in ITEMS
    ]
    frame = collect(table, rules.frame.filter(pl.col(FAULT) == 0).select(ROW, *standard, *attributes)).sort(ROW)
    repeated = ~frame["item_id"].is_first_distinct()
    rejected = rules.rejected()
    if repeated.any():
        rejected = pl.concat([rejected, _duplicates(frame, repeated, table.first_line)]).sort("row")
    n_rows = frame.height + rejected.height - int(repeated.sum())
    rejections = Rejections(table.name, table.first_line, n_rows, rejected)
    frame = frame.filter(~repeated).drop(ROW).with_columns(pl.col("available").fill_null(True))
    try:
        kept = [_inferred(attribute(_listed(frame[name], table))) for name in attributes]
    except DataError as error:
        raise DataError(f"{table.name}: {error}") from error
    return frame.with_columns(*kept), rejections


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


def _listed(values: pl.Series, table: Table) -> pl.Series:
    """A column of JSON lines as lists if every cell is one, so that filters look into them as into those of parquet."""
    words = values.drop_nulls()
    if table.nested != "json" or words.is_empty() or not words.str.starts_with("[").all():
        return values
    try:
        return values.str.json_decode(infer_schema_length=None)
    except pl.exceptions.PolarsError:  # text that only begins so
        return values


def _inferred(values: pl.Series) -> pl.Series:
    """Text of an unknown column as numbers or truth values if every cell is one, so that filters can compare it.

    Numbers that 64 bits do not hold are labels.
    """
    if values.dtype != pl.String or values.null_count() == len(values):
        return values
    words = values.drop_nulls()
    if words.str.contains(_NUMBER).all():
        whole = not words.str.contains(r"[.eE]").any()
        numbers = values.cast(pl.Int64 if whole else pl.Float64, strict=False)
        return numbers if numbers.drop_nulls().is_finite().sum() == len(words) else values
    if words.str.to_lowercase().is_in(["true", "false"]).all():
        return values.str.to_lowercase() == "true"
    return values
