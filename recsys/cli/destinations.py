"""Files and folders that a command is to write: checked before the work, written whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recsys.errors import ConfigError, DataError, RecsysError, is_full


def check_file(flag: str, path: Path | None) -> None:
    """Check that a file can be written, before hours go into its content.

    Raises:
        ConfigError: its folder is missing or may not be written, or what has its name is no file, or one that commands
            read (`check_not_read`).
    """
    if path is None:
        return
    check_not_read(flag, path)
    check_kind(flag, path)
    real = path.resolve()  # what a link names is written, not the link
    if not os.path.isdir(real.parent):
        raise ConfigError(f"{flag} {path}: there is no folder {real.parent}; make it, or name a file in another one")
    if not os.access(real.parent, os.W_OK | os.X_OK):
        raise ConfigError(f"{flag} {path}: folder {real.parent} cannot be written; name a file in another one")


def check_kind(flag: str, path: Path) -> None:
    """Check that what a file is to replace is itself a file.

    Raises:
        ConfigError: it is a folder, a pipe or a device.
    """
    if os.path.exists(path) and not os.path.isfile(path):  # Path's own raise where a folder may not be entered
        raise ConfigError(f"{flag} {path} is a folder or a device; name a file")


def check_not_read(flag: str, path: Path, *inputs: object) -> None:
    """Check that no file that commands read would be replaced: one wrong word could cost a whole registry.

    Args:
        inputs: what this command reads; paths among them are compared.

    Raises:
        ConfigError: it is one of the inputs, belongs to a registry, or is a table of a dataset directory.
    """
    from recsys.data.tables.files import is_table
    from recsys.registry.reader import registry_of

    real = path.resolve()
    if any(isinstance(one, Path) and one.resolve() == real for one in inputs):
        raise ConfigError(f"{flag} {path} is read by this command; name another file")
    if (registry := registry_of(real)) is not None:
        raise ConfigError(f"{flag} {path} belongs to the registry {registry}; name another file")
    if is_table(real):
        raise ConfigError(f"{flag} {path} is a table of the data in {real.parent}; name another file")


def check_folder(flag: str, path: Path | None) -> None:
    """Check that a folder exists, or make it.

    Raises:
        ConfigError: it cannot be made or written.
    """
    if path is None:
        return
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{flag} {path} is no folder and cannot be made one: {error}; name another") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise ConfigError(f"{flag} {path}: the folder cannot be written; name another")


@contextmanager
def written_whole(flag: str, path: Path) -> Iterator[Path]:
    """A name beside a file to write to; it takes the file's place at the end, and is gone if anything is raised.

    Raises:
        DataError: it cannot be written.
    """
    real = path.resolve()
    half = real.with_name(f".{real.name}.half")
    try:
        try:
            yield half
            half.replace(real)
        finally:
            half.unlink(missing_ok=True)
    except RecsysError:
        raise
    except Exception as error:
        if not (isinstance(error, OSError) or is_full(error)):
            raise
        mend = "check its folder, and that its disk has room"
        raise DataError(f"{flag} {path} cannot be written: {error}; {mend}") from error
