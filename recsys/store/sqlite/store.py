"""The store in one SQLite file: write-ahead log, every change synced to disk before it returns.

Several threads and several processes of one machine may use the same file. See https://sqlite.org/wal.html.
"""

import json
import os
import sqlite3
from collections.abc import Collection, Sequence
from contextlib import closing
from pathlib import Path

from recsys.data.events.event import EVENT_COLUMNS, Event, event_row
from recsys.data.items.item_changes import ItemChange
from recsys.data.requests.served_list import ServedList
from recsys.data.users.forget import Forgotten, user_digest
from recsys.errors import StoreError
from recsys.store.event_log import AppendResult
from recsys.store.served_list_store import LIST_COLUMNS, list_of, not_forgotten, oldest_kept, row_of
from recsys.store.sqlite.connection import BUSY_SECONDS, SqliteConnection
from recsys.store.sqlite.schema import MIGRATIONS

_REMEDY = "check that the file is a recsys store, that it can be written and that the disk has room"

_COLUMNS = ", ".join(EVENT_COLUMNS)
_PLACES = ", ".join("?" for _ in EVENT_COLUMNS)


class SqliteStore:
    """Events, items, users and answered lists in one file.

    Raises:
        StoreError: the file cannot be opened or written, holds something else, or was written by a newer schema.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        if not os.path.isdir(path.parent):  # Path's own raises where a folder may not be entered
            raise StoreError(f"store {path}: the folder {path.parent} does not exist; create it first")
        self._connection = SqliteConnection(path, "store", "events", _REMEDY)
        try:
            with self._connection.exclusive():
                self._connection.execute("PRAGMA synchronous = FULL")
                self._migrate()
                self._connection.execute("UPDATE log SET identity = identity")  # fails where it can only be read
                (self._identity,) = self._connection.execute("SELECT identity FROM log").fetchone()
                self._connection.watch_wal()
        except BaseException:
            self._connection.close()
            raise

    @staticmethod
    def would_upgrade(path: Path) -> bool:
        """Whether opening a file would change its tables, which are of an earlier release; changes nothing itself.

        Raises:
            StoreError: the file cannot be read, or is no SQLite file.
        """
        try:
            with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as connection:
                (version,) = connection.execute("PRAGMA user_version").fetchone()
        except sqlite3.Error as error:
            raise StoreError(f"store {path}: {error}; {_REMEDY}") from error
        return 0 < int(version) < len(MIGRATIONS)

    @property
    def identity(self) -> str:
        """A name made with the file."""
        return str(self._identity)

    def append(self, events: Sequence[Event]) -> AppendResult:
        """Add events in one transaction that is on disk when this returns."""
        rows = [event_row(event) for event in events]
        statement = f"INSERT INTO events ({_COLUMNS}) VALUES ({_PLACES}) ON CONFLICT (event_id) DO NOTHING"
        with self._connection.exclusive(), self._connection.transaction():
            return AppendResult(tuple(self._connection.execute(statement, row).rowcount == 1 for row in rows))

    def read(self, after: int = 0, limit: int = 10_000) -> list[tuple[int, Event]]:
        """Events above an offset, in order."""
        statement = f'SELECT "offset", {_COLUMNS} FROM events WHERE "offset" > ? ORDER BY "offset" LIMIT ?'
        with self._connection.exclusive():
            self._connection.check_in_place()
            rows = self._connection.execute(statement, (after, limit)).fetchall()
            self._reserve("events", after)
        return [(offset, Event(*columns)) for offset, *columns in rows]

    def last_offset(self) -> int:
        """The newest offset, 0 for an empty log."""
        with self._connection.exclusive():
            (offset,) = self._connection.execute('SELECT coalesce(max("offset"), 0) FROM events').fetchone()
        return int(offset)

    def reserve(self, offset: int) -> None:
        """Give no offset up to this one any more."""
        with self._connection.exclusive():
            self._reserve("events", offset)

    def put_items(self, changes: Sequence[ItemChange]) -> None:
        """Keep changes in one transaction; each takes the place of the item's earlier one, with a new offset."""
        rows = [(change.item_id, change.content) for change in changes]
        with self._connection.exclusive(), self._connection.transaction():
            self._connection.executemany("INSERT INTO items (item_id, content) VALUES (?, ?)", rows)

    def read_items(self, after: int = 0, limit: int = 10_000) -> list[tuple[int, ItemChange]]:
        """Changes of items above an offset, in order."""
        statement = 'SELECT "offset", item_id, content FROM items WHERE "offset" > ? ORDER BY "offset" LIMIT ?'
        with self._connection.exclusive():
            self._connection.check_in_place()
            rows = self._connection.execute(statement, (after, limit)).fetchall()
            self._reserve("items", after)
        return [(offset, ItemChange(item_id, content)) for offset, item_id, content in rows]

    def events_of(self, user_id: str, limit: int = 1_000) -> list[Event]:
        """The newest events of a user, oldest first."""
        statement = f'SELECT {_COLUMNS} FROM events WHERE user_id = ? ORDER BY "offset" DESC LIMIT ?'
        with self._connection.exclusive():
            rows = self._connection.execute(statement, (user_id, limit)).fetchall()
        return [Event(*columns) for columns in reversed(rows)]

    def count_of(self, user_id: str) -> int:
        """How many events of a user are stored."""
        with self._connection.exclusive():
            (count,) = self._connection.execute("SELECT count(*) FROM events WHERE user_id = ?", (user_id,)).fetchone()
        return int(count)

    def keep_lists(self, lists: Sequence[ServedList], seconds: int) -> None:
        """Keep lists in one transaction, which drops those that are too old."""
        places = ", ".join("?" * len(LIST_COLUMNS.split(",")))
        with self._connection.exclusive(), self._connection.transaction():
            kept = not_forgotten(lists, self._forgotten(min((one.known for one in lists), default=0)))
            statement = f"INSERT INTO answered_lists ({LIST_COLUMNS}) VALUES ({places})"
            self._connection.executemany(statement, [row_of(one) for one in kept])
            self._connection.execute("DELETE FROM answered_lists WHERE timestamp < ?", (oldest_kept(seconds),))

    def lists(self, request_ids: Collection[str]) -> dict[str, ServedList]:
        """The lists that were shown under these requests."""
        wanted = "request_id IN (SELECT value FROM json_each(?))"
        statement = f"SELECT {LIST_COLUMNS} FROM answered_lists WHERE shown = 1 AND {wanted}"
        with self._connection.exclusive():
            rows = self._connection.execute(statement, (json.dumps(list(request_ids)),)).fetchall()
        return {row[0]: list_of(row) for row in rows}

    def lists_of(self, user_id: str, limit: int = 1_000) -> list[ServedList]:
        """The newest lists of a user, oldest first."""
        statement = f"SELECT {LIST_COLUMNS} FROM answered_lists WHERE user_id = ? ORDER BY timestamp DESC LIMIT ?"
        with self._connection.exclusive():
            rows = self._connection.execute(statement, (user_id, limit)).fetchall()
        return [list_of(row) for row in reversed(rows)]

    def forget(self, user_id: str) -> int:
        """Overwrite a user's events and lists, in the write-ahead log too, and leave a mark with the next offset.

        Raises:
            StoreError: also if another process is reading the file, so that the log cannot be emptied; everything else
                is done then.
        """
        run = self._connection.execute
        with self._connection.exclusive():
            with self._connection.transaction():
                removed = run("DELETE FROM events WHERE user_id = ?", (user_id,)).rowcount
                run("DELETE FROM answered_lists WHERE user_id = ?", (user_id,))
                mark = self._last_given("events") + 1
                self._set_last_offset("events", mark)
                run("INSERT INTO forgotten VALUES (?, ?)", (mark, user_digest(user_id)))
            self._connection.truncate_wal()
        return removed

    def read_forgotten(self, after: int = 0) -> list[tuple[int, Forgotten]]:
        """Marks of forgotten users above an offset, in order."""
        with self._connection.exclusive():
            return self._forgotten(after)

    def check(self) -> None:
        """Read every page of the file.

        Raises:
            StoreError: one is damaged, or the file is cut off.
        """
        with self._connection.exclusive():
            (found,) = self._connection.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            what = found.splitlines()[-1]
            raise StoreError(
                f"store {self._path} is damaged ({what}); put a backup back, or save what `.recover` finds"
            )

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _last_given(self, table: str) -> int:
        """The newest offset that a table ever had; marks share the offsets of events."""
        found = self._connection.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
        return 0 if found is None else int(found[0])

    def _reserve(self, table: str, offset: int) -> None:
        """Give no offset up to one that a reader knows: the file may have been restored from an older backup."""
        if self._last_given(table) < offset:
            with self._connection.transaction():
                self._set_last_offset(table, max(offset, self._last_given(table)))

    def _set_last_offset(self, table: str, offset: int) -> None:
        """Have the next row get the offset after this one."""
        run = self._connection.execute
        if not run("UPDATE sqlite_sequence SET seq = ? WHERE name = ?", (offset, table)).rowcount:
            run("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, offset))  # nothing was ever stored

    def _forgotten(self, after: int) -> list[tuple[int, Forgotten]]:
        statement = 'SELECT "offset", user_digest FROM forgotten WHERE "offset" > ? ORDER BY "offset"'
        return [(offset, Forgotten(digest)) for offset, digest in self._connection.execute(statement, (after,))]

    def _migrate(self) -> None:
        """Bring the file to the newest schema, one version at a time; another process may be doing the same."""
        while (version := self._schema_version()) < len(MIGRATIONS):
            with self._connection.transaction():
                if self._schema_version() != version:
                    continue
                for statement in MIGRATIONS[version]:
                    self._connection.execute(statement)
                self._connection.execute(f"PRAGMA user_version = {version + 1}")
        if version > len(MIGRATIONS):
            raise StoreError(
                f"store {self._path} has schema version {version}, this recsys knows up to {len(MIGRATIONS)}; "
                "install the newer recsys that wrote it"
            )

    def _schema_version(self) -> int:
        return int(self._connection.execute("PRAGMA user_version").fetchone()[0])
