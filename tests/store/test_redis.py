"""The Redis store: the contract on a real server, and what is its own."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from event_log_contract import EventLogContract, as_soon_as_it_answers, click
from item_store_contract import ItemStoreContract
from served_list_store_contract import ServedListStoreContract
from user_store_contract import UserStoreContract

from benchmarks.databases import DURABLE, REDIS, RedisServer, free_port, redis_server
from recsys.data.items.item_changes import ItemChange
from recsys.data.users.forget import user_digest
from recsys.errors import ConfigError, StoreError
from recsys.store import AppendResult, open_store
from recsys.store.circuit_breaker import PAUSE_SECONDS
from recsys.store.redis.connections import CALL_SECONDS

redis = pytest.importorskip("redis", reason="needs redis-py (install recsys[redis])")
pytestmark = pytest.mark.skipif(REDIS is None, reason="needs redis-server (Debian: apt-get install redis-server)")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path, *DURABLE) as server:
        yield server


class TestRedis(EventLogContract, ItemStoreContract, ServedListStoreContract, UserStoreContract):
    @pytest.fixture
    def url(self, server: RedisServer) -> str:
        return server.url


def test_what_was_acknowledged_outlives_kill_9(server: RedisServer) -> None:
    log = open_store(server.url)
    log.append([click(number) for number in range(5)])
    log.close()
    server.kill()
    server.start(*DURABLE)
    log = open_store(server.url)
    assert [event for _, event in log.read()] == [click(number) for number in range(5)]
    assert log.append([click(0), click(5)]) == AppendResult((False, True))
    assert log.last_offset() == 6
    log.close()


def test_a_frozen_server_is_waited_for_once(server: RedisServer) -> None:
    store = open_store(server.url)
    store.append([click(0)])
    with server.frozen():
        started = time.monotonic()
        with pytest.raises(StoreError, match="check that Redis runs there"):
            store.append([click(1)])
        assert time.monotonic() - started < 2 * CALL_SECONDS
        started = time.monotonic()
        with pytest.raises(StoreError, match="does not answer; check that Redis runs there"):
            store.last_offset()
        assert time.monotonic() - started < PAUSE_SECONDS
    as_soon_as_it_answers(lambda: store.append([click(0), click(1)]))  # Redis may have added what it had been sent
    assert [event for _, event in store.read()] == [click(0), click(1)]
    store.close()


def test_an_append_and_a_read_are_one_round_trip_each(server: RedisServer) -> None:
    log, client = open_store(server.url), redis.Redis(port=server.port)
    log.append([click(0)])  # the scripts are known from here on
    log.read()

    def commands_of(action: str) -> dict[str, int]:
        client.config_resetstat()
        log.append([click(number) for number in range(1, 50)]) if action == "append" else log.read(0, 10)
        sent = client.info("commandstats")
        by_the_script, by_the_test = {"set", "incr", "xadd", "rpush", "get", "xrange"}, {"info", "config|resetstat"}
        calls = {name.removeprefix("cmdstat_"): stats["calls"] for name, stats in sent.items()}
        return {name: count for name, count in calls.items() if name not in by_the_script | by_the_test}

    assert commands_of("append") == {"evalsha": 1}
    assert commands_of("read") == {"evalsha": 1}
    client.close()
    log.close()


def test_a_log_that_was_emptied_is_another_one(server: RedisServer) -> None:
    log, other, client = open_store(server.url), open_store(server.url), redis.Redis(port=server.port)
    log.append([click(number) for number in range(9)])
    before, last = log.identity, log.last_offset()
    assert log.read(last) == []
    assert log.identity == before, "nothing has happened"
    client.flushall()
    assert other.read(last) == log.read(last) == []
    assert log.identity == other.identity != before
    log.append([click(number) for number in range(20, 26)])
    assert len(log.read()) == len(other.read()) == 6
    client.close()
    other.close()
    log.close()


@pytest.mark.parametrize("who", ["reader", "writer"])
def test_a_log_that_has_lost_its_end_goes_on_behind_it(tmp_path: Path, who: str) -> None:
    """What is left is not read a second time, and what comes is not hidden behind what is lost: whether a reader is
    there first after the crash, or a writer."""
    server = RedisServer(tmp_path)
    server.start("--appendonly", "no")
    log, client = open_store(f"{server.url}?durable=no"), redis.Redis(port=server.port)
    tea, rice = ItemChange("tea", "{}"), ItemChange("rice", "{}")
    log.append([click(number) for number in range(5)])
    client.save()
    log.append([click(number, user_id="u2") for number in range(5, 9)])
    log.put_items([tea, rice])
    identity, last = log.identity, log.last_offset()
    (*_, (newest, _)) = log.read_items()
    client.close()
    server.kill()
    server.start("--appendonly", "no")
    if who == "reader":
        assert log.read(last) == log.read_items(newest) == []
    log.forget("u1")
    log.put_items([tea])
    log.append([click(20)])
    assert [event for _, event in log.read(last)] == [click(20)]
    assert [mark.user_digest for _, mark in log.read_forgotten(last)] == [user_digest("u1")]
    assert [change for _, change in log.read_items(newest)] == [tea]
    assert log.identity == identity
    log.close()
    server.kill()


def test_ids_are_forgotten_after_the_days_that_the_url_says(server: RedisServer) -> None:
    log, client = open_store(f"{server.url}?remember_days=2"), redis.Redis(port=server.port)
    log.append([click(1)])
    assert 0 < client.ttl("recsys:event:e1") <= 2 * 86_400
    client.close()
    log.close()


def test_a_redis_that_may_forget_is_refused(tmp_path: Path) -> None:
    with redis_server(tmp_path, "--appendonly", "no") as server:
        with pytest.raises(StoreError, match="appendonly yes"):
            open_store(server.url)
        open_store(f"{server.url}?durable=no").close()


def test_a_redis_that_hides_its_settings_is_refused(tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    server.start(*DURABLE, "--rename-command", "CONFIG", "")
    try:
        with pytest.raises(StoreError, match=r"does not say .* CONFIG GET, or end the URL in \?durable=no"):
            open_store(server.url)
        open_store(f"{server.url}?durable=no").close()
    finally:
        server.kill()


def test_that_a_user_may_not_ask_for_settings_is_reported(server: RedisServer) -> None:
    client = redis.Redis(port=server.port)
    client.acl_setuser("app", enabled=True, nopass=True, keys=["*"], commands=["+@all", "-config"])
    client.close()
    with pytest.raises(StoreError, match="allow this user CONFIG GET"):
        open_store(server.url.replace("//", "//app:any@"))


def test_a_redis_that_comes_back_with_other_settings_is_refused(server: RedisServer) -> None:
    log = open_store(server.url)
    log.append([click(0)])
    server.kill()
    server.start("--appendonly", "no")
    for _ in range(2):
        with pytest.raises(StoreError, match="appendonly yes"):
            log.append([click(1)])
    server.kill()
    server.start(*DURABLE)
    assert log.append([click(0), click(1)]) == AppendResult((False, True))
    log.close()


def test_a_redis_that_forgets_when_it_is_full_is_refused(server: RedisServer) -> None:
    client = redis.Redis(port=server.port)
    client.config_set("maxmemory-policy", "allkeys-lru")
    open_store(server.url).close()  # it is never full
    client.config_set("maxmemory", "100mb")
    with pytest.raises(StoreError, match="maxmemory-policy noeviction"):
        open_store(server.url)
    client.close()


def test_a_missing_server_and_wrong_parameters_are_refused(server: RedisServer) -> None:
    with pytest.raises(StoreError, match="check that Redis runs there"):
        open_store(f"redis://127.0.0.1:{free_port()}/0")
    for query, message in (
        ("remember_days=0", "whole number of days"),
        ("durabel=no", "no parameter 'durabel'"),
        ("durable=false", "write yes"),
    ):
        with pytest.raises(ConfigError, match=message):
            open_store(f"{server.url}?{query}")
