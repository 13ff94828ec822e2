"""A requests file to requests: batch ranking and evaluation. A fault in it is an error, not a row to set aside."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from recsys.data.requests.request import Request
from recsys.data.tables.attributes import attribute
from recsys.data.tables.files import SUFFIXES, open_table
from recsys.data.tables.rejections import Rejections
from recsys.data.tables.schema import REQUESTS, USERS
from recsys.data.tables.table import FAULT, ROW, Table, collect
from recsys.data.tables.validation import check_cells, parsed
from recsys.errors import DataError
from recsys.locations import Location, local_copy, location
from recsys.progress import Progress, silent

_FURTHER = ("history", "candidates", "context", "target")
_TABLES = (*SUFFIXES, ".tsv", ".json", ".ndjson", ".xls", ".xlsx", ".ods", ".feather", ".arrow", ".avro", ".orc")
"""Endings, in small letters, of files that hold more than one id a line."""

_COLUMNS = (*(column.name for column in REQUESTS), *_FURTHER)


def read_requests(path: Location, n: int = Request.n, progress: Progress = silent) -> list[Request]:
    """Read a parquet, csv or jsonl file of requests, a path or a URL, in the order of the file.

    Lists are lists of strings; in CSV `a|b` or a JSON array. `context` is a struct or a JSON object. An empty list of
    `history` stands for a user without history, a missing one for the stored history. `n` is the length of the lists
    whose row does not name one. Other columns are not read, and `progress` names them: they may be misspelt.

    Raises:
        DataError: a fault, with file, line and column; a request_id that appears twice; no request at all.
    """
    with local_copy(location(str(path))) as here:
        table = open_table(here)
        for name in table.dtypes:
            if name not in _COLUMNS:
                progress(f"{path}: column {name!r} is not read; {_suggestion(name, table)}")
        return _read(table, n)


def read_user_ids(path: Location) -> list[str]:
    """Distinct user ids in the order of the file: the column `user_id` of a table, or a text file with one id a line. A
    first line `user_id` is its header.

    Raises:
        DataError: the file cannot be read, has no such column, a row without an id, or no row.
    """
    with local_copy(path) as here:
        ids = _user_ids(here)
    if not ids:
        raise DataError(f"{path} holds no user; write one user_id a line")
    return list(dict.fromkeys(ids))


def _user_ids(path: Path) -> list[str]:
    if path.name.lower().endswith(_TABLES) and not path.name.endswith(SUFFIXES):
        raise DataError(
            f"{path}: unknown kind of file; use one of {' '.join(SUFFIXES)}, or a text file with one user_id a line"
        )
    if not path.name.endswith(SUFFIXES):
        try:
            lines = path.read_text(encoding="utf-8-sig").split("\n")  # ids may hold other ends of lines
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{path} cannot be read: {error}; give a text file with one user_id a line") from error
        ids = [line for line in (line.removesuffix("\r") for line in lines) if line.strip()]
        return ids[1:] if ids[:1] == ["user_id"] else ids
    checked = check_cells(open_table(path, ["user_id"]), USERS)
    frame = collect(checked.table, checked.frame.select(ROW, FAULT, pl.col(parsed("user_id")))).sort(ROW)
    if (frame[FAULT] > 0).any():
        found = Rejections(checked.table.name, checked.table.first_line, frame.height, checked.rejected())
        raise DataError(f"{path}: {'; '.join(found.top_reasons())}. Correct the file: no user is left out")
    found_ids: list[str] = frame[parsed("user_id")].to_list()
    return found_ids


def _suggestion(name: str, table: Table) -> str:
    missing = [column for column in _COLUMNS if column not in table.dtypes]
    near = difflib.get_close_matches(name.lower(), missing, n=1)
    return f"is it {near[0]!r}?" if near else f"known are {', '.join(_COLUMNS)}"


def _read(table: Table, n: int) -> list[Request]:
    checked = check_cells(table, REQUESTS)
    further = [name for name in _FURTHER if name in table.dtypes]
    read = {column.name: parsed(column.name) for column in REQUESTS if column.name in table.dtypes}
    query = checked.frame.select(ROW, FAULT, *[pl.col(value).alias(name) for name, value in read.items()], *further)
    frame = collect(table, query).sort(ROW)
    if frame.is_empty():
        raise DataError(f"{table.name} has no requests; add rows with at least a request_id")
    if (frame[FAULT] > 0).any():
        rejections = Rejections(table.name, table.first_line, frame.height, checked.rejected())
        raise DataError(
            f"{table.name}: {'; '.join(rejections.top_reasons())}. Correct the file: no request is left out"
        )
    _check_distinct(table, frame)
    try:
        frame = frame.with_columns(map(attribute, frame.select(further)))
    except DataError as error:
        raise DataError(f"{table.name}: {error}") from error
    return [_request(table, row, n) for row in frame.iter_rows(named=True)]


def _check_distinct(table: Table, frame: pl.DataFrame) -> None:
    repeated = frame.filter(~pl.col("request_id").is_first_distinct())
    if repeated.is_empty():
        return
    row, id_ = repeated.select(ROW, "request_id").row(0)
    first = frame.filter(pl.col("request_id") == id_)[ROW][0]
    raise DataError(
        f"{_loc(table, row, 'request_id')}: {id_!r} was used on line {first + table.first_line}; "
        f"give each request an id of its own"
    )


def _request(table: Table, row: dict[str, Any], default_n: int) -> Request:
    number = row[ROW]
    history, candidates, target = (
        _ids(table, number, name, row.get(name)) for name in ("history", "candidates", "target")
    )
    n = row.get("n")
    if n is not None and n < 1:
        raise DataError(f"{_loc(table, number, 'n')}: {n:g} is not a length that a list can have; write 1 or more")
    return Request(
        user_id=row.get("user_id"),
        history=history,
        candidates=candidates,
        n=default_n if n is None else int(n),
        time=row.get("timestamp"),
        request_id=row["request_id"],
        context=_context(table, number, row.get("context")),
        targets=target or (),
    )


def _ids(table: Table, row: int, column: str, value: Any) -> tuple[str, ...] | None:
    """Item ids of a cell; None where it is empty."""
    if isinstance(value, str):
        # A typed file can hold one wanted item as it is; elsewhere text is the only way to write a list.
        single = column == "target" and table.nested == "native"
        value = [value] if single else _split(table, row, column, value)
    if value is None:
        return None
    ids = value if isinstance(value, list) else [value]
    for id_ in ids:
        if not isinstance(id_, (str, int)) or isinstance(id_, bool) or id_ == "":
            raise DataError(f"{_loc(table, row, column)}: {id_!r} is not an item id; a list holds item ids as text")
    return tuple(str(id_) for id_ in ids)


def _split(table: Table, row: int, column: str, text: str) -> list[Any] | None:
    if table.nested == "json" and (text.lstrip().startswith("{") or text.strip() in ("true", "false")):
        loc = _loc(table, row, column)
        raise DataError(f'{loc}: {_short(text)} is not an item id or a list of them; write ["a", "b"]')
    if text.lstrip().startswith("["):
        try:
            listed: list[Any] = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            loc = _loc(table, row, column)
            raise DataError(f'{loc}: {_short(text)} is not a JSON array ({error}); write ["a", "b"]') from error
        return listed
    if not text.strip():
        return None
    return [text] if table.nested == "json" and column == "target" else [part.strip() for part in text.split("|")]


def _context(table: Table, row: int, value: Any) -> Mapping[str, Any]:
    """A context without its empty fields."""
    if isinstance(value, str) and value.strip():
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            value = [value]
    if not value:
        return {}
    if not isinstance(value, dict):
        loc = _loc(table, row, "context")
        raise DataError(f'{loc}: not a JSON object; write it as {{"query": "red shoes"}}')
    query = value.get("query")
    if query is not None and not isinstance(query, str):
        loc = _loc(table, row, "context")
        raise DataError(f'{loc}: query: {_short(str(query))} is not text; write it as {{"query": "red shoes"}}')
    return {key: part for key, part in value.items() if part is not None}


def _loc(table: Table, row: int, column: str) -> str:
    return f"{table.name}, line {row + table.first_line}, column {column}"


def _short(text: str) -> str:
    return repr(text[:80])
