"""Ranked lists in one SQLite file: a table `lists` of id and content."""

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from recsys.errors import StoreError
from recsys.store.sqlite_log import begin_log, check_in_place, empty_log, inode_of

_WAIT_SECONDS = 10.0
_TABLE = "CREATE TABLE IF NOT EXISTS lists (id TEXT PRIMARY KEY, content TEXT NOT NULL) STRICT, WITHOUT ROWID"


class SqliteLists:
    """`Lists` in a file of their own: while they are replaced nobody else can write to it.

    Raises:
        StoreError: the file cannot be opened or written, or holds a store.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        with self._explained():
            self._connection = sqlite3.connect(
                path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False
            )
        try:
            with self._explained():
                begin_log(self._connection, _WAIT_SECONDS)
                self._check_own()
                self._connection.execute("PRAGMA secure_delete = ON")  # who is forgotten is overwritten
                self._connection.execute(_TABLE)
                self._inodes = {path: inode_of(path)}
        except BaseException:
            self._connection.close()
            raise

    def replace(self, lists: Iterable[tuple[str, str]]) -> int:
        """All in one transaction: readers see the old lists until it ends."""
        with self._turn():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._connection.execute("DELETE FROM lists")
                count = self._connection.executemany("INSERT INTO lists VALUES (?, ?)", lists).rowcount
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        return max(count, 0)

    def get(self, id_: str) -> str | None:
        """The list of an id."""
        with self._turn():
            row = self._connection.execute("SELECT content FROM lists WHERE id = ?", (id_,)).fetchone()
        return None if row is None else str(row[0])

    def forget(self, id_: str) -> None:
        """Remove the list of an id, from the file's journal too.

        Raises:
            StoreError: also where another process reads the file and so keeps the journal.
        """
        with self._turn():
            self._connection.execute("DELETE FROM lists WHERE id = ?", (id_,))
            empty_log(self._connection, self._path)

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._connection.close()

    def _check_own(self) -> None:
        if self._connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'events'").fetchone():
            raise StoreError(
                f"lists in {self._path}: the file holds a store, which would take no event while lists are written; "
                "give them a file of their own"
            )

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """One call at a time. Another file that was put in this one's place has other lists, and knows nobody who is
        forgotten here."""
        with self._lock, self._explained():
            check_in_place(self._inodes)
            yield

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(f"lists in {self._path}: {error}; check that the file can be written") from error
