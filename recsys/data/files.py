"""Tables of a dataset directory: found by name, opened lazily, with a row number so that a fault can be located."""

import codecs
import csv
import gzip
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, Literal

import orjson
import polars as pl

from recsys.errors import DataError

SUFFIXES = (".parquet", ".csv", ".csv.gz", ".jsonl", ".jsonl.gz")

ROW = "__row"
"""Where the row is in its file: lines below the first row, 0 for that itself."""

BROKEN = "__broken"
"""Why a line cannot be split into cells; null where it can."""

RAW = "__raw"
"""The text of a line that cannot be split."""

FAULT = "__fault"
"""Place of the first broken rule of a row in `recsys.data.validation.Rules.checks`, from 1; 0 where the row is good."""

VALUE = "__value_"
"""What the names of read values begin with, before that of the file's column."""

_EXTRA = tuple(f"__extra_{place}" for place in range(8))
"""Cells behind the last column. Some programs end every line in commas: empty ones are no fault."""
_CELLS = "__cells"
"""Those of a line of JSON, before they are columns."""
_OWN = frozenset({ROW, BROKEN, RAW, FAULT, _CELLS, *_EXTRA})
"""Columns that are added to those of a file."""
_NO_OBJECT = "not a JSON object on one line (NaN, Infinity and hundreds of levels cannot be read; leave the key out)"
_OPEN_QUOTE = "the header cannot be read: a quote in it does not close"
_FIRST_LINES = 1_000
"""Lines of a long file that are looked at for its keys."""


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


def find_table(folder: Path, name: str) -> Path | None:
    """The one file `name.*` of a folder, None if there is none.

    Raises:
        DataError: the folder is missing, no folder or may not be read, or two files claim to be the same table.
    """
    if not folder.exists():
        raise DataError(f"{folder} does not exist; give the folder that holds items.* and events.*")
    if not folder.is_dir():
        raise DataError(f"{folder} is a file; give the folder that holds items.* and events.*")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise DataError(f"{folder} may not be read; ask whose it is, or give another folder")
    found = [folder / f"{name}{suffix}" for suffix in SUFFIXES if (folder / f"{name}{suffix}").exists()]
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise DataError(f"{folder} holds {names}; keep one of them, only one can be the {name} table")
    return found[0] if found else None


def require_table(folder: Path, name: str) -> Path:
    """The one file `name.*` of a folder.

    Raises:
        DataError: there is none, or `find_table` raises.
    """
    path = find_table(folder, name)
    if path is None:
        present = ", ".join(sorted(entry.name for entry in folder.iterdir())[:8])
        formats = " ".join(SUFFIXES)
        holds = f"it holds {present}" if present else "it is empty"
        raise DataError(f"{folder} has no {name} file ({holds}); add {name} as one of {formats}")
    return path


def open_table(path: Path, columns: Sequence[str] | None = None) -> Table:
    """Open a file without reading its rows.

    Args:
        path: a parquet, csv or jsonl file, the latter two also gzipped.
        columns: the only keys of JSON lines that matter; None looks through the whole file for its keys.

    Raises:
        DataError: the file cannot be read, is empty, or its header is not usable.
    """
    try:
        if not path.is_file():
            raise DataError(f"{path} is not a file; give a file ending in one of {' '.join(SUFFIXES)}")
        if path.stat().st_size == 0:
            raise DataError(f"{path} is empty; write its rows, or remove it if it is not needed")
        if path.name.endswith(".parquet"):
            return frame_table(pl.scan_parquet(path, glob=False), str(path))
        if not path.name.endswith(".gz") and _is_gzip(path):
            raise DataError(f"{path} is compressed by gzip; name it {path.name}.gz")
        if path.name.endswith((".csv", ".csv.gz")):
            return _open_csv(path)
        if path.name.endswith((".jsonl", ".jsonl.gz")):
            return _open_jsonl(path, columns)
    except (OSError, EOFError, pl.exceptions.PolarsError) as error:
        raise unreadable(str(path), error) from error
    raise DataError(f"{path}: unknown kind of file; use one of {' '.join(SUFFIXES)}")


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def frame_table(frame: pl.LazyFrame | pl.DataFrame, name: str) -> Table:
    """A table of typed columns: a parquet file or a frame in memory."""
    lazy = frame.lazy()
    dtypes = dict(lazy.collect_schema())
    _check_names(name, dtypes)
    marks = {BROKEN: pl.lit(None, pl.String), RAW: pl.lit(None, pl.String)}
    return Table(name, lazy.with_row_index(ROW).with_columns(**marks), dtypes)


def collect(table: Table, frame: pl.LazyFrame) -> pl.DataFrame:
    """Run a query over a table with the streaming engine, so that only its result has to fit in memory.

    Raises:
        DataError: the file turns out to be damaged on the way.
    """
    try:
        return frame.collect(engine="streaming")
    except (OSError, pl.exceptions.PolarsError) as error:
        raise unreadable(table.name, error) from error


def unreadable(name: str, error: Exception) -> DataError:
    """A `DataError` for a file that the reader gave up on, with the line where that can be told."""
    message = str(error).strip()
    if "utf-8" in message.lower():
        return DataError(f"{name}{_line_of(name, _is_not_utf8)}: text that is not UTF-8; save the file as UTF-8")
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
        with _opener(name)(name, "rb") as stream:
            found = next((number for number, line in enumerate(stream, start=1) if wanted(line)), None)
    except OSError:
        # The first failure is the one to report.
        return ""
    return "" if found is None else f", line {found}"


def _opener(name: str) -> Callable[..., IO[Any]]:
    return gzip.open if name.endswith(".gz") else open


def _open_csv(path: Path) -> Table:
    try:
        with _opener(path.name)(path, "rt", encoding="utf-8-sig", newline="") as stream:
            if stream.readline().endswith("\r"):
                raise DataError(f"{path}: its lines end in CR alone; save it with line ends LF or CR LF")
            stream.seek(0)
            reader = csv.reader(stream, strict=True)
            header = [name.strip() for name in next(reader, [])]
            skip = reader.line_num
    except UnicodeDecodeError as error:
        raise unreadable(str(path), error) from error
    except csv.Error as error:
        raise DataError(f"{path}, line 1: {_OPEN_QUOTE} ({error})") from error
    if any("\n" in name for name in header):
        raise DataError(f"{path}, line 1: {_OPEN_QUOTE}, or the name of a column spans lines: write it on one")
    names = [name or f"column_{place + 1}" for place, name in enumerate(header)]
    if not any(header):
        raise DataError(f"{path}, line 1: the header is empty; the first line must name the columns")
    if len(names) == 1 and (other := re.search(r"[;\t|]", names[0])):
        raise DataError(f"{path}, line 1: the columns are separated by {other.group()!r}; separate them by commas")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"{path}, line 1: the header names {twice[0]!r} twice; give each column a name of its own")
    _check_names(str(path), names)
    frame = pl.scan_csv(
        path,
        glob=False,
        has_header=False,
        skip_lines=skip,
        schema=dict.fromkeys([*names, *_EXTRA], pl.String()),
        row_index_name=ROW,
        extra_columns="ignore",
        missing_columns="insert",
    )
    width = f"more cells than the {len(names)} columns of the header; quote cells that hold a comma"
    further = pl.coalesce(pl.when(pl.col(name).str.strip_chars() != "").then(pl.col(name)) for name in _EXTRA)
    marks = {BROKEN: pl.when(further.is_not_null()).then(pl.lit(width)), RAW: further}
    blank = pl.all_horizontal(pl.col(*names, *_EXTRA).is_null())
    # A quoted cell can span lines: the rows after it stand further down than their number says.
    cells = (pl.col(name) for name in (*names, *_EXTRA))
    breaks = pl.sum_horizontal(cell.str.count_matches("\n", literal=True).fill_null(0) for cell in cells)
    marks[ROW] = pl.col(ROW) + breaks.cum_sum() - breaks
    frame = frame.with_columns(**marks).filter(~blank).drop(*_EXTRA)
    return Table(str(path), frame, dict.fromkeys(names, pl.String()), first_line=skip + 1, nested="bar")


def _open_jsonl(path: Path, columns: Sequence[str] | None) -> Table:
    lines = pl.scan_csv(
        path,
        glob=False,
        has_header=False,
        schema={RAW: pl.String()},
        separator="\x01",
        extra_columns="ignore",  # JSON has no such letter: what stands before it is no object
        quote_char=None,
        row_index_name=ROW,
    )
    lines = lines.filter(pl.col(RAW).str.strip_chars() != "")
    # A long log is not read twice: its first lines say what it holds, and a wanted key may still turn up later.
    found = _keys(path, None if columns is None else _FIRST_LINES)
    names = list(dict.fromkeys([*found, *(columns or ())])) if found else []
    if not names:
        raise DataError(f"{path} holds no JSON object; write one object a line")
    _check_names(str(path), names)
    # One pass over each line, however many keys it has.
    cells = pl.col(RAW).map_batches(
        partial(_cells, names=names),
        return_dtype=pl.Struct(dict.fromkeys((BROKEN, *names), pl.String)),
        is_elementwise=True,
    )
    frame = lines.with_columns(cells.alias(_CELLS)).unnest(_CELLS)
    unseen = frozenset(names) - frozenset(found)
    return Table(str(path), frame, dict.fromkeys(names, pl.String()), nested="json", unseen=unseen)


def _cells(lines: pl.Series, names: Sequence[str]) -> pl.Series:
    """What lines of JSON hold under some names, as text, and `BROKEN`."""
    objects = [_object(line, names) for line in lines]
    broken = [_NO_OBJECT if found is None else None for found in objects]
    cells = {name: [None if found is None else found[name] for found in objects] for name in names}
    schema = dict.fromkeys((BROKEN, *names), pl.String)
    return pl.DataFrame({BROKEN: broken, **cells}, schema=schema).to_struct(lines.name)


def _object(line: str, names: Sequence[str]) -> dict[str, str | None] | None:
    """The cells of the JSON object of a line; None where it is none, or has more levels than can be written again."""
    try:
        value = orjson.loads(line)
        return {name: _text(value.get(name)) for name in names} if isinstance(value, dict) else None
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return None


def _text(value: Any) -> str | None:
    """A value of a JSON object as a cell: text as it is, all else in JSON. A whole number beyond 64 bits was read as
    one with a point: it is written with all its digits, so that it can be told."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return f"{value:.1f}"
    return orjson.dumps(value).decode()


def _check_names(file: str, names: Iterable[str]) -> None:
    """Refuse what would be taken for another column, or for several.

    Raises:
        DataError: names the column.
    """
    for name in names:
        if name in _OWN or name.startswith(VALUE) or name == "*" or (name.startswith("^") and name.endswith("$")):
            raise DataError(f"{file}: a column cannot be called {name!r}; rename it")


def _keys(path: Path, limit: int | None) -> list[str]:
    """Keys of the objects of the first `limit` lines, in order of appearance; lines that are no object are skipped."""
    names: dict[str, None] = {}
    with _opener(path.name)(path, "rb") as stream:
        for number, line in enumerate(stream):
            if limit is not None and number >= limit:
                break
            try:
                value = orjson.loads(line.removeprefix(codecs.BOM_UTF8))
            except orjson.JSONDecodeError:
                continue
            if isinstance(value, dict):
                names.update(dict.fromkeys(value))
    return list(names)
