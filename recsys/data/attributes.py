"""Further columns of the item table as attributes, in types that JSON has a word for."""

import polars as pl
from polars.datatypes import DataTypeClass

from recsys.errors import DataError

_PLAIN = (pl.String, pl.Categorical, pl.Enum, pl.Boolean, pl.Date, pl.Datetime, pl.Time)
_WIDE = (pl.Decimal, pl.Int128, pl.UInt128)
"""Numbers that JSON and filters know as floats."""


def attribute(values: pl.Series) -> pl.Series:
    """The column as items keep it: decimals as floats, durations as seconds, bytes as text, others as they are.

    Raises:
        DataError: a type that is none of these, bytes that are no text, or times outside the years 1 to 9999.
    """
    if values.dtype == pl.Duration:
        return values.dt.total_microseconds() / 1e6
    dtype = _kept(values.dtype)
    if dtype is None:
        raise DataError(
            f"column {values.name!r} holds {values.dtype}; leave it out, or write numbers, text, true or false, times, "
            f"or lists of them"
        )
    try:
        kept = values.cast(dtype)
    except pl.exceptions.PolarsError as error:
        raise DataError(
            f"column {values.name!r} holds bytes that are not UTF-8; leave it out, or write text"
        ) from error
    if dtype.is_temporal() or dtype.is_nested():
        try:
            kept.to_list()  # as whoever reads a row will; it looks into lists and structs, and minds the zone
        except (OverflowError, ValueError) as error:
            raise DataError(
                f"column {values.name!r} holds a time outside the years 1 to 9999; leave such cells empty"
            ) from error
    return kept


def _kept(declared: pl.DataType | DataTypeClass) -> pl.DataType | None:
    """The type of the kept column, inside of lists and structs too; None where there is none."""
    dtype = declared if isinstance(declared, pl.DataType) else declared()
    if isinstance(dtype, pl.List | pl.Array):
        inner = _kept(dtype.inner)
        return None if inner is None else pl.List(inner)
    if isinstance(dtype, pl.Struct):
        fields = {field.name: _kept(field.dtype) for field in dtype.fields}
        known = {name: kept for name, kept in fields.items() if kept is not None}
        return pl.Struct(known) if len(known) == len(fields) else None
    if dtype in _WIDE:
        return pl.Float64()
    if dtype in (pl.Binary, pl.Null):  # as an empty column of a CSV file
        return pl.String()
    return dtype if dtype.is_numeric() or dtype in _PLAIN else None
