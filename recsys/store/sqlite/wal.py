"""The write-ahead log of an SQLite file, and the file's name."""

import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path

from recsys.errors import StoreError

_BUSY_MILLISECONDS = 2_000
_TRY_AGAIN_SECONDS = 0.01


def wal_path(path: Path) -> Path:
    """The write-ahead log of a file."""
    return path.with_name(f"{path.name}-wal")


def switch_to_wal(connection: sqlite3.Connection, seconds: float) -> None:
    """Use a write-ahead log for a file from now on, in every process.

    SQLite does not wait by itself if another process is switching at this moment.
    """
    until = time.monotonic() + seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(_TRY_AGAIN_SECONDS)


def inode_of(path: Path) -> int:
    """Which file has the name now; 0 where none has."""
    try:
        return path.stat().st_ino
    except OSError:
        return 0


def check_in_place(inodes: Mapping[Path, int]) -> None:
    """Check names: a file without one would take what is written and lose it when the last process that has it open
    ends; a log without one, when that process is killed.

    Args:
        inodes: the files, and which they were when they were opened.

    Raises:
        StoreError: another file has one of the names by now, or none.
    """
    for path, inode in inodes.items():
        if inode_of(path) != inode:
            raise StoreError(
                f"{path}: the file was removed or replaced while it was open; put it back, or restart what uses it to "
                "begin with the one that is there now"
            )


def truncate_wal(connection: sqlite3.Connection, path: Path) -> None:
    """Write what the log holds to the file and overwrite the log with nothing, so that what was removed is gone.

    Raises:
        StoreError: another process is in the middle of reading the file, and needs the log.
    """
    (before,) = connection.execute("PRAGMA busy_timeout").fetchone()
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}")  # others wait for this connection meanwhile
    try:
        busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {before}")
    if busy:
        raise StoreError(
            f"{path}: what was to be forgotten is removed, but still in the write-ahead log, which another process "
            "reads, such as a backup; do it again when that has ended"
        )
