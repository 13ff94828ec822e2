"""Workers and servers on one store: what one takes in is in the lists of the others within 250 ms."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from running import eventually, serving_process, serving_thread

from benchmarks.databases import DURABLE, REDIS, RedisServer, postgres_server, redis_server, why_no_postgres
from recsys.config import Config
from recsys.registry import Registry
from serving.settings import Settings

NO_DATABASES = why_no_postgres() or (None if REDIS else "needs redis-server (Debian: apt-get install redis-server)")
SOON = 0.25
"""Seconds within which an event must be in the lists of every worker."""


QUICK = ("--set", "serving.encoder=first use")
"""Few of these tests read a text."""


def quick(**serving: object) -> Config:
    return Config.model_validate({"serving": {"encoder": "first use", **serving}})


def buy(http: httpx.Client, user: str, item: str) -> None:
    event = {"user_id": user, "item_id": item, "event": "purchase"}
    assert http.post("/v1/events", json={"events": [event]}).status_code == 202


def listed(http: httpx.Client, user: str) -> list[str]:
    answer = http.post("/v1/recommend", json={"user_id": user, "n": 5})
    assert answer.status_code == 200, answer.text
    return [item["item_id"] for item in answer.json()["items"]]


def is_known(http: httpx.Client, user: str) -> bool:
    """Whether the user's events change the list, beside what nobody gets now (a new item may have entered)."""
    return listed(http, user) != listed(http, "nobody")


def seconds_until(check: Callable[[], bool]) -> float:
    started = time.perf_counter()
    eventually(check)
    return time.perf_counter() - started


@pytest.fixture
def postgres_and_redis(tmp_path: Path) -> Iterator[tuple[str, RedisServer]]:
    pytest.importorskip("psycopg", reason="needs psycopg (install recsys[postgres])")
    pytest.importorskip("redis", reason="needs redis-py (install recsys[redis])")
    with redis_server(tmp_path, "--appendonly", "no") as redis, postgres_server() as postgres:
        yield postgres.database(), redis


@pytest.mark.skipif(NO_DATABASES is not None, reason=NO_DATABASES or "")
def test_two_servers_on_one_postgresql_and_one_redis(
    registry: Registry, postgres_and_redis: tuple[str, RedisServer], items: list[str]
) -> None:
    url, redis = postgres_and_redis
    settings = Settings.of(quick(), registry.path, url, redis.url)
    with serving_thread(settings) as one, serving_thread(settings) as two:
        fresh = listed(two, "nobody")
        times = []
        for number in range(6):
            writer, reader = (one, two) if number % 2 else (two, one)
            buy(writer, f"u{number}", items[number])
            times.append(seconds_until(lambda reader=reader, n=number: listed(reader, f"u{n}") != fresh))  # type: ignore[misc]
        assert min(times) < SOON, times
        one.put("/v1/items", json={"items": [{"item_id": "new", "title": "espresso beans"}]}).raise_for_status()
        eventually(lambda: two.get("/v1/items/new").is_success)
        one.delete("/v1/users/u0").raise_for_status()
        eventually(lambda: not is_known(two, "u0"))

        # Without Redis they read the store.
        redis.kill()
        buy(one, "without", items[3])
        eventually(lambda: is_known(two, "without"))
        redis.start()
        buy(two, "again", items[4])
        eventually(lambda: is_known(one, "again"))

        # Nothing is kept there, so nothing is lost when it is emptied.
        redis.empty()
        buy(one, "emptied", items[5])
        eventually(lambda: is_known(two, "emptied"))


@pytest.mark.skipif(NO_DATABASES is not None, reason=NO_DATABASES or "")
def test_without_postgresql_lists_go_on_and_it_comes_back_by_itself(registry: Registry, items: list[str]) -> None:
    pytest.importorskip("psycopg", reason="needs psycopg (install recsys[postgres])")
    with postgres_server() as postgres:
        settings = Settings.of(quick(), registry.path, postgres.database())
        with serving_thread(settings) as http:
            fresh = listed(http, "nobody")
            event = {"event_id": "e", "user_id": "u", "item_id": items[0], "event": "purchase"}
            postgres.kill()
            refused = http.post("/v1/events", json={"events": [event]})
            assert refused.status_code == 503
            assert "retry-after" in refused.headers
            assert listed(http, "u") == fresh
            eventually(lambda: "recsys_store_up 0.0" in http.get("/metrics").text)
            postgres.start()
            eventually(lambda: "recsys_store_up 1.0" in http.get("/metrics").text)
            assert http.post("/v1/events", json={"events": [event]}).json() == {"accepted": 1, "duplicates": 0}
            assert listed(http, "u") != fresh


@pytest.mark.skipif(REDIS is None, reason="needs redis-server (Debian: apt-get install redis-server)")
def test_two_servers_on_one_redis(registry: Registry, tmp_path: Path, items: list[str]) -> None:
    pytest.importorskip("redis", reason="needs redis-py (install recsys[redis])")
    with redis_server(tmp_path, *DURABLE) as redis:
        settings = Settings.of(quick(), registry.path, redis.url)
        with serving_thread(settings) as one, serving_thread(settings) as two:
            fresh = listed(two, "nobody")
            buy(one, "u", items[0])
            eventually(lambda: listed(two, "u") != fresh)

            # A log that was emptied begins again, with offsets that were there before.
            redis.empty()
            one.put("/v1/items", json={"items": [{"item_id": "new", "title": "espresso beans"}]}).raise_for_status()
            for number, (writer, reader) in enumerate(((one, two), (two, one))):
                buy(writer, f"later {number}", items[0])
                eventually(lambda reader=reader, n=number: is_known(reader, f"later {n}"))  # type: ignore[misc]
                eventually(lambda reader=reader: reader.get("/v1/items/new").is_success)  # type: ignore[misc]
            assert is_known(two, "u"), "what was known stays so until a restart"


def test_every_worker_of_one_machine_knows_an_event_soon(registry: Registry, items: list[str]) -> None:
    with ExitStack() as stack:
        _, http = stack.enter_context(serving_process(registry.path, "--workers", "2", *QUICK))
        fresh = listed(http, "nobody")
        context = httpx.create_ssl_context(verify=False)
        clients = [stack.enter_context(httpx.Client(base_url=http.base_url, verify=context)) for _ in range(6)]
        times = []
        for number in range(5):
            buy(http, f"u{number}", items[number])
            waits = [
                seconds_until(lambda client=client, n=number: listed(client, f"u{n}") != fresh)  # type: ignore[misc]
                for client in clients  # either worker has taken some of the connections
            ]
            times.append(max(waits))
        assert min(times) < SOON, times
