"""A connection to one SQLite file that threads use in turn, and that says what is wrong with the file."""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from recsys.errors import StoreError
from recsys.store.circuit_breaker import CircuitBreaker
from recsys.store.sqlite.wal import check_in_place, inode_of, switch_to_wal, truncate_wal, wal_path

BUSY_SECONDS = 5.0
"""How long a call waits for another process that writes, or for other threads."""

_OWN_TABLES = frozenset({"events", "lists"})
"""Tables by which a store, a file of lists and the file of another program are distinguished. A store and lists never
share a file: while lists are replaced, nobody else can write to it."""

_BUSY_REMEDY = "another process holds it, such as a backup; end it, or try again later"


class _BusyError(StoreError):
    """Another process holds the file."""


class SqliteConnection:
    """Changes go through a write-ahead log, and what is removed is overwritten.

    Args:
        path: of the file, which is made where there is none.
        name: what is in it, in messages, before the path: "store", "lists in".
        table: the one of `_OWN_TABLES` that such a file has; a file of something else stays as it is.
        remedy: what to check where SQLite refuses.

    Raises:
        StoreError: the file cannot be opened, is no SQLite file, or holds something else.
    """

    def __init__(self, path: Path, name: str, table: str, remedy: str) -> None:
        self.path = path
        self._name, self._remedy = f"{name} {path}", remedy
        self._lock = threading.Lock()
        self._write_breaker = CircuitBreaker(self._name, _BUSY_REMEDY, _BusyError)  # it may be read meanwhile
        with self.store_errors():
            self._connection = sqlite3.connect(
                path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
        try:
            with self.store_errors():
                self._check_own(table)
                switch_to_wal(self._connection, BUSY_SECONDS)
                self._connection.execute("PRAGMA secure_delete = ON")  # who is forgotten is overwritten
                self._inodes = {path: inode_of(path)}
        except BaseException:
            self._connection.close()
            raise

    def _check_own(self, table: str) -> None:
        names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
        there = [name for (name,) in self._connection.execute(names)]
        if there and _OWN_TABLES.intersection(there) != {table}:
            raise StoreError(
                f"{self._name}: the file holds something else (tables: {', '.join(there)[:200]}), and is left as it "
                "is; name another file, or one that is not there yet"
            )

    def execute(self, statement: str, cells: Sequence[Any] = ()) -> sqlite3.Cursor:
        """One statement, within `exclusive`."""
        return self._connection.execute(statement, cells)

    def executemany(self, statement: str, rows: Iterable[Sequence[Any]]) -> sqlite3.Cursor:
        """One statement for each row, within `exclusive`."""
        return self._connection.executemany(statement, rows)

    def watch_wal(self) -> None:
        """Have `check_in_place` look at the log as well: once written to, it stays while this connection is open."""
        self._inodes[wal_path(self.path)] = inode_of(wal_path(self.path))

    def check_in_place(self) -> None:
        """Check that the file still has its name. Raises StoreError."""
        check_in_place(self._inodes)

    def truncate_wal(self) -> None:
        """Overwrite the log, within `exclusive`, so that what was removed is gone.

        Raises:
            StoreError: another process is in the middle of reading the file, and needs the log.
        """
        truncate_wal(self._connection, self.path)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """One call at a time. A caller that has waited as long as one may wait for another process gets an error, so
        that waiting does not add up.

        Raises:
            StoreError: that, or SQLite refuses.
        """
        if not self._lock.acquire(timeout=BUSY_SECONDS):
            raise StoreError(f"{self._name}: another process holds it, and others wait; try again in a moment")
        try:
            with self.store_errors():
                yield
        finally:
            self._lock.release()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or none, within `exclusive`. IMMEDIATE takes the write lock at the start, where it may be waited for."""
        with self._write_breaker.guard(), self.store_errors():
            self._connection.execute("BEGIN IMMEDIATE")
        try:
            self.check_in_place()
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:  # SQLite has rolled back by itself after some errors
                self._connection.execute("ROLLBACK")
            raise

    @contextmanager
    def store_errors(self) -> Iterator[None]:
        """Raise what SQLite says as a `StoreError`."""
        try:
            yield
        except sqlite3.Error as error:
            # extended codes have the plain one in their last byte; errors of Python's own have none
            busy = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
            if busy:
                raise _BusyError(f"{self._name}: {error}; {_BUSY_REMEDY}") from error
            raise StoreError(f"{self._name}: {error}; {self._remedy}") from error

    def close(self) -> None:
        """Close it when nobody uses it."""
        with self._lock:
            self._connection.close()
