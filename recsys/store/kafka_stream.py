"""Events from a Kafka topic, as one reader of a consumer group. Offsets are committed after the events are durable.

https://docs.confluent.io/platform/current/clients/confluent-kafka-python/html/index.html. The value of a message is a
JSON object.
"""

import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs

from recsys.data.events.event_messages import Message
from recsys.errors import ConfigError, StoreError
from recsys.moments import clock
from recsys.store.address import address_of

_PAGE = 1_000
_PATIENCE_SECONDS = 0.2
"""How long to wait for more once something has come."""

_CONNECTION_SECONDS = 10.0
"""How long to wait for a broker at the start: reading alone would wait for ever, and look like an empty topic."""

_JOINING_SECONDS = 120.0
"""How long to wait for a share of the topic: a group waits for a reader that was killed until its session is over."""


class KafkaStream:
    """A `Stream`. The URL is `kafka://host:port[,host:port]/TOPIC?group=NAME`.

    Further parameters are settings of librdkafka, for example `security.protocol=SASL_SSL`.

    Raises:
        ConfigError: confluent-kafka is not installed, or the URL names no topic or a setting that does not exist.
        StoreError: no broker answers.
    """

    def __init__(self, url: str) -> None:
        try:
            import confluent_kafka
        except ImportError as error:
            raise ConfigError("a kafka:// stream needs confluent-kafka: install recsys[kafka]") from error
        parts = address_of(url)
        self._topic = parts.path.strip("/")
        self._name = f"stream kafka://{parts.netloc.rpartition('@')[2]}/{self._topic}"
        if not parts.netloc or not self._topic or "/" in self._topic:
            raise ConfigError(f"{self._name}: write it as kafka://HOST:PORT/TOPIC")
        settings = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        if "enable.auto.commit" in settings:
            raise ConfigError(
                f"{self._name}: enable.auto.commit would commit what a crash can still lose; leave it out"
            )
        self._error: type[Exception] = confluent_kafka.KafkaException
        self._offset: Any = confluent_kafka.TopicPartition
        self._unacknowledged: dict[tuple[str, int], int] = {}
        self._has_joined = False
        try:
            self._consumer: Any = confluent_kafka.Consumer(
                {
                    "bootstrap.servers": parts.netloc,
                    "group.id": settings.pop("group", "recsys"),
                    "auto.offset.reset": "earliest",
                    "enable.auto.commit": False,
                    **settings,
                }
            )
        except confluent_kafka.KafkaException as error:
            raise ConfigError(f"{self._name}: {error.args[0].str()}") from error
        try:
            self._consumer.list_topics(self._topic, _CONNECTION_SECONDS)
            self._consumer.subscribe([self._topic], on_assign=self._on_assign, on_revoke=self._on_revoke)
        except confluent_kafka.KafkaException as error:
            self._consumer.close()
            raise StoreError(f"{self._name}: no broker answers: {error.args[0].str()}") from error

    def read(self, seconds: float) -> list[Message]:
        """The next messages of the partitions that this reader has; first it waits until it knows which."""
        late = time.monotonic() + _JOINING_SECONDS
        while True:
            joined = self._has_joined  # before the wait, all of which is then for messages
            found = self._consume(1, seconds)
            if found or joined:
                break
            if time.monotonic() > late:
                raise StoreError(f"{self._name}: the group lets nobody join; check its other readers")
        if found:
            found += self._consume(_PAGE - 1, _PATIENCE_SECONDS)
        for one in found:
            place = (one.topic(), one.partition())
            self._unacknowledged[place] = max(self._unacknowledged.get(place, 0), one.offset() + 1)
        return [self._message(one) for one in found]

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Commit the offsets behind them, and wait until the broker has them."""
        if not self._unacknowledged:
            return
        offsets = [self._offset(topic, number, offset) for (topic, number), offset in self._unacknowledged.items()]
        try:
            self._consumer.commit(offsets=offsets, asynchronous=False)
        except self._error as error:
            raise StoreError(f"{self._name}: offsets were not committed: {error}") from error
        self._unacknowledged.clear()

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()

    def _on_assign(self, consumer: Any, partitions: Sequence[Any]) -> None:
        self._has_joined = True

    def _on_revoke(self, consumer: Any, partitions: Sequence[Any]) -> None:
        self._has_joined = False

    def _consume(self, most: int, seconds: float) -> list[Any]:
        try:
            found = self._consumer.consume(most, seconds)
        except self._error as error:
            raise StoreError(f"{self._name}: {error}") from error
        for one in found:
            if one.error() is not None:
                raise StoreError(f"{self._name}: {one.error().str()}; check the topic and the brokers")
        return list(found)

    def _message(self, one: Any) -> Message:
        _, milliseconds = one.timestamp()
        moment = 1_000 * milliseconds if milliseconds > 0 else clock()
        place = f"kafka/{one.topic()}/{one.partition()}/{one.offset()}"
        return Message(place, one.value() or b"", moment)
