"""The newest end of the log, shared by several servers through Redis, so that not every server has to read it from the
store.

The store stays the truth. A message holds all entries between two offsets: a server that has seen up to the first takes
the others from it; any other, and all while Redis is away, read the store.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import orjson

from recsys.data.events.event import Event, event_row
from recsys.data.users.forget import Forgotten
from recsys.store.redis.connections import RedisConnections

logger = logging.getLogger("recsys.store")

LogEntry = tuple[int, Event | Forgotten]


class TailListener(NamedTuple):
    """What is called when other servers publish something."""

    on_entries: Callable[[int, list[LogEntry]], None]
    """with an offset and all entries of the log from there to the last one"""
    on_items_changed: Callable[[], None]
    """when items have changed"""


TIMEOUT_SECONDS = 1.0
SILENT_SECONDS = 10.0
"""How long nothing is sent after a message failed: a Redis that hangs looks like one where nothing happens."""

LISTEN_SECONDS = 0.2
"""How soon a listener sees that it is to stop."""


class SharedTail:
    """Publishes to other servers what was read from the log, and receives what they have read.

    Args:
        url: `redis://[[user]:password@]host[:port]/db`; nothing is kept there.
        identity: of the log; logs that share a Redis do not receive from each other.

    Raises:
        ConfigError: redis-py is not installed, or does not know a parameter of the URL.
    """

    def __init__(self, url: str, identity: str) -> None:
        self._redis = RedisConnections(url, "sharing by", seconds=TIMEOUT_SECONDS)
        self._client = self._redis.client
        self._channel = f"recsys:tail:{identity}"
        self._stopping = threading.Event()
        self._subscribed = False
        self._logged_away = False
        self._silent_until = 0.0
        self._thread: threading.Thread | None = None

    @property
    def is_subscribed(self) -> bool:
        """Whether messages of other servers arrive now."""
        return self._subscribed

    def start(self, listener: TailListener) -> None:
        """Begin to listen, in a thread."""
        self._thread = threading.Thread(target=self._listen, args=(listener,), name="tail", daemon=True)
        self._thread.start()

    def publish(self, after: int, entries: Sequence[LogEntry]) -> None:
        """Publish all entries of the log between an offset and the last one. Where Redis is away, nothing happens."""
        rows = [(n, e.user_digest if isinstance(e, Forgotten) else event_row(e)) for n, e in entries]
        self._send({"after": after, "entries": rows})

    def publish_items_changed(self) -> None:
        """Have other servers look for changed items."""
        self._send({})

    def close(self) -> None:
        """Stop listening, and let go of the connections."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        self._redis.close()

    def _send(self, message: dict[str, Any]) -> None:
        # Redis is away, or has just kept one waiting, or nobody has been listening yet: no caller waits for it.
        if not self._subscribed or time.monotonic() < self._silent_until:
            return
        try:
            self._client.publish(self._channel, orjson.dumps(message))
        except self._redis.error as error:
            self._silent_until = time.monotonic() + SILENT_SECONDS
            logger.error("%s: other servers read the store instead: %s", self._redis.address, error)

    def _listen(self, listener: TailListener) -> None:
        while not self._stopping.is_set():
            try:
                with self._client.pubsub(ignore_subscribe_messages=True) as news:
                    news.subscribe(self._channel)
                    while not self._stopping.is_set():
                        message = news.get_message(timeout=LISTEN_SECONDS)
                        if not self._subscribed:
                            logger.info("sharing live events by %s", self._redis.address)
                        self._subscribed, self._logged_away = True, False
                        if message is not None:
                            self._receive(message["data"], listener)
            except self._redis.error as error:
                if not self._logged_away:
                    logger.error("%s is away, the store is read instead: %s", self._redis.address, error)
                self._subscribed, self._logged_away = False, True
                self._stopping.wait(LISTEN_SECONDS)

    def _receive(self, data: bytes, listener: TailListener) -> None:
        try:
            content = orjson.loads(data)
            entries = [_entry(*row) for row in content["entries"]] if content else []
        except (ValueError, TypeError, KeyError) as error:  # of a server of another release
            logger.warning("%s: a message cannot be read, so the store is: %s", self._redis.address, error)
            return
        if content:
            listener.on_entries(content["after"], entries)
        else:
            listener.on_items_changed()


def _entry(offset: int, row: str | list[Any]) -> LogEntry:
    return offset, Forgotten(row) if isinstance(row, str) else Event(*row)
