"""Which cells of a table are wrong, and why. `recsys.data.tables.rejections` says what happens to their rows."""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from recsys.data.tables.parsing import WANTED, Numbers, as_cell, looks_like_date, parse
from recsys.data.tables.rejections import REJECTED_DTYPES
from recsys.data.tables.schema import EXACT, MAX_NUMBER, MAX_POSITION, MIN_SHARE, NO_ID, TOO_LONG, ZONE_SKEW, Column
from recsys.data.tables.table import BROKEN, FAULT, NO_TEXT, RAW, ROW, VALUE, Table, collect
from recsys.errors import DataError
from recsys.moments import clock, day_of

_FLOAT = r"^-?(\d\.\d{10,}e\+?\d{2,3}|\d{16,}\.0)$"
"""How programs write a long whole number that was read as one with a point, as JSON does beyond 64 bits."""

_DECIMAL_COMMA = r"^\s*[+-]?\d+(\.\d{3})*,\d+\s*$"
"""A number as much of Europe writes it."""

_SHOWN = 200
"""Longest value that is repeated in a report."""

_NEAR = 0.7
"""Smallest similarity of two names, from 0 to 1, at which one may be meant for the other."""

_NAMED = 20
"""Most columns of a table that a message names."""


@dataclass(frozen=True)
class CellCheck:
    """A row for which `bad` is true is rejected because of `column`."""

    column: str
    reason: str
    bad: pl.Expr


@dataclass(frozen=True)
class CheckedTable:
    """A table with its values parsed, and the checks that its rows have to pass.

    `frame` holds the columns of the file, the parsed values as `parsed(name)`, and `FAULT`.
    """

    table: Table
    checks: tuple[CellCheck, ...]
    frame: pl.LazyFrame

    def rejected(self) -> pl.DataFrame:
        """Faults of rows: row, column, value, reason. A row has one of each column that is wrong, in the order of the
        columns; of a line that cannot be split only that is said."""
        broken = pl.col(BROKEN).is_not_null()
        line = pl.when(broken).then(_fault(pl.lit(None, pl.String), pl.col(RAW), pl.col(BROKEN)))
        cells = [pl.when(~broken).then(self._fault_of(column)) for column in dict.fromkeys(self._columns())]
        faults = pl.concat_list(line, *cells).list.drop_nulls().alias("fault")
        query = self.frame.filter(pl.col(FAULT) > 0).select(pl.col(ROW).cast(pl.Int64).alias("row"), faults)
        return collect(self.table, query.explode("fault").unnest("fault")).cast(dict(REJECTED_DTYPES.items()))

    def _columns(self) -> Iterator[str]:
        """The column of each check but the first, which is of the line."""
        return (check.column for check in self.checks[1:])

    def _fault_of(self, column: str) -> pl.Expr:
        """The first fault of a cell; null where it is good."""
        reason = pl.coalesce(
            pl.when(check.bad).then(pl.lit(check.reason)) for check in self.checks if check.column == column
        )
        cell = as_cell(column, self.table.dtypes[column]).str.slice(0, _SHOWN)
        return pl.when(reason.is_not_null()).then(_fault(pl.lit(column), cell, reason))


def parsed(name: str) -> str:
    """Name of the column that holds the parsed values of a file's column."""
    return f"{VALUE}{name}"


def check_cells(table: Table, columns: Sequence[Column]) -> CheckedTable:
    """A lazy query that parses the cells of a table and finds the first fault of each row. Only columns of times are
    read at once, to see what their numbers are.

    Raises:
        DataError: a required column is missing (the nearest existing one is named), or has a type that cannot be read.
    """
    require_columns((table, columns))
    present = [column for column in columns if column.name in table.dtypes]
    values = {}
    for column in present:
        numbers = _numbers(table, column)
        try:
            values[parsed(column.name)] = parse(column, table.dtypes[column.name], numbers)
        except DataError as error:
            raise DataError(f"{table.name}: {error}") from error
    checks = [CellCheck("", "", pl.col(BROKEN).is_not_null())]
    for column in present:
        checks.extend(_column_checks(column, table.dtypes[column.name]))
        if column.kind == "id" and table.nested == "json":
            checks.append(CellCheck(column.name, NO_ID, pl.col(NO_TEXT).list.contains(column.name).fill_null(False)))
    fault = _first_true([check.bad for check in checks])
    return CheckedTable(table, tuple(checks), table.frame.with_columns(**values).with_columns(fault.alias(FAULT)))


def require_columns(*tables: tuple[Table, Sequence[Column]]) -> None:
    """Check that tables have the columns that they must have.

    Raises:
        DataError: names all that are missing, and the names that the tables have instead.
    """
    faults = [fault for table, columns in tables for fault in _missing_columns(table, columns)]
    if faults:
        raise DataError("; and ".join(faults))


def _missing_columns(table: Table, columns: Sequence[Column]) -> Iterator[str]:
    """What to say of a table that lacks required columns."""
    there = [name for name in table.dtypes if name not in table.unseen]
    missing = [column.name for column in columns if column.required and not _has(table, column.name)]
    if not missing:
        return
    strange = {name.lower(): name for name in there if name not in {known.name for known in columns}}
    near = {name: difflib.get_close_matches(name, strange, n=1, cutoff=_NEAR) for name in missing}
    renamed = [
        f"rename {strange[found[0]][:_SHOWN]!r} to {'it' if len(missing) == 1 else repr(name)}"
        for name, found in near.items()
        if found
    ]
    names = f"it has {', '.join(name[:_SHOWN] for name in there[:_NAMED])}{', ...' if len(there) > _NAMED else ''}"
    hints = [column.hint for column in columns if column.name in missing and column.hint and not near[column.name]]
    advice = "; ".join([*renamed, *([] if len(renamed) == len(missing) else [names]), *hints])
    yield f"{table.name} has no {'column' if len(missing) == 1 else 'columns'} {_listed(missing)}; {advice}"


def _listed(names: Sequence[str]) -> str:
    """'a', 'b' and 'c'."""
    quoted = [repr(name) for name in names]
    return " and ".join([*([", ".join(quoted[:-1])] if quoted[1:] else []), quoted[-1]])


def _has(table: Table, name: str) -> bool:
    """Whether a table has a column: of JSON lines whose first ones lack it, whether a later one has it."""
    if name not in table.unseen:
        return name in table.dtypes
    return bool(collect(table, table.frame.select(pl.col(name).is_not_null().any())).item())


def _numbers(table: Table, column: Column) -> Numbers:
    """Whether the numbers of a column of times are dates such as 20240501, or seconds. Single cells could be taken for
    the other kind: one in thirty moments in seconds looks like a date, and a date that lacks a digit like seconds."""
    dtype = table.dtypes[column.name]
    if column.kind not in ("time", "past") or not (dtype == pl.String or dtype.is_numeric()):
        return "either"
    dates = collect(table, table.frame.select(looks_like_date(pl.col(column.name), dtype).mean())).item()
    if dates is None:
        return "either"
    return "dates" if dates > 0.5 else "epoch"


def _column_checks(column: Column, dtype: pl.DataType) -> Iterator[CellCheck]:
    """What can be wrong with a cell of a column, the plainest fault first."""
    cell, value, kind = pl.col(column.name), pl.col(parsed(column.name)), column.kind
    filled = (cell.str.strip_chars() != "" if dtype == pl.String else cell.is_not_null()).fill_null(False)
    unread = filled & value.is_null()

    def check(reason: str, bad: pl.Expr) -> CellCheck:
        return CellCheck(column.name, reason, bad)

    if column.required:
        reason = "missing" if kind in ("id", "text") else "missing or empty"
        yield check(reason, value.is_null() if kind == "id" and dtype.is_float() else ~filled)
    if kind in ("number", "whole", "share"):
        word = cell.cast(pl.String).str.strip_chars().str.to_lowercase()
        nan = unread & word.str.contains("^[+-]?(nan|inf|infinity)$").fill_null(False)
        yield check("NaN or infinite; leave the cell empty where there is no number", nan)
        comma = unread & cell.cast(pl.String).str.contains(_DECIMAL_COMMA).fill_null(False)
        yield check("not a number, with its decimal comma; write 19.90", comma)
    if kind in ("number", "whole", "share", "time", "past", "flag"):
        yield check(f"not {WANTED[kind]}", unread)
    match kind:
        case "id" if dtype.is_float():
            yield check(TOO_LONG, cell.abs() >= (2**24 if dtype == pl.Float32 else EXACT))
        case "id" if dtype == pl.String:
            rounded = cell.str.contains(_FLOAT) & (cell.cast(pl.Float64, strict=False).abs() >= EXACT)
            yield check(TOO_LONG, rounded.fill_null(False))
        case "past":
            yield check("before 1970", value < 0)
            now = clock()
            future = (
                f"more than a day in the future, for the clock of this machine says {day_of(now)}; numbers must be "
                "epoch seconds or milliseconds"
            )
            yield check(future, value > now + ZONE_SKEW)
        case "whole":
            outside = (value < 0) | (value > MAX_POSITION) | (value != value.round())
            yield check(f"not a whole number from 0 to {MAX_POSITION}", outside)
        case "share":
            yield check("not in (0, 1]", (value <= 0) | (value > 1))
            yield check(f"below {MIN_SHARE:g}, the least that is kept", value < MIN_SHARE)
        case "number":
            yield check(f"beyond {MAX_NUMBER:g}, the most that is kept", value.abs() > MAX_NUMBER)


def _first_true(expressions: Sequence[pl.Expr]) -> pl.Expr:
    """Number, from 1, of the first expression that is true; 0 where none is."""
    numbered = (pl.when(one).then(pl.lit(number, pl.UInt8)) for number, one in enumerate(expressions, start=1))
    return pl.coalesce(*numbered, pl.lit(0, pl.UInt8))


def _fault(column: pl.Expr, value: pl.Expr, reason: pl.Expr) -> pl.Expr:
    return pl.struct(column=column, value=value, reason=reason)
