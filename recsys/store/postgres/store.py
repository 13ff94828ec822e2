"""The store in PostgreSQL, for several servers on several machines: the tables of the schema `recsys`.

Writers take turns under one lock until they have committed, so that offsets become visible in their order: a reader
that has seen one has seen all before it. Each call is one transaction, and each append one statement.
"""

from collections.abc import Collection, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from recsys.data.events.event import EVENT_COLUMNS, Event, event_row
from recsys.data.items.item_changes import ItemChange
from recsys.data.requests.served_list import ServedList
from recsys.data.users.forget import Forgotten, user_digest
from recsys.errors import StoreError
from recsys.store.event_log import AppendResult
from recsys.store.postgres.connections import Connections
from recsys.store.postgres.schema import MIGRATIONS
from recsys.store.served_list_store import LIST_COLUMNS, list_of, not_forgotten, oldest_kept, row_of

if TYPE_CHECKING:
    from psycopg import Connection

_TURN = "SELECT pg_advisory_xact_lock(491249529977)"
"""Writers of one database, one at a time, until the end of the transaction."""

_WHILE_NOBODY_IS_FORGOTTEN = "SELECT pg_advisory_xact_lock_shared(491249529979)"
_FORGETTING = "SELECT pg_advisory_xact_lock(491249529979)"
"""Who keeps lists and who forgets a user wait for each other: no list is kept of one who is being forgotten."""

_TYPES = {"timestamp": "bigint", "position": "integer", "propensity": "float8", "value": "float8"}
_COLUMNS = ", ".join(EVENT_COLUMNS)
_ARRAYS = ", ".join(f"%s::{_TYPES.get(name, 'text')}[]" for name in EVENT_COLUMNS)

_APPEND = f"""INSERT INTO recsys.events ({_COLUMNS})
SELECT {_COLUMNS} FROM unnest({_ARRAYS}) WITH ORDINALITY AS posted ({_COLUMNS}, place) ORDER BY place
ON CONFLICT (event_id) DO NOTHING RETURNING event_id"""

_LAST_GIVEN = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM recsys.{}_offset_seq"
_SCHEMA_VERSION = "SELECT coalesce(max(version), 0) FROM recsys.schema_version"
_RESERVE = "SELECT setval('recsys.{}_offset_seq', %s)"

_PUT_ITEMS = """INSERT INTO recsys.items (item_id, content)
SELECT item_id, content FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS put (item_id, content, place)
ORDER BY place
ON CONFLICT (item_id) DO UPDATE SET content = excluded.content, "offset" = excluded."offset" """

_LIST_TYPES = ("text", "text", "bigint", "text", "text", "integer", "text", "text", "integer")
_KEEP_LISTS = f"""INSERT INTO recsys.answered_lists ({LIST_COLUMNS})
SELECT * FROM unnest({", ".join(f"%s::{kind}[]" for kind in _LIST_TYPES)}) ON CONFLICT DO NOTHING"""

_ESCAPE = "\ufdd0"
"""PostgreSQL's text cannot hold NUL, ids can: it is written as this noncharacter and 0, the noncharacter with a 1."""


class PostgresStore:
    """A `Store` in one PostgreSQL database. The URL is libpq's: `postgresql://[user[:password]@]host[:port]/database`.

    Raises:
        ConfigError: psycopg is not installed.
        StoreError: the server cannot be reached, would lose acknowledged events in a crash, or has a newer schema.
    """

    def __init__(self, url: str) -> None:
        self._connections = Connections(url)
        try:
            with self._connections.one() as connection:
                _check_settings(self._connections.address, connection)
                self._migrate(connection)
                self._identity = str(_one(connection, "SELECT identity FROM recsys.log"))
        except BaseException:
            self._connections.close()
            raise

    @staticmethod
    def is_made(url: str) -> bool:
        """Whether the tables are there; makes none. Raises as opening it, unless what is wrong is in the tables."""
        with closing(Connections(url)) as connections, connections.one() as connection:
            _check_settings(connections.address, connection)
            return _is_made(connection)

    @staticmethod
    def would_upgrade(url: str) -> bool:
        """Whether opening it would change its tables, which are of an earlier release; changes nothing itself."""
        with closing(Connections(url)) as connections, connections.one() as connection:
            return _is_made(connection) and int(_one(connection, _SCHEMA_VERSION)) < len(MIGRATIONS)

    @property
    def identity(self) -> str:
        """A name made with the tables."""
        return self._identity

    def append(self, events: Sequence[Event]) -> AppendResult:
        """Add events in one transaction that is on the server's disk when this returns."""
        if not events:
            return AppendResult(())
        columns = [[_stored(cell) for cell in column] for column in zip(*map(event_row, events), strict=True)]
        with self._connections.one() as connection, connection.pipeline(), connection.transaction():
            connection.execute(_TURN)
            added = connection.execute(_APPEND, columns)  # read when it is over: one round trip for all of this
        first = {event.event_id: index for index, event in reversed([*enumerate(events)])}
        new = {first[_read(id_)] for (id_,) in added}
        return AppendResult(tuple(index in new for index in range(len(events))))

    def read(self, after: int = 0, limit: int = 10_000) -> list[tuple[int, Event]]:
        """Events above an offset, in order."""
        statement = f'SELECT "offset", {_COLUMNS} FROM recsys.events WHERE "offset" > %s ORDER BY "offset" LIMIT %s'
        with self._connections.one() as connection:
            rows = connection.execute(statement, (after, limit)).fetchall()
            if after and not rows:
                _reserve(connection, "events", after)
        return [(offset, Event(*map(_read, cells))) for offset, *cells in rows]

    def last_offset(self) -> int:
        """The newest offset, 0 for an empty log."""
        with self._connections.one() as connection:
            return int(_one(connection, 'SELECT coalesce(max("offset"), 0) FROM recsys.events'))

    def reserve(self, offset: int) -> None:
        """Give no offset up to this one any more."""
        with self._connections.one() as connection:
            _reserve(connection, "events", offset)

    def put_items(self, changes: Sequence[ItemChange]) -> None:
        """Keep changes in one transaction; each takes the place of the item's earlier one, with a new offset."""
        newest = {change.item_id: change.content for change in changes}
        ids, contents = [_stored(id_) for id_ in newest], [_stored(content) for content in newest.values()]
        with self._connections.one() as connection, connection.transaction():
            connection.execute(_TURN)
            connection.execute(_PUT_ITEMS, (ids, contents))

    def read_items(self, after: int = 0, limit: int = 10_000) -> list[tuple[int, ItemChange]]:
        """Changes of items above an offset, in order."""
        statement = 'SELECT "offset", item_id, content FROM recsys.items WHERE "offset" > %s ORDER BY "offset" LIMIT %s'
        with self._connections.one() as connection:
            rows = connection.execute(statement, (after, limit)).fetchall()
            if after and not rows:
                _reserve(connection, "items", after)
        return [(offset, ItemChange(*map(_read, cells))) for offset, *cells in rows]

    def events_of(self, user_id: str, limit: int = 1_000) -> list[Event]:
        """The newest events of a user, oldest first."""
        statement = f'SELECT {_COLUMNS} FROM recsys.events WHERE user_id = %s ORDER BY "offset" DESC LIMIT %s'
        with self._connections.one() as connection:
            rows = connection.execute(statement, (_stored(user_id), limit)).fetchall()
        return [Event(*map(_read, cells)) for cells in reversed(rows)]

    def count_of(self, user_id: str) -> int:
        """How many events of a user are stored."""
        with self._connections.one() as connection:
            return int(_one(connection, "SELECT count(*) FROM recsys.events WHERE user_id = %s", _stored(user_id)))

    def keep_lists(self, lists: Sequence[ServedList], seconds: int) -> None:
        """Keep lists in one transaction, which drops those that are too old."""
        with self._connections.one() as connection, connection.transaction():
            connection.execute(_WHILE_NOBODY_IS_FORGOTTEN)
            kept = not_forgotten(lists, _forgotten(connection, min((one.known for one in lists), default=0)))
            if kept:
                columns = [[_stored(cell) for cell in column] for column in zip(*map(row_of, kept), strict=True)]
                connection.execute(_KEEP_LISTS, columns)
            connection.execute("DELETE FROM recsys.answered_lists WHERE timestamp < %s", (oldest_kept(seconds),))

    def lists(self, request_ids: Collection[str]) -> dict[str, ServedList]:
        """The lists that were shown under these requests."""
        statement = f"SELECT {LIST_COLUMNS} FROM recsys.answered_lists WHERE shown = 1 AND request_id = ANY(%s::text[])"
        with self._connections.one() as connection:
            rows = connection.execute(statement.encode(), ([_stored(id_) for id_ in request_ids],)).fetchall()
        found = [list_of([*map(_read, row)]) for row in rows]
        return {one.request_id: one for one in found}

    def lists_of(self, user_id: str, limit: int = 1_000) -> list[ServedList]:
        """The newest lists of a user, oldest first."""
        statement = (
            f"SELECT {LIST_COLUMNS} FROM recsys.answered_lists WHERE user_id = %s ORDER BY timestamp DESC LIMIT %s"
        )
        with self._connections.one() as connection:
            rows = connection.execute(statement.encode(), (_stored(user_id), limit)).fetchall()
        return [list_of([*map(_read, row)]) for row in reversed(rows)]

    def forget(self, user_id: str) -> int:
        """Remove a user's events and lists, and leave a mark with the next offset.

        They stay in PostgreSQL's files until its next vacuum, and in its write-ahead log and backups until these are
        recycled.
        """
        with self._connections.one() as connection, connection.transaction():
            connection.execute(_TURN)
            connection.execute(_FORGETTING)
            removed = connection.execute("DELETE FROM recsys.events WHERE user_id = %s", (_stored(user_id),)).rowcount
            connection.execute("DELETE FROM recsys.answered_lists WHERE user_id = %s", (_stored(user_id),))
            connection.execute(
                "INSERT INTO recsys.forgotten VALUES (nextval(pg_get_serial_sequence('recsys.events', 'offset')), %s)",
                (user_digest(user_id),),
            )
        return removed

    def read_forgotten(self, after: int = 0) -> list[tuple[int, Forgotten]]:
        """Marks of forgotten users above an offset, in order."""
        with self._connections.one() as connection:
            return _forgotten(connection, after)

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()

    def _migrate(self, connection: "Connection") -> None:
        """Bring the tables to the newest schema in one transaction; other servers wait for it, or have done it."""
        newest = len(MIGRATIONS)
        with connection.transaction():
            connection.execute(_TURN)
            if not _is_made(connection):  # else no right is needed
                connection.execute("CREATE SCHEMA IF NOT EXISTS recsys")
                connection.execute("CREATE TABLE recsys.schema_version (version integer NOT NULL)")
            version = int(_one(connection, _SCHEMA_VERSION))
            if version > newest:
                raise StoreError(
                    f"store {self._connections.address} has schema version {version}, this recsys knows up to "
                    f"{newest}; install the newer recsys that wrote it"
                )
            for step in range(version, newest):
                for statement in MIGRATIONS[step]:
                    connection.execute(statement.encode())
                connection.execute("INSERT INTO recsys.schema_version VALUES (%s)", (step + 1,))


def _is_made(connection: "Connection") -> bool:
    return _one(connection, "SELECT to_regclass('recsys.schema_version')") is not None


def _check_settings(address: str, connection: "Connection") -> None:
    """Refuse a database that cannot hold every id or cannot be written, and a server that acknowledges what it may
    still lose: this connection can set `synchronous_commit`, but not fsync."""
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise StoreError(
            f"store {address} is encoded in {encoding}, which cannot hold every id; make the "
            "database with CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0"
        )
    if _one(connection, "SHOW transaction_read_only") != "off":
        raise StoreError(f"store {address} can only be read; name the server that can be written")
    if _one(connection, "SHOW fsync") != "on":
        raise StoreError(f"store {address} may forget acknowledged events in a crash: set fsync = on there")


def _forgotten(connection: "Connection", after: int) -> list[tuple[int, Forgotten]]:
    statement = 'SELECT "offset", user_digest FROM recsys.forgotten WHERE "offset" > %s ORDER BY "offset"'
    rows = connection.execute(statement, (after,)).fetchall()
    return [(offset, Forgotten(digest)) for offset, digest in rows]


def _reserve(connection: "Connection", table: str, offset: int) -> None:
    """Give no offset up to one that a reader knows: the database may have been restored from an older backup."""
    last_given = _LAST_GIVEN.format(table)
    if _one(connection, last_given) < offset:
        with connection.transaction():
            connection.execute(_TURN)
            if _one(connection, last_given) < offset:  # another may have been first
                connection.execute(_RESERVE.format(table).encode(), (offset,))


def _one(connection: "Connection", statement: str, *arguments: object) -> Any:
    """The one cell of an answer."""
    row = connection.execute(statement.encode(), arguments).fetchone()
    assert row is not None
    return row[0]


def _stored(cell: Any) -> Any:
    """A cell as PostgreSQL can hold it."""
    if isinstance(cell, str) and ("\0" in cell or _ESCAPE in cell):
        return cell.replace(_ESCAPE, f"{_ESCAPE}1").replace("\0", f"{_ESCAPE}0")
    return cell


def _read(cell: Any) -> Any:
    """A cell as it was stored."""
    if isinstance(cell, str) and _ESCAPE in cell:
        return cell.replace(f"{_ESCAPE}0", "\0").replace(f"{_ESCAPE}1", _ESCAPE)
    return cell
