"""Tables of a dataset directory: found by name, opened lazily."""

import os
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from recsys.data.tables.csv_file import open_csv
from recsys.data.tables.jsonl_file import open_jsonl
from recsys.data.tables.table import UNREADABLE, Table, frame_table, unreadable
from recsys.errors import DataError

SUFFIXES = (".parquet", ".csv", ".csv.gz", ".jsonl", ".jsonl.gz")

_NO_TEXT = {
    b"\x1f\x8b": ("is compressed by gzip", "name it {}.gz"),
    b"PAR1\x15": ("holds parquet", "name it so"),
    b"PK\x03\x04": ("is a zip archive or a workbook", "unpack it, or export the sheet as CSV"),
    b"\x28\xb5\x2f\xfd": ("is compressed by zstd", "unpack it, or compress it by gzip"),
    b"BZh91AY": ("is compressed by bzip2", "unpack it, or compress it by gzip"),
    b"\xfd7zXZ\x00": ("is compressed by xz", "unpack it, or compress it by gzip"),
    b"\xff\xfe": ("is text in UTF-16", "save it as UTF-8 (`iconv -f UTF-16 -t UTF-8 FILE`)"),
    b"\xfe\xff": ("is text in UTF-16", "save it as UTF-8 (`iconv -f UTF-16 -t UTF-8 FILE`)"),
}
"""First bytes of files that are not text in UTF-8 -> what they are, and what to do; {} is the name of the file."""


def find_table(folder: Path, name: str) -> Path | None:
    """The one file `name.*` of a folder, None if there is none.

    Raises:
        DataError: the folder is missing, no folder or may not be read, or two files claim to be the same table.
    """
    if not os.path.exists(folder):  # Path's own raises where a folder on the way may not be entered
        raise DataError(
            f"{folder} does not exist, or a folder above it may not be entered; give the folder that holds items.* "
            "and events.*"
        )
    if not folder.is_dir():
        raise DataError(f"{folder} is a file; give the folder that holds items.* and events.*")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise DataError(f"{folder} may not be read; ask whose it is, or give another folder")
    # A broken link counts as the table too: opening it reports the fault.
    found = [path for suffix in SUFFIXES if os.path.lexists(path := folder / f"{name}{suffix}")]
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise DataError(f"{folder} holds {names}; keep one of them, only one can be the {name} table")
    return found[0] if found else None


def is_table(path: Path) -> bool:
    """Whether a file is a table of a dataset directory: one of its names, in a folder that holds items and events."""
    names = [f"{name}{suffix}" for name in ("items", "events", "users") for suffix in SUFFIXES]
    if path.name not in names or not os.path.exists(path):
        return False
    beside = {entry.name.partition(".")[0] for entry in path.parent.iterdir()}
    return {"items", "events"} <= beside


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
        path: a parquet, csv or jsonl file, the latter two also gzipped; or a folder `NAME.parquet` of parts, as Spark
            writes it, whose rows are counted through all parts in the order of their names.
        columns: the only keys of JSON lines that matter; None looks through the whole file for its keys.

    Raises:
        DataError: the file cannot be read, is empty, or its header is not usable.
    """
    try:
        if path.is_dir():
            return frame_table(pl.scan_parquet(_parts(path), glob=False), str(path))
        if not path.is_file():
            nowhere = ", but a link that leads nowhere" if path.is_symlink() and not path.exists() else ""
            raise DataError(f"{path} is not a file{nowhere}; give a file ending in one of {' '.join(SUFFIXES)}")
        if path.stat().st_size == 0:
            raise DataError(f"{path} is empty; write its rows, or remove it if it is not needed")
        if path.name.endswith(".parquet"):
            return frame_table(pl.scan_parquet(path, glob=False), str(path))
        if not path.name.endswith(".gz"):
            _check_text(path)
        if path.name.endswith((".csv", ".csv.gz")):
            return open_csv(path)
        if path.name.endswith((".jsonl", ".jsonl.gz")):
            return open_jsonl(path, columns)
    except UNREADABLE as error:
        raise unreadable(str(path), error) from error
    raise DataError(f"{path}: unknown kind of file; use one of {' '.join(SUFFIXES)}")


def _parts(folder: Path) -> list[Path]:
    """The parquet files of a folder, without what writers keep beside them under names such as `_SUCCESS`.

    Raises:
        DataError: there are none, the folder is not called one of parquet files, or they lie in folders by value, such
            as `day=2024-05-01`: what that value is called and means is not in the files.
    """
    if not folder.name.endswith(".parquet"):
        raise DataError(f"{folder} is a folder; join its parts into one file, or write them as parquet")
    within = sorted(path for path in folder.iterdir() if not path.name.startswith(("_", ".")))
    if parted := next(filter(Path.is_dir, within), None):
        raise DataError(f"{folder} holds a folder, {parted.name}; write its parts without partitions, side by side")
    if not (parts := [path for path in within if path.name.endswith(".parquet")]):
        raise DataError(f"{folder} is a folder without parquet files; write its parts, or give a file")
    return parts


def _check_text(path: Path) -> None:
    """Refuse a file that begins like one of another kind.

    Raises:
        DataError: it does.
    """
    with path.open("rb") as file:
        start = file.read(max(map(len, _NO_TEXT)))
    for magic, (what, mend) in _NO_TEXT.items():
        if start.startswith(magic):
            raise DataError(f"{path} {what}; {mend.format(path.name)}")
