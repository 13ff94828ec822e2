"""Events, items, users and answered lists in one Redis database, for several servers on several machines.

The log is a Redis stream (https://redis.io/docs/latest/develop/data-types/streams/). Every call is one round trip.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import uuid4

from recsys.data.events.event import Event, event_row
from recsys.data.items.item_changes import ItemChange
from recsys.data.requests.served_list import ServedList
from recsys.data.users.forget import Forgotten, user_digest
from recsys.errors import ConfigError, StoreError
from recsys.store.event_log import AppendResult
from recsys.store.redis.connections import RedisConnections
from recsys.store.redis.scripts import (
    APPEND,
    EVENTS_OF,
    FORGET,
    KEEP_LISTS,
    LISTS_OF,
    PUT_ITEMS,
    READ,
    READ_ITEMS,
    RESERVE,
)
from recsys.store.served_list_store import list_of, row_of

REMEMBER_DAYS = 30
"""How long an event_id is remembered by default: a repeated one counts once within that time."""

_GAP = 1_000_000
"""Offsets that a Redis which may lose its end passes over after a restart: more than it gives between two readings."""

_REQUIRED = ("event_id", "user_id", "item_id", "event", "timestamp")


class RedisStore:
    """A `Store` in one Redis database, under keys that begin with `recsys:`.

    The URL is that of redis-py, `redis://[[user]:password@]host:port/db`, with two parameters of ours: `durable=no`
    accepts a Redis that may forget acknowledged events when it crashes, `remember_days=N` (default 30) says how long
    the ids of events are kept.

    Raises:
        ConfigError: redis-py is not installed, or a parameter of the URL is wrong.
        StoreError: Redis cannot be reached, or would lose events in a crash.
    """

    def __init__(self, url: str) -> None:
        self._redis = RedisConnections(
            url,
            "store",
            own=("durable", "remember_days"),
            remedy="check that Redis runs there, lets this user in and has memory left",
            greet=self._connected,
        )
        days = self._redis.parameters.get("remember_days", str(REMEMBER_DAYS))
        if not days.isdecimal() or int(days) < 1:
            raise ConfigError(f"{self._redis.name}: remember_days={days}: give a whole number of days from 1")
        durable = self._redis.parameters.get("durable", "yes")
        if durable not in ("yes", "no"):
            raise ConfigError(f"{self._redis.name}: durable={durable}: write yes (the default) or no")
        self._remember_seconds = int(days) * 86_400
        self._gap = _GAP if durable == "no" else 0
        self._client = self._redis.client
        try:
            with self._redis.store_errors():
                scripts = (APPEND, EVENTS_OF, FORGET, KEEP_LISTS, LISTS_OF, PUT_ITEMS, READ, READ_ITEMS, RESERVE)
                self._scripts = {script: self._client.register_script(script) for script in scripts}
                self._client.set("recsys:identity", uuid4().hex, nx=True)
                self._identity = str(self._client.get("recsys:identity"), "ascii")
        except BaseException:
            self._redis.close()
            raise

    @property
    def identity(self) -> str:
        """A name that is made with the log; it changes after a `read` that found the log emptied."""
        return self._identity

    def append(self, events: Sequence[Event]) -> AppendResult:
        """Add events with one script, synced to Redis' disk before it answers."""
        arguments: list[Any] = [self._remember_seconds, self._gap]
        for event in events:
            if any(getattr(event, name) is None for name in _REQUIRED):
                raise StoreError(f"{self._redis.name}: an event lacks one of {', '.join(_REQUIRED)}; none added")
            arguments += (event.event_id, event.user_id, json.dumps(event_row(event)))
        return AppendResult(tuple(map(bool, self._run(APPEND, arguments) if events else ())))

    def read(self, after: int = 0, limit: int = 10_000) -> list[tuple[int, Event]]:
        """Events above an offset, in order."""
        identity, entries = self._run(READ, (after, limit, self._identity, uuid4().hex))
        self._identity = str(identity, "ascii")
        return [(_offset(offset), Event(*json.loads(row))) for offset, (_, row) in entries]

    def last_offset(self) -> int:
        """The newest offset, 0 for an empty log."""
        with self._redis.store_errors():
            newest = self._client.xrevrange("recsys:events", count=1)
        return _offset(newest[0][0]) if newest else 0

    def reserve(self, offset: int) -> None:
        """Give no offset up to this one any more."""
        self._run(RESERVE, [offset])

    def put_items(self, changes: Sequence[ItemChange]) -> None:
        """Keep changes; each takes the place of the item's earlier one, with a new offset."""
        arguments: list[Any] = [self._gap]
        for change in changes:
            if change.item_id is None:
                raise StoreError(f"{self._redis.name}: a change without an item_id; none was kept")
            arguments += (change.item_id, json.dumps(change.content))
        if changes:
            self._run(PUT_ITEMS, arguments)

    def read_items(self, after: int = 0, limit: int = 10_000) -> list[tuple[int, ItemChange]]:
        """Changes of items above an offset, in order."""
        cells = self._run(READ_ITEMS, (after, limit))
        changes = zip(cells[::3], cells[1::3], cells[2::3], strict=True)
        return [(int(offset), ItemChange(id_.decode(), json.loads(content))) for offset, id_, content in changes]

    def events_of(self, user_id: str, limit: int = 1_000) -> list[Event]:
        """The newest events of a user, oldest first."""
        return [Event(*json.loads(row)) for row in self._run(EVENTS_OF, (user_id, limit))]

    def count_of(self, user_id: str) -> int:
        """How many events of a user are stored."""
        with self._redis.store_errors():
            return int(self._client.llen(f"recsys:user:{user_id}"))

    def keep_lists(self, lists: Sequence[ServedList], seconds: int) -> None:
        """Keep lists with one script; Redis drops each when its time is over."""
        arguments: list[Any] = [seconds]
        for served in lists:
            shown = served.request_id if served.shown else ""
            user = served.user_id or ""
            arguments += (served.request_id, served.variant, shown, user, user_digest(user), served.known)
            arguments.append(json.dumps(row_of(served)))
        if lists:
            self._run(KEEP_LISTS, arguments)

    def lists(self, request_ids: Collection[str]) -> dict[str, ServedList]:
        """The lists that were shown under these requests."""
        if not request_ids:
            return {}
        with self._redis.store_errors():
            rows = self._client.mget([f"recsys:shown:{id_}" for id_ in request_ids])
            found = self._client.mget([row for row in rows if row is not None] or ["recsys:none"])
        lists = [list_of(json.loads(row)) for row in found if row is not None]
        return {one.request_id: one for one in lists}

    def lists_of(self, user_id: str, limit: int = 1_000) -> list[ServedList]:
        """The newest lists of a user, oldest first."""
        rows = self._run(LISTS_OF, (user_id, limit))
        return [list_of(json.loads(row)) for row in rows]

    def forget(self, user_id: str) -> int:
        """Remove a user's events and lists, and leave a mark with the next offset.

        They stay in Redis' append-only file until its next rewrite (BGREWRITEAOF).
        """
        return int(self._run(FORGET, (user_id, user_digest(user_id), self._gap)))

    def read_forgotten(self, after: int = 0) -> list[tuple[int, Forgotten]]:
        """Marks of forgotten users above an offset, in order."""
        with self._redis.store_errors():
            entries = self._client.xrange("recsys:forgotten", min=f"({after}-0")
        return [(_offset(offset), Forgotten(entry[b"d"].decode())) for offset, entry in entries]

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def _connected(self, connection: Any) -> None:
        """Check a server on a new connection: it may be another one than before, or have other settings."""
        connection.on_connect()
        if self._gap:  # it may lose its end: durable=no
            return
        try:
            self._check_durable(self._settings(connection))
        except StoreError:
            connection.disconnect()  # redis-py does so after its own errors alone
            raise

    def _settings(self, connection: Any) -> dict[str, str]:
        """What says whether a server is durable. Services that run Redis for others often hide it."""
        try:
            return _settings(connection, "append*") | _settings(connection, "maxmemory*")
        except self._redis.refusal as error:
            raise StoreError(
                f"{self._redis.name} does not say whether it may forget acknowledged events in a crash ({error}): "
                "allow this user CONFIG GET, or end the URL in ?durable=no if you know that it does not, or accept it"
            ) from error

    def _check_durable(self, settings: Mapping[str, str]) -> None:
        """Refuse a Redis that acknowledges what it may still lose."""
        if settings.get("appendonly") != "yes" or settings.get("appendfsync") != "always":
            raise StoreError(
                f"{self._redis.name} may forget acknowledged events in a crash: set `appendonly yes` and "
                "`appendfsync always` in redis.conf, or end the URL in ?durable=no to accept that"
            )
        if settings.get("maxmemory", "0") != "0" and settings.get("maxmemory-policy") != "noeviction":
            raise StoreError(
                f"{self._redis.name} may forget acknowledged events when its memory is full: set "
                "`maxmemory-policy noeviction` in redis.conf, or end the URL in ?durable=no to accept that"
            )

    def _run(self, script: str, arguments: Sequence[Any]) -> Any:
        with self._redis.store_errors():
            return self._scripts[script](args=arguments)


def _settings(connection: Any, pattern: str) -> dict[str, str]:
    """Settings of a server, asked on a connection that is just being opened."""
    connection.send_command("CONFIG", "GET", pattern)
    answer: Any = connection.read_response()  # by the version of Redis' protocol a mapping, or names and values in turn
    pairs = answer.items() if isinstance(answer, dict) else zip(answer[::2], answer[1::2], strict=True)
    return {name.decode(): value.decode() for name, value in pairs}


def _offset(entry: bytes) -> int:
    """The offset of a stream's entry "n-0"."""
    return int(entry.partition(b"-")[0])
