"""Attributes: the columns of items and users without a meaning of their own, in types that JSON can express."""

import re

import polars as pl
from polars.datatypes import DataTypeClass

from recsys.data.tables.parsing import in_years
from recsys.data.tables.table import Table
from recsys.errors import DataError

_PLAIN = (pl.String, pl.Categorical, pl.Enum, pl.Boolean, pl.Date, pl.Datetime, pl.Time)
_WIDE = (pl.Decimal, pl.Int128, pl.UInt128)
"""Numbers that JSON and filters know as floats."""

_LEVELS = 8
"""Most levels of lists and structs in one another: what is read from a column takes the cube of them in time."""

_SHOWN = 100
"""Characters of a type that a message shows."""

_OFFSET = r"^[+-]"
"""A zone that is only an offset from UTC, such as +05:30: Python has no name for it."""

_NUMBER = r"^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$"
"""Text that is a number and nothing else: 007 and 1_000 are labels."""


def typed_attributes(frame: pl.DataFrame, table: Table) -> list[pl.Series]:
    """The attributes of a table as they are kept.

    Raises:
        DataError: one is of a type that cannot be kept.
    """
    try:
        return [_inferred(attribute(_listed(column, table))) for column in frame]
    except DataError as error:
        raise DataError(f"{table.name}: {error}") from error


def attribute(values: pl.Series) -> pl.Series:
    """The column as it is kept: decimals as floats, durations as seconds, bytes as text, times of an offset from UTC as
    times of UTC, others as they are.

    Raises:
        DataError: a type that is none of these, bytes that are no text, or times outside the years 1 to 9999.
    """
    if values.dtype == pl.Duration:
        return values.dt.total_microseconds() / 1e6
    dtype = _kept(values.dtype)
    if dtype is None:
        raise DataError(
            f"column {values.name!r} holds {str(values.dtype)[:_SHOWN]}; leave it out, or write numbers, text, true or "
            f"false, times, or lists of them, in at most {_LEVELS} levels"
        )
    try:
        kept = values.cast(dtype)
    except pl.exceptions.PolarsError as error:
        raise DataError(
            f"column {values.name!r} holds bytes that are not UTF-8; leave it out, or write text"
        ) from error
    if (dtype.is_temporal() or dtype.is_nested()) and not _has_dates(kept):
        raise DataError(f"column {values.name!r} holds a time outside the years 1 to 9999; leave such cells empty")
    return kept


def _has_dates(values: pl.Series) -> bool:
    """Whether every time of a column, also within lists and structs, has a date in the column's zone."""
    if not _in_years(values):
        return False
    try:
        values.to_list()  # as a reader of the row will, in its time zone
    except (OverflowError, ValueError):
        return False
    return True


def _in_years(values: pl.Series) -> bool:
    """Whether every time, also within lists and structs, lies in the years 1 to 9999 UTC."""
    dtype = values.dtype
    if isinstance(dtype, pl.List):
        return _in_years(values.explode())
    if isinstance(dtype, pl.Struct):
        return all(_in_years(values.struct.field(field.name)) for field in dtype.fields)
    if not (isinstance(dtype, pl.Datetime) or dtype == pl.Date):
        return True
    return bool(values.to_frame("value").select(in_years(pl.col("value"), dtype).all()).item())


def _kept(declared: pl.DataType | DataTypeClass, levels: int = _LEVELS) -> pl.DataType | None:
    """The type in which a column is kept, also within lists and structs; None where it cannot be kept, as one of more
    levels than these."""
    dtype = declared if isinstance(declared, pl.DataType) else declared()
    if isinstance(dtype, pl.List | pl.Array):
        inner = _kept(dtype.inner, levels - 1)
        return None if inner is None or not levels else pl.List(inner)
    if isinstance(dtype, pl.Struct):
        fields = {field.name: _kept(field.dtype, levels - 1) for field in dtype.fields}
        known = {name: kept for name, kept in fields.items() if kept is not None}
        return pl.Struct(known) if levels and len(known) == len(fields) else None
    if dtype in _WIDE:
        return pl.Float64()
    if isinstance(dtype, pl.Datetime) and re.match(_OFFSET, dtype.time_zone or ""):
        return pl.Datetime(dtype.time_unit, "UTC")
    if dtype in (pl.Binary, pl.Null):  # as an empty column of a CSV file
        return pl.String()
    return dtype if dtype.is_numeric() or dtype in _PLAIN else None


def _listed(values: pl.Series, table: Table) -> pl.Series:
    """A column of JSON lines as lists if every cell is one, so that filters look into them as into those of parquet."""
    words = values.drop_nulls()
    if table.nested != "json" or words.is_empty() or not words.str.starts_with("[").all():
        return values
    try:
        lists = values.str.json_decode(infer_schema_length=None)
    except pl.exceptions.PolarsError:  # text that only begins so
        return values
    return values if _kept(lists.dtype) is None else lists


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
