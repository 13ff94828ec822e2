"""Files at fsspec URLs (`s3://`, `gs://`, `memory://`, ...): copied here to be read, and written there when complete.
https://filesystem-spec.readthedocs.io
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from recsys.errors import ConfigError, DataError, RecsysError, StoreError

Location = Path | str
"""A path of this machine, or a URL."""


def location(text: str) -> Location:
    """What a text names: a URL stays as it is."""
    return text if "://" in text else Path(text)


def name_of(where: Location) -> str:
    """The last part of it."""
    return where.rstrip("/").rpartition("/")[2] if isinstance(where, str) else where.resolve().name


def check(where: Location) -> None:
    """Check that a URL is of a kind that can be written, before hours go into its content.

    Raises:
        ConfigError: its kind is not known, or its library is not installed.
        StoreError: its host cannot be reached.
    """
    if isinstance(where, str):
        _opened(where)


@contextmanager
def local_copy(where: Location) -> Iterator[Path]:
    """The file or folder here: itself, or for a URL a copy for as long as the block lasts. Of a folder, its own files
    and what is in folders `NAME.parquet` of parts. Errors about the copy name the URL.

    Raises:
        DataError: there is nothing, or it cannot be read.
        ConfigError: no library for such URLs is installed.
        StoreError: its host cannot be reached.
    """
    if isinstance(where, Path):
        yield where
        return
    with tempfile.TemporaryDirectory() as folder:
        files, path = _opened(where)
        here = Path(folder) / name_of(where)
        with _explained(where, "read"):
            if not files.exists(path):
                raise DataError(f"{where} does not exist; check the URL")
            _fetch(files, path, here)
        try:
            yield here
        except DataError as error:
            raise DataError(renamed(str(error), here, where), error.loc) from error


def renamed(text: str, here: Path, where: Location) -> str:
    """A message about the copy of `local_copy`, reworded to name the URL."""
    return text.replace(str(here), str(where).rstrip("/"))


def get(where: str, here: Path) -> None:
    """Copy a file from a URL.

    Raises:
        DataError, ConfigError, StoreError: as `local_copy`.
    """
    files, path = _opened(where)
    with _explained(where, "read"):
        files.get_file(path, str(here))


def put(here: Path, where: str) -> None:
    """Copy a file to a URL.

    Raises:
        DataError: it cannot be written.
        ConfigError, StoreError: as `local_copy`.
    """
    files, path = _opened(where)
    with _explained(where, "written"):
        files.makedirs(path.rpartition("/")[0], exist_ok=True)
        files.put_file(str(here), path)


@contextmanager
def _explained(where: str, done: str) -> Iterator[None]:
    """Each library behind fsspec has errors of its own, above all for missing credentials and hosts that are away."""
    try:
        yield
    except RecsysError:
        raise
    except (ConnectionError, TimeoutError) as error:
        raise _unreachable(where, error) from error
    except OSError as error:
        raise DataError(f"{where} cannot be {done}: {error}") from error
    except Exception as error:
        raise _unreachable(where, error) from error


def _unreachable(where: str, error: Exception) -> StoreError:
    words = str(error) or type(error).__name__
    return StoreError(f"{where} cannot be reached: {words}; check the host, the network and your credentials")


def _fetch(files: Any, path: str, here: Path) -> None:
    if not files.isdir(path):
        files.get_file(path, str(here))
        return
    here.mkdir()
    for entry in files.ls(path, detail=True):
        name = entry["name"].rstrip("/").rpartition("/")[2]
        if entry["type"] == "file":
            files.get_file(entry["name"], str(here / name))
        elif name.endswith(".parquet"):
            _fetch(files, entry["name"], here / name)


def _opened(where: str) -> tuple[Any, str]:
    import fsspec

    try:
        files, path = fsspec.core.url_to_fs(where)
    except ImportError as error:
        raise ConfigError(f"{where}: {error}") from error
    except ValueError as error:
        known = "give a path, or a URL of a kind that fsspec knows, such as s3://, gs://, az:// or sftp://"
        raise ConfigError(f"{where}: {error}; {known}") from error
    except Exception as error:  # some kinds connect at once
        raise _unreachable(where, error) from error
    return files, str(path)
