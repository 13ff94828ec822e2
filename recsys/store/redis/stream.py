"""Events from a Redis stream, as one reader of a consumer group.

https://redis.io/docs/latest/develop/data-types/streams/#consumer-groups. An entry is either one field `json` with an
object, or the columns of an event as fields.
"""

import socket
from collections.abc import Sequence

from recsys.counts import counted
from recsys.data.events.event_messages import Message
from recsys.errors import ConfigError
from recsys.progress import Progress
from recsys.store.redis.connections import CALL_SECONDS, RedisConnections

_PAGE = 1_000
_IDLE_MILLISECONDS = 60_000
"""An entry that its reader has not acknowledged for this time is taken over: that reader is gone."""

StreamEntry = tuple[bytes, dict[bytes, bytes] | None]
"""Its id and its fields: none where it was trimmed from the stream since the group was given it."""


class RedisStream:
    """A `Stream`. The URL is that of redis-py with `stream=NAME` and perhaps `group=NAME`, `consumer=NAME`.

    Args:
        url: where it is.
        progress: called if entries were trimmed away.

    Raises:
        ConfigError: redis-py is not installed, or the URL names no stream, or no database.
        StoreError: Redis cannot be reached.
    """

    def __init__(self, url: str, progress: Progress) -> None:
        self._redis = RedisConnections(url, "stream", own=("stream", "group", "consumer"))
        parameters = self._redis.parameters
        if "stream" not in parameters:
            raise ConfigError(f"{self._redis.name}: name the stream: ?stream=NAME")
        self._stream = parameters["stream"]
        self._group = parameters.get("group", "recsys")
        self._consumer = parameters.get("consumer", socket.gethostname())
        self._progress = progress
        self._client = self._redis.client
        # First what this reader was given before it died, then what dead readers hold, then what is new.
        self._own: str | None = "0"
        with self._redis.store_errors():
            try:
                self._client.xgroup_create(self._stream, self._group, id="0", mkstream=True)
            except self._redis.error as error:
                if "BUSYGROUP" not in str(error):
                    raise

    def read(self, seconds: float) -> list[Message]:
        """The next entries. Those that were trimmed before they were acknowledged are acknowledged and reported."""
        lost = 0
        with self._redis.store_errors():
            while True:
                entries, gone = self._next(seconds)
                kept = [_message(self._stream, key, fields) for key, fields in entries if fields]
                trimmed = [key for key, fields in entries if not fields]
                if trimmed:  # else they would be delivered again for ever
                    self._client.xack(self._stream, self._group, *trimmed)
                lost += gone + len(trimmed)
                if kept or not (gone or trimmed):
                    break
        if lost:
            gone_entries = counted(lost, "entry is gone: it was", "entries are gone: they were")
            self._progress(f"{gone_entries} trimmed from the stream before being acknowledged")
        return kept

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Take them off the group's list of what is pending."""
        if messages:
            with self._redis.store_errors():
                keys = [message.place.rpartition("/")[2] for message in messages]
                self._client.xack(self._stream, self._group, *keys)

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def _next(self, seconds: float) -> tuple[list[StreamEntry], int]:
        """Entries, and how many more there were that Redis itself has let go."""
        if entries := self._pending():
            return entries, 0
        entries, gone = self._left_behind()
        if entries or gone:
            return entries, gone
        return self._read(">", max(1, round(1_000 * min(seconds, CALL_SECONDS / 2)))), 0

    def _pending(self) -> list[StreamEntry]:
        if self._own is None:
            return []
        entries = self._read(self._own, None)
        self._own = entries[-1][0].decode() if entries else None
        return entries

    def _left_behind(self) -> tuple[list[StreamEntry], int]:
        claimed = self._client.xautoclaim(
            self._stream, self._group, self._consumer, min_idle_time=_IDLE_MILLISECONDS, count=_PAGE
        )
        return list(claimed[1]), sum(len(gone) for gone in claimed[2:])  # the latter from Redis 7 on

    def _read(self, after: str, milliseconds: int | None) -> list[StreamEntry]:
        found = self._client.xreadgroup(
            self._group, self._consumer, {self._stream: after}, count=_PAGE, block=milliseconds
        )
        if isinstance(found, dict):  # RESP3
            return [entry for pages in found.values() for page in pages for entry in page]
        return list(found[0][1]) if found else []


def _message(stream: str, key: bytes, fields: dict[bytes, bytes]) -> Message:
    text = key.decode()
    time = int(text.partition("-")[0]) * 1_000
    place = f"redis/{stream}/{text}"
    if b"json" in fields:
        return Message(place, fields[b"json"], time)
    return Message(
        place,
        {name.decode("utf-8", "replace"): value.decode("utf-8", "replace") for name, value in fields.items()},
        time,
    )
