"""Streams that events come from: what each promises, and how a URL becomes one."""

from collections.abc import Sequence
from typing import Protocol

from recsys.data.events.event_messages import Message
from recsys.errors import ConfigError
from recsys.progress import Progress, silent
from recsys.store.address import address_of


class Stream(Protocol):
    """Messages of one group of readers: each is delivered until it is acknowledged, perhaps more than once.

    All methods raise `StoreError` when the broker cannot be reached or refuses.
    """

    def read(self, seconds: float) -> list[Message]:
        """The next messages, none if none comes within the time. A reader that has just joined a group waits for that
        first."""
        ...

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Acknowledge the messages of the last `read`, which are then not delivered again."""
        ...

    def close(self) -> None:
        """Close connections. What was read and not acknowledged is delivered again, to the next reader."""
        ...


def open_stream(url: str, progress: Progress = silent) -> Stream:
    """Open the stream that a URL names.

    `redis://host:port/db?stream=NAME` (Redis Streams) or `kafka://host:port[,host:port]/TOPIC`; both take `group=NAME`
    (default `recsys`): every group gets every message, the readers of one group share them. `progress` is called
    if messages are gone.

    Raises:
        ConfigError: the URL is not one, its scheme is not known, or the library for it is not installed.
        StoreError: the broker cannot be reached.
    """
    from recsys.store.kafka_stream import KafkaStream
    from recsys.store.redis.stream import RedisStream

    scheme = address_of(url).scheme
    if scheme in ("redis", "rediss"):
        return RedisStream(url, progress)
    if scheme == "kafka":
        return KafkaStream(url)
    raise ConfigError(
        f"stream: unknown kind {scheme!r}; supported: redis://HOST:PORT/DB?stream=NAME, kafka://HOST:PORT/TOPIC"
    )
