"""A table that is not read yet: its cells, and the row number by which a fault is located."""

import gzip
import re
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import polars as pl

from recsys.errors import DataError, check_kind

ROW = "__row"
"""The row's place in its file: lines below the first row, which has 0."""

BROKEN = "__broken"
"""Why a line cannot be split into cells; null where it can."""

NO_TEXT = "__no_text"
"""Columns in which a line of JSON holds an array, an object or a truth value; null where there is none."""

RAW = "__raw"
"""The text of a line that cannot be split."""

FAULT = "__fault"
"""Which of `validation.CheckedTable.checks` a row fails first, from 1; 0 where the row is good."""

VALUE = "__value_"
"""Prefix of the columns that hold the values read from the file's columns."""

CELLS = "__cells"
"""The cells of a line of JSON, before they become columns."""

EXTRA = tuple(f"__extra_{place}" for place in range(8))
"""Cells of a line of CSV behind the last column."""

_OWN = frozenset({ROW, BROKEN, NO_TEXT, RAW, FAULT, CELLS, *EXTRA})
"""Columns that are added to those of a file."""


@dataclass(frozen=True)
class Table:
    """A file, or a frame, that is not read yet.

    Attributes:
        name: what messages call it.
        frame: the cells, with `ROW`, `BROKEN` and `RAW`. Blank lines are left out. Text files hold strings only.
        dtypes: type of each column of the file, in the order of the file.
        first_line: line number of row 0. Parquet and frames have no lines: there it is the row, from 1.
        nested: how lists stand in the file: "native" as a type, "json" as JSON text, "bar" as `a|b`.
        unseen: columns of JSON lines that were asked for and are not in the first lines.
    """

    name: str
    frame: pl.LazyFrame
    dtypes: dict[str, pl.DataType]
    first_line: int = 1
    nested: Literal["native", "json", "bar"] = "native"
    unseen: frozenset[str] = frozenset()


def frame_table(frame: pl.LazyFrame | pl.DataFrame, name: str) -> Table:
    """A table of typed columns: a parquet file or a frame in memory.

    Raises:
        ConfigError: it is no frame of polars.
        DataError: two columns have one name.
    """
    if not isinstance(frame, pl.DataFrame):
        check_kind(frame, pl.LazyFrame, f"{name} must be a polars frame, such as polars.from_pandas(...) makes")
    lazy = frame.lazy()
    dtypes = dict(lazy.collect_schema())
    check_names(name, dtypes)
    marks = {BROKEN: pl.lit(None, pl.String), RAW: pl.lit(None, pl.String)}
    return Table(name, lazy.with_row_index(ROW).with_columns(**marks), dtypes)


UNREADABLE = (OSError, EOFError, zlib.error, pl.exceptions.PolarsError, pl.exceptions.PanicException)
"""What readers raise for a file that is damaged or cut off. Polars may also give up with a panic, which is no
`Exception`."""


_TO_UTF8 = "save the file as UTF-8 (one from Windows: `iconv -f WINDOWS-1252 -t UTF-8 FILE`)"


def collect(table: Table, frame: pl.LazyFrame) -> pl.DataFrame:
    """Run a query over a table with the streaming engine, so that only its result has to fit in memory.

    Raises:
        DataError: the file turns out to be damaged on the way.
    """
    try:
        return frame.collect(engine="streaming")
    except UNREADABLE as error:
        raise unreadable(table.name, error) from error


def check_names(file: str, names: Iterable[str]) -> None:
    """Refuse what would be taken for another column, or for several.

    Raises:
        DataError: names the column.
    """
    for name in names:
        if name in _OWN or name.startswith(VALUE) or is_pattern(name):
            raise DataError(f"{file}: a column cannot be called {name!r}; rename it")


def is_pattern(name: str) -> bool:
    """Whether polars takes the name for a pattern of names."""
    return name == "*" or (name.startswith("^") and name.endswith("$"))


def unreadable(name: str, error: BaseException) -> DataError:
    """A `DataError` for a file that the reader gave up on, with the line, or the part of a folder, if that can be
    found."""
    if (folder := Path(name)).is_dir() and (fault := _faulty_part(folder)) is not None:
        return fault
    message = str(error).strip()
    if "utf-8" in message.lower():
        return DataError(f"{name}{_line_of(name, _is_not_utf8)}: text that is not UTF-8; {_TO_UTF8}")
    broken = re.search(r"Field `([^\n`]+)", message)
    if broken:
        snippet = broken.group(1).encode()
        place = _line_of(name, lambda line: snippet in line)
        return DataError(
            f"{name}{place}: a quote that does not close its cell, at {broken.group(1)[:60]!r}; write a quote inside a "
            f'quoted cell twice ("")'
        )
    if "CSV malformed" in message and (place := _line_of(name, _has_lone_quote)):
        return DataError(
            f"{name}{place}: a quote within a cell that does not begin with one; put the cell in quotes and write the "
            f'quote twice ("12"" ruler")'
        )
    reason = message.splitlines()[0] if message else type(error).__name__
    return DataError(f"{name} cannot be read: {reason}; check that it is complete and of the kind its name says")


def _faulty_part(folder: Path) -> DataError | None:
    """The first part of a folder that is damaged, or that has other columns than the first of all; None if that is not
    what is wrong."""
    expected: dict[str, pl.DataType] = {}
    for part in sorted(folder.glob("[!_.]*.parquet")):
        try:
            columns = dict(pl.read_parquet_schema(part))
        except UNREADABLE as error:
            return unreadable(str(part), error)
        expected = expected or columns
        for name in expected | columns:
            here, there = columns.get(name), expected.get(name)
            if here != there and pl.Null not in (here, there):  # an empty column fits any
                return DataError(
                    f"{part}: column {name!r} is {here or 'missing'}, and in the first part {there or 'missing'}; "
                    "write all parts with the same columns"
                )
    return None


def _is_not_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return True
    return False


def _has_lone_quote(line: bytes) -> bool:
    return b'"' in re.sub(rb'(?:^|(?<=,))"(?:[^"]|"")*"(?=[,\r\n]|$)', b"", line)


def _line_of(name: str, wanted: Callable[[bytes], bool]) -> str:
    """ ", line N" for the first line that is wanted, nothing if there is none."""
    try:
        with opener(name)(name, "rb") as stream:
            found = next((number for number, line in enumerate(stream, start=1) if wanted(line)), None)
    except UNREADABLE:
        # The first failure is the one to report.
        return ""
    return "" if found is None else f", line {found}"


def opener(name: str) -> Callable[..., IO[Any]]:
    """`open`, or what opens a file that gzip has compressed."""
    return gzip.open if name.endswith(".gz") else open
