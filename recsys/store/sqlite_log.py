"""The write-ahead log of an SQLite file."""

import sqlite3
from pathlib import Path

from recsys.errors import StoreError

_BUSY_MILLISECONDS = 2_000


def empty_log(connection: sqlite3.Connection, path: Path) -> None:
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
