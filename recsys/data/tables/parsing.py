"""Cells to values: polars expressions that give null where a cell cannot be read.

Text files give strings, parquet files give types; both end in the types of `recsys.data.tables.schema`.
"""

from typing import Literal

import polars as pl

from recsys.data.tables.schema import Column
from recsys.errors import DataError
from recsys.moments import DAY

Numbers = Literal["dates", "epoch", "either"]
"""What the plain numbers among times are: dates such as 20240501; epoch seconds or milliseconds; each what it looks
like, a date before seconds of August 1970."""

_ISO = (
    r"^(?<day>\d{4}-\d{2}-\d{2}|\d{8})"
    r"(?:[Tt ](?<clock>\d{2}(?::?\d{2}(?::?\d{2}(?:[.,]\d{1,9})?)?)?)"
    r" ?(?<zone>[Zz]|UTC|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)?)?$"
)
_FORMAT = "%Y%m%dT%H%M%S%.f"
_MIDNIGHT = r"^24(?:00){0,2}(?:\.0+)?$"
"""The end of a day (ISO 8601-1:2019, 4.3.8), without colons: the first moment of the next one."""

_YEAR = r"^(19\d\d|20\d\d|2100)(\.0*)?$"
"""A year alone in text: it names no moment, and as seconds it would lie in the first hour of 1970."""

_DATES = 19000101, 21001231
"""The first and the last number that can be a date."""

_QUOTED = r'"(?:[^"\\]|\\.)*"'
"""A text in JSON."""

_MILLISECONDS = 1e11
"""Numbers from here on are epoch milliseconds: as seconds they would lie after the year 5000."""

_LIMIT = 1e15
"""Numbers from here on are no moment in either unit."""

_MOMENTS = -62_135_596_800_000_000, 253_402_300_799_999_999
"""The first and the last microsecond of the years 1 to 9999 UTC: of others Python, and so a row, has no date."""


def parse(column: Column, dtype: pl.DataType, numbers: Numbers = "either") -> pl.Expr:
    """The values of a column, null where a cell is empty or cannot be read.

    Args:
        column: what the column should hold.
        dtype: what the file holds.
        numbers: what the numbers of a column of times are.

    Raises:
        DataError: the type of the whole column cannot hold such values.
    """
    cell = pl.col(column.name)
    is_text = dtype in (pl.String, pl.Null)
    match column.kind:
        case "id" | "text" if is_text or dtype.is_numeric() or dtype in (pl.Categorical, pl.Enum):
            return as_text(cell, dtype)
        case "text" if dtype == pl.Boolean:
            return as_text(cell, dtype)
        case "number" | "whole" | "share" if is_text or dtype.is_numeric():
            return as_number(cell, dtype)
        case "time" | "past" if is_text or dtype.is_numeric() or dtype == pl.Date or isinstance(dtype, pl.Datetime):
            return as_time(cell, dtype, numbers)
        case "tags" if is_text or isinstance(dtype, pl.List | pl.Array):
            return as_tags(cell, dtype)
        case "flag" if is_text or dtype.is_numeric() or dtype == pl.Boolean:
            return as_flag(cell, dtype)
    listed = column.kind == "text" and isinstance(dtype, pl.List | pl.Array)
    else_ = "; lists of text can stand in tags, or in a column of another name" if listed else ""
    raise DataError(f"column {column.name!r} holds {dtype}; it must hold {WANTED[column.kind]}{else_}")


WANTED = {
    "id": "text",
    "text": "text",
    "number": "a number",
    "whole": "a whole number from 0",
    "share": "a number in (0, 1]",
    "past": "ISO 8601 text (2024-05-31, 2024-05-31 14:05), a timestamp, or epoch seconds or milliseconds (divide "
    "microseconds by 1,000)",
    "time": "ISO 8601 text (2024-05-31, 2024-05-31 14:05), a timestamp, or epoch seconds or milliseconds (divide "
    "microseconds by 1,000), of the years 1 to 9999",
    "tags": "a list of strings, or text such as a|b",
    "flag": "true or false",
}
"""What each kind of column must hold, in words."""


def as_text(cell: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Text; null where there is only white space. A float or decimal that is a whole number has no point."""
    if dtype.is_decimal():
        text = cell.cast(pl.String).str.replace(r"\.0+$", "")
    elif dtype.is_float():
        whole = cell.cast(pl.Int64, strict=False)
        text = pl.when(whole == cell).then(whole.cast(pl.String)).otherwise(cell.fill_nan(None).cast(pl.String))
    else:
        text = cell.cast(pl.String)
    return pl.when(text.str.strip_chars() != "").then(text)


def as_number(cell: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Float64; NaN and infinity are not numbers and give null."""
    number = cell.str.strip_chars().cast(pl.Float64, strict=False) if dtype == pl.String else cell.cast(pl.Float64)
    return pl.when(number.is_finite()).then(number)


def as_time(cell: pl.Expr, dtype: pl.DataType, numbers: Numbers = "either") -> pl.Expr:
    """Int64 microseconds since 1970 UTC. A time without a zone is UTC; of text, a year alone is no time.

    The text may also end in " UTC", as BigQuery writes it. What lies outside the years 1 to 9999 UTC is no time.
    """
    time = pl.field("time")
    read = pl.struct(time=_any_time(cell, dtype, numbers))  # a struct, so that it is computed once
    return read.struct.with_fields(time=pl.when(time.is_between(*_MOMENTS)).then(time)).struct.field("time")


def in_years(cell: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Whether a date or time of a typed column lies in the years 1 to 9999 UTC.

    Decided by the underlying number, of days or of the column's unit. Polars panics when it makes a date of a number
    far outside, such as the `infinity` of a database, and wraps around where the unit overflows.
    """
    unit = dtype.time_unit if isinstance(dtype, pl.Datetime) else "days"
    if unit == "ns":  # 64 bits of them end in 2262
        return pl.lit(True)
    first, last = (moment // {"us": 1, "ms": 1_000, "days": DAY}[unit] for moment in _MOMENTS)
    return cell.to_physical().is_between(first, last)


def _any_time(cell: pl.Expr, dtype: pl.DataType, numbers: Numbers) -> pl.Expr:
    """What `as_time` reads, of any year."""
    if isinstance(dtype, pl.Datetime) or dtype == pl.Date:
        return pl.when(in_years(cell, dtype)).then(cell).cast(pl.Datetime("us")).dt.epoch("us")
    if dtype != pl.String:
        return _moment(cell, numbers)
    text = cell.str.strip_chars()
    # Each step takes the fields of the one before, so that the text is matched once.
    parts = text.str.extract_groups(_ISO).struct.with_fields(
        day=pl.field("day").str.replace_all("-", "", literal=True),
        clock=pl.field("clock")
        .str.replace_all(":", "", literal=True)
        .str.replace(",", ".", literal=True)
        .fill_null("000000"),
        zone=pl.field("zone").str.replace(":", "", literal=True),
    )
    zone = pl.field("zone")
    minutes = 60 * zone.str.slice(1, 2).cast(pl.Int64, strict=False) + zone.str.slice(3, 2).replace("", "0").cast(
        pl.Int64, strict=False
    )
    ends_day = pl.field("clock").str.contains(_MIDNIGHT)
    steps = parts.struct.with_fields(
        clock=pl.when(ends_day).then(pl.lit("000000")).otherwise(pl.field("clock").str.pad_end(6, "0")),
        days=ends_day.cast(pl.Int64),
        ahead=pl.when(zone.str.starts_with("-")).then(-minutes).otherwise(minutes).fill_null(0),
    ).struct.with_fields(
        moment=(pl.field("day") + "T" + pl.field("clock")).str.to_datetime(_FORMAT, time_unit="us", strict=False),
    )
    moment = steps.struct.with_fields(
        micro=pl.field("moment").dt.epoch("us") + pl.field("days") * DAY - pl.field("ahead") * 60_000_000
    ).struct.field("micro")
    return pl.when(~text.str.contains(_YEAR)).then(pl.coalesce(_moment(text, numbers), moment))


def times_of(texts: pl.Series) -> pl.Series:
    """Int64 microseconds since 1970 UTC of texts, in the grammar of the event files; null where one is no time."""
    return texts.to_frame("time").select(as_time(pl.col("time"), pl.String())).to_series()


def looks_like_date(cell: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Whether a number is a date such as 20240501; null where a cell is no number."""
    number = as_number(cell, dtype)
    return pl.when(number.is_not_null()).then(_date(number).is_not_null())


def _moment(cell: pl.Expr, numbers: Numbers) -> pl.Expr:
    """Microseconds of a plain number."""
    if numbers == "epoch":
        return _epoch(cell)
    return _date(cell) if numbers == "dates" else pl.coalesce(_date(cell), _epoch(cell))


def _date(cell: pl.Expr) -> pl.Expr:
    """Microseconds of dates that are written as a number of eight digits (ISO 8601, basic format)."""
    number = cell.cast(pl.Float64, strict=False)
    digits = pl.when(number.is_between(*_DATES) & (number == number.floor())).then(number).cast(pl.Int64)
    day = digits.cast(pl.String).str.to_date("%Y%m%d", strict=False)
    return day.cast(pl.Datetime("us")).dt.epoch("us")


def _epoch(cell: pl.Expr) -> pl.Expr:
    """Microseconds of epoch seconds or milliseconds; whole numbers are not rounded on the way."""
    number, exact = pl.field("number"), pl.field("exact")
    parts = pl.struct(number=cell.cast(pl.Float64, strict=False), exact=cell.cast(pl.Int64, strict=False))
    scaled = parts.struct.with_fields(
        factor=pl.when(number.abs() < _MILLISECONDS).then(1_000_000).otherwise(1_000),
        inside=number.is_finite() & (number.abs() < _LIMIT),
    ).struct.with_fields(
        micro=pl.when(exact == number)
        .then(exact * pl.field("factor"))
        .otherwise((number * pl.field("factor")).round().cast(pl.Int64, strict=False))
    )
    return scaled.struct.with_fields(
        kept=pl.when(pl.field("inside")).then(pl.field("micro")),
    ).struct.field("kept")


def as_tags(cell: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """List of strings without empty ones; null where none is left. Text is a JSON array, or `a|b`."""
    if isinstance(dtype, pl.List | pl.Array):
        items = cell.cast(pl.List(pl.String))
    else:
        text = cell.cast(pl.String)
        # Text such as [sale] is no array, and an array in an array no list of tags.
        array = text.str.json_path_match("$").str.starts_with("[")
        deep = text.str.replace_all(_QUOTED, "").str.slice(1).str.contains(r"[\[{]")
        listed = pl.when(array & ~deep).then(text).str.json_decode(pl.List(pl.String))
        items = pl.coalesce(listed, text.str.split("|"))
    kept = items.list.eval(pl.element().str.strip_chars()).list.eval(pl.element().filter(pl.element() != ""))
    return pl.when(kept.list.len() > 0).then(kept)


def as_flag(cell: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Boolean of true/false, yes/no, t/f, y/n, 1/0 in any case; 1.0/0.0 where a column had gaps on its way."""
    if dtype in (pl.Boolean, pl.Null):
        return cell.cast(pl.Boolean)
    word = cell.cast(pl.String).str.strip_chars().str.to_lowercase()
    yes, no = word.is_in(["true", "t", "yes", "y", "1", "1.0"]), word.is_in(["false", "f", "no", "n", "0", "0.0"])
    return pl.when(yes).then(True).when(no).then(False)


def as_cell(column: str, dtype: pl.DataType) -> pl.Expr:
    """The cell as it stands in the file, in text, for a message."""
    cell = pl.col(column)
    if isinstance(dtype, pl.List | pl.Array):
        return cell.cast(pl.List(pl.String)).list.join("|", ignore_nulls=True)
    if isinstance(dtype, pl.Datetime) or dtype == pl.Date:
        date = pl.when(in_years(cell, dtype)).then(cell)
        return pl.coalesce(date.cast(pl.String), cell.to_physical().cast(pl.String))
    return cell.cast(pl.String, strict=False)
