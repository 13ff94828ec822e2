"""What a known dataset is, and how its directory is written."""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from recsys.errors import DataError


@dataclass(frozen=True)
class Frames:
    """The two tables of a dataset directory."""

    items: pl.DataFrame
    events: pl.DataFrame


@dataclass(frozen=True)
class KnownDataset:
    """A dataset that `recsys data get` knows.

    Attributes:
        name: what the command takes.
        what: one line on the content.
        licence: what its owners allow.
        origin: where people find the official files.
        files: the official files that the reader opens; gzipped or not.
        urls: what is downloaded; empty where the files come another way.
        read: folder with the official files to frames.
    """

    name: str
    what: str
    licence: str
    origin: str
    files: tuple[str, ...]
    urls: tuple[str, ...]
    read: Callable[[Path], Frames]


def write_dataset(folder: str | Path, frames: Frames) -> None:
    """Write items.parquet and events.parquet; an interruption leaves nothing half-written.

    Raises:
        DataError: the folder cannot be written, or already holds one of the tables as another kind of file.
    """
    folder = Path(folder)
    tables = {"items": frames.items, "events": frames.events}
    partial = {name: folder / f".{name}.parquet.partial" for name in tables}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, frame in tables.items():
            others = [path.name for path in folder.glob(f"{name}.*") if path.name != f"{name}.parquet"]
            if others:
                raise DataError(f"{folder} already holds {others[0]}; give an empty folder")
            frame.write_parquet(partial[name])
        for name in tables:
            os.replace(partial[name], folder / f"{name}.parquet")
    except OSError as error:
        raise DataError(f"{folder} cannot be written: {error}; give another folder") from error
    finally:
        for path in partial.values():
            with suppress(OSError):
                path.unlink()


def official_file(folder: Path, name: str) -> Path:
    """The official file `name` in a folder, gzipped or not.

    Raises:
        DataError: it is not there.
    """
    for path in (folder / name, folder / f"{name}.gz", folder / name.removesuffix(".gz")):
        if path.is_file():
            return path
    present = ", ".join(sorted(path.name for path in folder.iterdir())[:8]) if folder.is_dir() else "no folder"
    raise DataError(f"{folder} lacks the official file {name} (it holds: {present}); give its folder with --from")


def read_official_csv(path: Path, columns: dict[str, pl.DataType]) -> pl.DataFrame:
    """Read some columns of an official CSV file with a header.

    Raises:
        DataError: a column is missing or a cell is not of its type.
    """
    try:
        strings = pl.read_csv(path, infer_schema=False)
        missing = [name for name in columns if name not in strings.columns]
        if missing:
            found = ", ".join(strings.columns[:12])
            raise DataError(f"{path} has no column {missing[0]!r}; it has {found}. Is it the official file?")
        return strings.select(pl.col(name).cast(dtype) for name, dtype in columns.items())
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"{path} cannot be read as the official CSV file: {str(error).splitlines()[0]}") from error
