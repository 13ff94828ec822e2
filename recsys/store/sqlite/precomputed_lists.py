"""Ranked lists in one SQLite file: a table `lists` of id and content."""

from collections.abc import Iterable
from pathlib import Path

from recsys.store.sqlite.connection import SqliteConnection

_TABLE = "CREATE TABLE IF NOT EXISTS lists (id TEXT PRIMARY KEY, content TEXT NOT NULL) STRICT, WITHOUT ROWID"


class SqlitePrecomputedLists:
    """`PrecomputedLists` in a file of their own, not that of a store: while they are replaced nobody else can write to
    it.

    Calls refuse a file that was put in this one's place: it has other lists, and does not know who was forgotten.

    Raises:
        StoreError: the file cannot be opened or written, or holds something else.
    """

    def __init__(self, path: Path) -> None:
        self._connection = SqliteConnection(path, "lists in", "lists", "check that the file can be written")
        try:
            with self._connection.exclusive():
                self._connection.execute(_TABLE)
        except BaseException:
            self._connection.close()
            raise

    def replace(self, lists: Iterable[tuple[str, str]]) -> int:
        """All in one transaction: readers see the old lists until it ends."""
        with self._connection.exclusive(), self._connection.transaction():
            self._connection.execute("DELETE FROM lists")
            count = self._connection.executemany("INSERT INTO lists VALUES (?, ?)", lists).rowcount
        return max(count, 0)

    def get(self, id_: str) -> str | None:
        """The list of an id."""
        with self._connection.exclusive():
            self._connection.check_in_place()
            row = self._connection.execute("SELECT content FROM lists WHERE id = ?", (id_,)).fetchone()
        return None if row is None else str(row[0])

    def forget(self, id_: str) -> None:
        """Remove the list of an id, from the file's journal too.

        Raises:
            StoreError: also if another process is reading the file, so that the journal cannot be emptied.
        """
        with self._connection.exclusive():
            self._connection.check_in_place()
            self._connection.execute("DELETE FROM lists WHERE id = ?", (id_,))
            self._connection.truncate_wal()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
