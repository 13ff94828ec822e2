"""Events from Redis Streams and Kafka: at least once from the stream, once in the store. Real brokers."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.databases import REDIS, RedisServer, free_port, redis_server
from recsys.data.events.event_messages import Message, read_messages
from recsys.errors import ConfigError, StoreError
from recsys.pipeline.ingest import Ingested, ingest
from recsys.store import Store, open_store, open_stream, sqlite_url

Send = Callable[[dict[str, Any] | bytes], None]


def event(number: int, **fields: Any) -> dict[str, Any]:
    return {"event_id": f"e{number}", "user_id": "u", "item_id": f"i{number}", "event": "click", **fields}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(sqlite_url(tmp_path / "store.db"))
    yield store
    store.close()


class StreamContract:
    """What every stream must do. `url` and `send` are fixtures of the test class."""

    def take(self, url: str, store: Store, rejected: Path) -> Ingested:
        stream = open_stream(url)
        try:
            # Joining a group takes a moment: a reading that gives nothing is not the end before something has come.
            came: list[bool] = []

            def goes_on(anything: bool) -> bool:
                came.append(anything)
                return anything or (not any(came) and len(came) < 40)

            return ingest(stream, store, rejected=rejected, seconds=0.5, goes_on=goes_on)
        finally:
            stream.close()

    def test_events_come_once_in_the_order_of_the_stream(
        self, url: str, send: Send, store: Store, tmp_path: Path
    ) -> None:
        for number in range(25):
            send(event(number, timestamp="2024-05-01T12:00:00Z", position=number, value=1.5))
        send(event(3))
        assert self.take(url, store, tmp_path / "bad.jsonl") == Ingested(25, 1, 0)
        stored = [one for _, one in store.read()]
        assert [one.event_id for one in stored] == [f"e{number}" for number in range(25)]
        assert (stored[2].position, stored[2].value, stored[2].timestamp) == (2, 1.5, 1_714_564_800_000_000)
        send(event(25))
        assert self.take(url, store, tmp_path / "bad.jsonl") == Ingested(1, 0, 0), "goes on behind the acknowledged"

    def test_what_was_stored_and_not_acknowledged_comes_again_and_counts_once(
        self, url: str, send: Send, store: Store, tmp_path: Path
    ) -> None:
        without_ids = [{key: value for key, value in event(n).items() if key != "event_id"} for n in range(5)]
        for one in without_ids:
            send(one)

        def dies() -> None:
            stream = open_stream(url)
            try:
                messages: list[Message] = []
                while not messages:
                    messages = stream.read(0.5)
                store.append(read_messages(messages)[0])
            finally:
                stream.close()

        dies()
        assert store.count_of("u") > 0
        total = self.take(url, store, tmp_path / "bad.jsonl")
        assert total.duplicates > 0
        assert store.count_of("u") == 5

    def test_what_is_no_event_is_kept_aside(self, url: str, send: Send, store: Store, tmp_path: Path) -> None:
        send(b"no json")
        send(event(1, propensity=7))
        send(event(2, timestamp="soon"))
        send(event(3, colour="blue"))
        rejected = tmp_path / "bad.jsonl"
        assert self.take(url, store, rejected) == Ingested(1, 0, 3)
        reasons = {json.loads(line)["reason"].partition(":")[0] for line in rejected.read_text().splitlines()}
        assert reasons == {"no JSON", "propensity", "timestamp"}


@pytest.mark.skipif(REDIS is None, reason="needs redis-server (Debian: apt-get install redis-server)")
class TestRedisStream(StreamContract):
    @pytest.fixture
    def server(self, tmp_path: Path) -> Iterator[RedisServer]:
        pytest.importorskip("redis", reason="needs redis-py (install recsys[redis])")
        with redis_server(tmp_path) as server:
            yield server

    @pytest.fixture
    def url(self, server: RedisServer) -> str:
        return f"{server.url}?stream=clicks"

    @pytest.fixture
    def send(self, server: RedisServer) -> Iterator[Send]:
        import redis

        client = redis.Redis(port=server.port)

        def send(message: dict[str, Any] | bytes) -> None:
            client.xadd("clicks", {"json": message if isinstance(message, bytes) else json.dumps(message)})

        yield send
        client.close()

    def test_a_message_may_have_a_field_for_each_column(
        self, server: RedisServer, url: str, store: Store, tmp_path: Path
    ) -> None:
        import redis

        client = redis.Redis(port=server.port)
        client.xadd("clicks", {"user_id": "u", "item_id": "i", "event": "click", "value": "2.5", "position": "3"})
        client.close()
        assert self.take(url, store, tmp_path / "bad.jsonl") == Ingested(1, 0, 0)
        ((_, stored),) = store.read()
        assert (stored.value, stored.position, stored.event_id.partition("-")[0][:13]) == (2.5, 3, "redis/clicks/")

    @pytest.mark.parametrize("reader", ["", "another"])
    def test_what_was_trimmed_before_it_was_stored_is_let_go(
        self, server: RedisServer, url: str, send: Send, store: Store, reader: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import redis

        for number in range(5):
            send(event(number))
        dies = open_stream(f"{url}&consumer=dies" if reader else url)
        assert len(dies.read(0.5)) == 5
        dies.close()
        client = redis.Redis(port=server.port)
        client.xtrim("clicks", maxlen=0)
        for number in range(5, 8):
            send(event(number))
        monkeypatch.setattr("recsys.store.redis.stream._IDLE_MILLISECONDS", 0)
        said: list[str] = []
        stream = open_stream(url, said.append)
        messages = stream.read(0.5)
        stream.acknowledge(messages)
        stream.close()
        assert [one.event_id for one in read_messages(messages)[0]] == ["e5", "e6", "e7"]
        assert said == ["5 entries are gone: they were trimmed from the stream before being acknowledged"]
        assert client.xpending("clicks", "recsys")["pending"] == 0
        client.close()

    def test_a_wrong_url_and_a_missing_server_are_refused(self) -> None:
        with pytest.raises(ConfigError, match=r"\?stream=NAME"):
            open_stream("redis://localhost/0")
        with pytest.raises(ConfigError, match="no parameter 'topic'"):
            open_stream("redis://localhost/0?topic=a")
        with pytest.raises(ConfigError, match="unknown kind 'nats'"):
            open_stream("nats://localhost/0")
        with pytest.raises(StoreError, match="check that Redis runs there"):
            open_stream(f"redis://127.0.0.1:{free_port()}/0?stream=clicks")


class TestKafkaStream(StreamContract):
    """Against librdkafka's own mock cluster of three brokers."""

    @pytest.fixture
    def producer(self) -> Any:
        kafka = pytest.importorskip("confluent_kafka", reason="needs confluent-kafka (install recsys[kafka])")
        return kafka.Producer({"bootstrap.servers": "mock", "test.mock.num.brokers": 3, "log_level": 2})

    @pytest.fixture
    def url(self, producer: Any) -> str:
        brokers = producer.list_topics(timeout=10).brokers.values()
        addresses = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
        return f"kafka://{addresses}/clicks?session.timeout.ms=6000&heartbeat.interval.ms=200&log_level=2"

    @pytest.fixture
    def send(self, producer: Any) -> Send:
        def send(message: dict[str, Any] | bytes) -> None:
            producer.produce("clicks", message if isinstance(message, bytes) else json.dumps(message), partition=0)
            producer.flush(10)

        return send

    def test_the_end_is_not_before_the_group_is_joined(
        self, url: str, send: Send, store: Store, tmp_path: Path
    ) -> None:
        """As for `recsys ingest --once`, whose group has a reader that was killed."""
        for number in range(3):
            send(event(number))
        stream = open_stream(url)
        try:
            assert ingest(stream, store, rejected=tmp_path / "bad.jsonl", seconds=1.0).accepted == 3
        finally:
            stream.close()

    def test_a_url_that_names_no_topic_or_a_wrong_setting_is_refused(self, producer: Any) -> None:
        with pytest.raises(ConfigError, match="kafka://HOST:PORT/TOPIC"):
            open_stream("kafka://localhost:9092")
        with pytest.raises(ConfigError, match=r"enable\.auto\.commit would commit"):
            open_stream("kafka://localhost:9092/clicks?enable.auto.commit=true")
        with pytest.raises(ConfigError, match=r"no\.such\.setting"):
            open_stream("kafka://localhost:9092/clicks?no.such.setting=1")

    def test_a_kafka_without_a_broker_is_reported(self, producer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("recsys.store.kafka_stream._CONNECTION_SECONDS", 0.5)
        with pytest.raises(StoreError, match="no broker answers"):
            open_stream(f"kafka://127.0.0.1:{free_port()}/clicks?log_level=2")
