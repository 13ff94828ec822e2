"""Tables in JSON lines: an object a line, whose keys are columns."""

import codecs
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from recsys.data.tables.table import BROKEN, CELLS, NO_TEXT, RAW, ROW, Table, check_names, opener
from recsys.errors import DataError

_NO_OBJECT = (
    "not a JSON object on one line (NaN, Infinity, half of a character such as \\ud83d alone, and hundreds of levels "
    "cannot be read; leave the key out)"
)
_NEVER_TEXT = frozenset((list, dict, bool))
"""Types of values that neither are text nor could be meant so, as numbers could."""

_FIRST_LINES = 1_000
"""Lines of a long file that are looked at for its keys."""


def open_jsonl(path: Path, columns: Sequence[str] | None) -> Table:
    """Open a file without reading its rows; `columns` as for `open_table`.

    Raises:
        DataError: no line holds an object, all are parts of an array, or a key cannot be a column.
    """
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
    # A long log is not read twice: its first lines show its keys, and a wanted key may still turn up later.
    found = _keys(path, None if columns is None else _FIRST_LINES)
    names = list(dict.fromkeys([*found, *(columns or ())])) if found else []
    if not names or _is_array(path):
        raise DataError(
            f"{path} holds no JSON object on a line of its own; write one object a line, without NaN or Infinity, as "
            "`jq -c .` does, for an array `jq -c '.[]'`"
        )
    check_names(str(path), names)
    # One pass over each line, however many keys it has.
    cells = pl.col(RAW).map_batches(
        partial(_cells, names=names),
        return_dtype=pl.Struct(_schema(names)),
        is_elementwise=True,
    )
    frame = lines.with_columns(cells.alias(CELLS)).unnest(CELLS)
    unseen = frozenset(names) - frozenset(found)
    return Table(str(path), frame, dict.fromkeys(names, pl.String()), nested="json", unseen=unseen)


def _cells(lines: pl.Series, names: Sequence[str]) -> pl.Series:
    """The values of some keys of JSON lines, as text, `BROKEN` and `NO_TEXT`."""
    objects = [_object(line, names) for line in lines]
    marks = {
        BROKEN: [_NO_OBJECT if found is None else None for found in objects],
        NO_TEXT: [None if found is None else found[NO_TEXT] for found in objects],
    }
    cells = {name: [None if found is None else found[name] for found in objects] for name in names}
    return pl.DataFrame({**marks, **cells}, schema=_schema(names)).to_struct(lines.name)


def _schema(names: Sequence[str]) -> dict[str, pl.DataType]:
    return {BROKEN: pl.String(), NO_TEXT: pl.List(pl.String), **dict.fromkeys(names, pl.String())}


def _object(line: str, names: Sequence[str]) -> dict[str, Any] | None:
    """The cells of the JSON object of a line, and `NO_TEXT`; None where it is none, or has more levels than can be
    written again."""
    try:
        value = orjson.loads(line)
        if not isinstance(value, dict):
            return None
        read = {name: value.get(name) for name in names}
        cells: dict[str, Any] = {name: _text(cell) for name, cell in read.items()}
        # Types alone tell, for orjson makes no subclasses; almost all lines hold none of these.
        plain = _NEVER_TEXT.isdisjoint(map(type, read.values()))
        cells[NO_TEXT] = None if plain else [name for name, cell in read.items() if type(cell) in _NEVER_TEXT]
        return cells
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return None


def _text(value: Any) -> str | None:
    """A value of a JSON object as a cell: text as it is, all else in JSON. A whole number beyond 64 bits was read as
    one with a point: it is written with all its digits, so that it is recognised as too long."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return f"{value:.1f}"
    return orjson.dumps(value).decode()


def _is_array(path: Path) -> bool:
    """Whether an array is opened and does not end on its line."""
    with opener(path.name)(path, "rb") as stream:
        first = next((line for line in stream if line.strip()), b"").removeprefix(codecs.BOM_UTF8).strip()
    return first.startswith(b"[") and not first.endswith(b"]")


def _keys(path: Path, limit: int | None) -> list[str]:
    """Keys of the objects of the first `limit` lines, in order of appearance; lines that are no object are skipped."""
    names: dict[str, None] = {}
    with opener(path.name)(path, "rb") as stream:
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
