"""Columns that name other rows of their table by id: what an accessory fits, what a course requires."""

import polars as pl

_LEAST_KNOWN = 0.9
"""Share of the distinct values that must be ids."""


def are_references(values: pl.Series, ids: pl.Series) -> bool:
    """Whether the distinct values of a column are ids of rows. Bare numbers are not taken for ids: sizes and ids of
    authors would be as well."""
    known = values.is_in(ids.implode())
    return len(values) > 0 and float(known.mean()) >= _LEAST_KNOWN and not values.str.contains(r"^\d+$").all()  # type: ignore[arg-type]


def named_rows(values: pl.Series, ids: pl.Series) -> pl.DataFrame:
    """The rows that distinct values name: `row` of the id, and `value`."""
    rows = pl.DataFrame({"row": pl.int_range(len(ids), eager=True), "value": ids})
    return values.alias("value").to_frame().join(rows, on="value").select("row", "value")
