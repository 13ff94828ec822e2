"""Cells to values: polars expressions that give null where a cell cannot be read.

Text files give strings, parquet files give types; both end in the types of `recsys.data.schema`.
"""

import polars as pl

from recsys.data.schema import Column
from recsys.errors import DataError

_ISO = r"^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?) ?(Z|z|[+-]\d{2}(?::?\d{2})?)?)?$"
_MILLISECONDS = 1e11
"""Numbers from here on are epoch milliseconds: as seconds they would lie after the year 5000."""


def parse(column: Column, dtype: pl.DataType, nested: str) -> pl.Expr:
    """The values of a column, null where a cell is empty or cannot be read.

    Args:
        column: what the column should hold.
        dtype: what the file holds.
        nested: how lists stand in the file, see `Table`.

    Raises:
        DataError: the type of the whole column cannot hold such values.
    """
    cell = pl.col(column.name)
    is_text = dtype in (pl.String, pl.Null)
    match column.kind:
        case "id" | "text" if is_text or dtype.is_numeric() or dtype in (pl.Boolean, pl.Categorical, pl.Enum):
            return as_text(cell, dtype)
        case "number" | "whole" | "share" if is_text or dtype.is_numeric():
            return as_number(cell, dtype)
        case "time" | "past" if is_text or dtype.is_numeric() or dtype == pl.Date or isinstance(dtype, pl.Datetime):
            return as_time(cell, dtype)
        case "tags" if is_text or isinstance(dtype, pl.List):
            return as_tags(cell, dtype, nested)
        case "flag" if is_text or dtype.is_integer() or dtype == pl.Boolean:
            return as_flag(cell, dtype)
    raise DataError(f"column {column.name!r} holds {dtype}; it must hold {WANTED[column.kind]}")


WANTED = {
    "id": "text",
    "text": "text",
    "number": "a number",
    "whole": "a whole number from 0",
    "share": "a number in (0, 1]",
    "past": "ISO 8601 text, a timestamp, or epoch seconds or milliseconds",
    "time": "ISO 8601 text, a timestamp, or epoch seconds or milliseconds",
    "tags": "a list of strings, or text such as a|b",
    "flag": "true or false",
}
"""What each kind of column must hold, in words."""


def as_text(cell: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Text; null where there is only white space. A float that is a whole number is written without a point."""
    if dtype.is_float():
        whole = cell.cast(pl.Int64, strict=False)
        text = pl.when(whole == cell).then(whole.cast(pl.String)).otherwise(cell.fill_nan(None).cast(pl.String))
    else:
        text = cell.cast(pl.String)
    return pl.when(text.str.strip_chars() != "").then(text)


def as_number(cell: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Float64; NaN and infinity are not numbers and give null."""
    number = cell.str.strip_chars().cast(pl.Float64, strict=False) if dtype == pl.String else cell.cast(pl.Float64)
    return pl.when(number.is_finite()).then(number)


def as_time(cell: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Int64 microseconds since 1970 UTC. A time without a zone is UTC."""
    if isinstance(dtype, pl.Datetime):
        return cell.dt.epoch("us")
    if dtype == pl.Date:
        return cell.cast(pl.Datetime("us")).dt.epoch("us")
    if dtype != pl.String:
        return _epoch(cell.cast(pl.Float64), cell)
    text = cell.str.strip_chars()
    digits = text.str.contains(r"^-?\d+(\.\d+)?$")
    number = pl.when(digits).then(text)
    epoch = _epoch(number.cast(pl.Float64, strict=False), number)
    parts = text.str.extract_groups(_ISO)
    clock = parts.struct[1].str.replace(",", ".", literal=True)
    clock = pl.when(clock.str.len_chars() == 5).then(clock + ":00").otherwise(clock).fill_null("00:00:00")
    moment = (parts.struct[0] + "T" + clock).str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False)
    zone = parts.struct[2].str.replace(":", "", literal=True)
    minutes = zone.str.slice(1, 2).cast(pl.Int64, strict=False) * 60 + zone.str.slice(3, 2).cast(
        pl.Int64, strict=False
    ).fill_null(0)
    offset = pl.when(zone.str.starts_with("-")).then(-minutes).otherwise(minutes).fill_null(0)
    return pl.coalesce(epoch, moment.dt.epoch("us") - offset * 60_000_000)


def _epoch(number: pl.Expr, exact: pl.Expr) -> pl.Expr:
    """Microseconds of epoch seconds or milliseconds; whole numbers are not rounded on the way."""
    factor = pl.when(number.abs() < _MILLISECONDS).then(1_000_000).otherwise(1_000)
    inside = number.is_finite() & (number.abs() < 1e15)
    whole = exact.cast(pl.Int64, strict=False)
    micro = (
        pl.when(whole == number).then(whole * factor).otherwise((number * factor).round().cast(pl.Int64, strict=False))
    )
    return pl.when(inside).then(micro)


def as_tags(cell: pl.Expr, dtype: pl.DataType, nested: str) -> pl.Expr:
    """List of strings without empty ones; null where none is left."""
    if isinstance(dtype, pl.List):
        items = cell.cast(pl.List(pl.String))
    elif nested == "json":
        listed = pl.when(cell.str.starts_with("[")).then(cell).str.json_decode(pl.List(pl.String))
        items = pl.coalesce(listed, cell.cast(pl.String).str.split("|"))
    else:
        items = cell.cast(pl.String).str.split("|")
    kept = items.list.eval(pl.element().str.strip_chars()).list.eval(pl.element().filter(pl.element() != ""))
    return pl.when(kept.list.len() > 0).then(kept)


def as_flag(cell: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Boolean of true/false, yes/no, t/f, y/n, 1/0 in any case."""
    if dtype in (pl.Boolean, pl.Null):
        return cell.cast(pl.Boolean)
    word = cell.cast(pl.String).str.strip_chars().str.to_lowercase()
    yes, no = word.is_in(["true", "t", "yes", "y", "1"]), word.is_in(["false", "f", "no", "n", "0"])
    return pl.when(yes).then(True).when(no).then(False)


def as_cell(column: str, dtype: pl.DataType) -> pl.Expr:
    """The cell as it stands in the file, in text, for a message."""
    cell = pl.col(column)
    if isinstance(dtype, pl.List):
        return cell.cast(pl.List(pl.String)).list.join("|", ignore_nulls=True)
    return cell.cast(pl.String, strict=False)
