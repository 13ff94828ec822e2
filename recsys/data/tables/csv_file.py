"""Tables in CSV: a header of names, then cells that are text."""

import csv
import re
from pathlib import Path

import polars as pl

from recsys.data.tables.table import BROKEN, EXTRA, RAW, ROW, Table, check_names, opener, unreadable
from recsys.errors import DataError

_OPEN_QUOTE = "the header cannot be read: a quote in it does not close"


def open_csv(path: Path) -> Table:
    """Open a file without reading its rows. Empty cells behind the last column are accepted: some programs end every
    line in commas.

    Raises:
        DataError: the header is not usable.
    """
    header, header_lines = _read_header(path)
    names = _names_of(path, header)
    frame = pl.scan_csv(
        path,
        glob=False,
        has_header=False,
        skip_lines=header_lines,
        schema=dict.fromkeys([*names, *EXTRA], pl.String()),
        row_index_name=ROW,
        extra_columns="ignore",
        missing_columns="insert",
    )
    width = f"more cells than the {len(names)} columns of the header; quote cells that hold a comma"
    further = pl.coalesce(pl.when(pl.col(name).str.strip_chars() != "").then(pl.col(name)) for name in EXTRA)
    marks = {BROKEN: pl.when(further.is_not_null()).then(pl.lit(width)), RAW: further}
    blank = pl.all_horizontal(pl.col(*names, *EXTRA).is_null())
    # A quoted cell can span lines, so that line numbers of later rows are higher than their row numbers.
    cells = (pl.col(name) for name in (*names, *EXTRA))
    breaks = pl.sum_horizontal(cell.str.count_matches("\n", literal=True).fill_null(0) for cell in cells)
    marks[ROW] = pl.col(ROW) + breaks.cum_sum() - breaks
    frame = frame.with_columns(**marks).filter(~blank).drop(*EXTRA)
    return Table(str(path), frame, dict.fromkeys(names, pl.String()), first_line=header_lines + 1, nested="bar")


def _read_header(path: Path) -> tuple[list[str], int]:
    """The cells of the header, and how many lines it takes.

    Raises:
        DataError: it cannot be read.
    """
    try:
        with opener(path.name)(path, "rt", encoding="utf-8-sig", newline="") as stream:
            if stream.readline().endswith("\r"):
                raise DataError(f"{path}: its lines end in CR alone; save it with line ends LF or CR LF")
            stream.seek(0)
            reader = csv.reader(stream, strict=True)
            return [name.strip() for name in next(reader, [])], reader.line_num
    except UnicodeDecodeError as error:
        raise unreadable(str(path), error) from error
    except csv.Error as error:
        raise DataError(f"{path}, line 1: {_OPEN_QUOTE} ({error})") from error


def _names_of(path: Path, header: list[str]) -> list[str]:
    """The names of the columns; one without a name is called by its number.

    Raises:
        DataError: they are no names of columns, or one is there twice.
    """
    if any("\n" in name for name in header):
        raise DataError(f"{path}, line 1: {_OPEN_QUOTE}, or the name of a column spans lines: write it on one")
    if not any(header):
        raise DataError(f"{path}, line 1: the header is empty; the first line must name the columns")
    names = [name or f"column_{index + 1}" for index, name in enumerate(header)]
    if len(names) == 1 and (other := re.search(r"[;\t|]", names[0])):
        raise DataError(
            f"{path}, line 1: the columns are separated by {other.group()!r}; separate them by commas, or write "
            "Parquet (docs/data.md, 'From an export', shows how)"
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"{path}, line 1: the header names {twice[0]!r} twice; give each column a name of its own")
    check_names(str(path), names)
    return names
