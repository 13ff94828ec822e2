"""Ranked lists in PostgreSQL: the table `recsys.lists`, filled with COPY."""

from collections.abc import Iterable

import orjson

from recsys.store.postgres.connections import Connections

_COPY_SECONDS = 86_400.0


class PostgresPrecomputedLists:
    """`PrecomputedLists` in one database. The URL is libpq's.

    Raises:
        ConfigError: psycopg is not installed.
        StoreError: the server cannot be reached.
    """

    def __init__(self, url: str) -> None:
        self._connections = Connections(url)
        with self._connections.one() as connection, connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(491249529978)")  # two who create would collide
            connection.execute("CREATE SCHEMA IF NOT EXISTS recsys")
            connection.execute("CREATE TABLE IF NOT EXISTS recsys.lists (id text PRIMARY KEY, content text NOT NULL)")

    def replace(self, lists: Iterable[tuple[str, str]]) -> int:
        """A new table takes the old one's place in the transaction that fills it: readers wait for no copy."""
        with self._connections.one(_COPY_SECONDS) as connection, connection.transaction():
            connection.execute("SET LOCAL statement_timeout = 0")
            connection.execute("SELECT pg_advisory_xact_lock(491249529978)")
            connection.execute("CREATE TABLE recsys.lists_new (id text NOT NULL, content text NOT NULL)")
            with connection.cursor() as cursor:
                with cursor.copy("COPY recsys.lists_new (id, content) FROM STDIN") as copy:
                    for id_, content in lists:
                        copy.write_row((_key(id_), content))
                count = cursor.rowcount
            connection.execute("ALTER TABLE recsys.lists_new ADD PRIMARY KEY (id)")
            connection.execute("DROP TABLE recsys.lists")
            connection.execute("ALTER TABLE recsys.lists_new RENAME TO lists")
            connection.execute("ALTER INDEX recsys.lists_new_pkey RENAME TO lists_pkey")
        return count

    def get(self, id_: str) -> str | None:
        """The list of an id."""
        with self._connections.one() as connection:
            row = connection.execute("SELECT content FROM recsys.lists WHERE id = %s", (_key(id_),)).fetchone()
        return None if row is None else str(row[0])

    def forget(self, id_: str) -> None:
        """Remove the list of an id."""
        with self._connections.one() as connection:
            connection.execute("DELETE FROM recsys.lists WHERE id = %s", (_key(id_),))

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()


def _key(id_: str) -> str:
    """The id as it is, but for what JSON escapes: PostgreSQL's text cannot hold NUL."""
    return orjson.dumps(id_).decode()[1:-1]
