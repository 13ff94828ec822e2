"""Values of items from JSON as columns, and columns fitted to those of a catalogue."""

from collections.abc import Sequence
from typing import Any, Literal

import polars as pl

from recsys.data.tables.parsing import times_of
from recsys.errors import DataError

Kind = Literal["numbers", "text", "true or false", "lists", "times", "objects"]

_READABLE: set[tuple[Kind, Kind]] = {("text", "times"), ("text", "numbers"), ("numbers", "text")}
"""What a stored item holds, and what the catalogue may hold beside the same. Text for numbers is not taken any more
(`check_posted`), but stays readable: the column was one of text when the item was put."""


def column_of(name: str, values: Sequence[Any]) -> pl.Series:
    """One value an item as a column; whole numbers beside floats are floats.

    Raises:
        DataError: values are of several kinds, or cannot be kept; its `loc` is the row of the first such one.
    """
    kinds = {row: _kind_of(value) for row, value in enumerate(values) if value is not None}
    first = next(iter(kinds.values()), None)
    other = next((row for row, kind in kinds.items() if kind != first), None)
    if other is not None:
        raise _wrong(name, other, f"holds {first} in another item, not {kinds[other]}; send all of them as one kind")
    if any(isinstance(value, float) for value in values):
        values = [float(value) if isinstance(value, int) else value for value in values]
    try:
        return pl.Series(name, values, strict=True)
    except (TypeError, OverflowError, pl.exceptions.PolarsError) as error:
        raise _wrong(name, next(iter(kinds)), "holds what no column can; send numbers of 64 bits, or text") from error


def check_posted(values: pl.Series, dtype: pl.DataType) -> None:
    """Refuse text for a column of numbers, as filters do: "7" may be meant as text.

    Raises:
        DataError: there is some; its `loc` is the row of the first one.
    """
    if (_kind(values.dtype), _kind(dtype)) == ("text", "numbers") and values.dtype != pl.Null:
        raise _wrong(values.name, _first(values.is_not_null()), _other_kind("text", dtype))


def fitted(values: pl.Series, dtype: pl.DataType) -> pl.Series:
    """A column as the catalogue keeps it.

    Raises:
        DataError: a value is none of its type; its `loc` is the row of the first such one.
    """
    posted, kept = _kind(values.dtype), _kind(dtype)
    if values.dtype == pl.Null or values.dtype == dtype:
        return values.cast(dtype)
    wanted, message = _wanted(dtype), _other_kind(posted, dtype)
    if posted != kept and (posted, kept) not in _READABLE:
        raise _wrong(values.name, _first(values.is_not_null()), message)
    try:
        cast = _read(values, kept).cast(dtype, strict=kept in ("lists", "objects"))
    except pl.exceptions.PolarsError as error:
        raise _wrong(values.name, _first(values.is_not_null()), message) from error
    lost = cast.is_null() & values.is_not_null()
    if kept == posted == "numbers" and dtype != pl.Float32():
        lost |= cast.cast(values.dtype, strict=False).ne_missing(values)
    if lost.any():
        row = _first(lost)
        raise _wrong(
            values.name, row, f"holds {wanted} in the catalogue; {values[row]!r} cannot be one of them exactly"
        )
    return cast


def in_current_type(values: pl.Series, dtype: pl.DataType) -> pl.Series:
    """A column of items that are gone, in the type that the column has today; null where a value does not fit it.

    Numbers stay as they are, for they can stand beside other numbers.
    """
    before, now = _kind(values.dtype), _kind(dtype)
    if values.dtype == dtype or before == now == "numbers":
        return values
    if before == now or (before, now) in _READABLE:
        try:
            return (values if before == now == "times" else _read(values, now)).cast(dtype, strict=False)
        except pl.exceptions.PolarsError:  # such as a day as a time of day
            pass
    return pl.Series(values.name, [None] * len(values), dtype=dtype)


def posted_first(values: pl.Series) -> pl.Series:
    """A column that the catalogue does not have yet. Numbers are floats: the next one may have a fraction.

    Raises:
        DataError: a whole number that a float cannot hold; its `loc` is its row.
    """
    return fitted(values, pl.Float64()) if values.dtype.is_integer() else values


def _wanted(dtype: pl.DataType) -> str:
    return f"{'whole ' if dtype.is_integer() else ''}{_kind(dtype)}"


def _other_kind(posted: Kind, dtype: pl.DataType) -> str:
    return f"holds {_wanted(dtype)} in the catalogue, not {posted}; send {_wanted(dtype)}, or leave it out"


def _wrong(name: str, row: int, message: str) -> DataError:
    return DataError(f"items: column {name!r} {message}", loc=(row, name))


def _read(values: pl.Series, kept: Kind) -> pl.Series:
    """What is posted, in a type that casts to the catalogue's: a plain number would be taken for the index of a
    category."""
    if kept == "text":
        return values.cast(pl.String)
    if kept == "times":
        return times_of(values).cast(pl.Datetime("us", "UTC")).alias(values.name)
    return values


def _first(rows: pl.Series) -> int:
    """The first row that is true."""
    return int(rows.arg_max() or 0)


def _kind_of(value: Any) -> Kind:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "numbers"
    if isinstance(value, str):
        return "text"
    return "lists" if isinstance(value, list) else "objects"


def _kind(dtype: pl.DataType) -> Kind:
    if dtype == pl.Boolean:
        return "true or false"
    if dtype.is_numeric():
        return "numbers"
    if dtype.is_temporal():
        return "times"
    if isinstance(dtype, pl.List | pl.Array):
        return "lists"
    return "objects" if isinstance(dtype, pl.Struct) else "text"
