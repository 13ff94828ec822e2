"""Snapshots over every kind of store, and after kill -9 of a real server."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from running import eventually, serving_process
from snapshot_world import NEW_ITEMS, START, USERS, World, clicks, follow, in_memory, same_answers, same_histories

from benchmarks.databases import DURABLE, REDIS, postgres_server, redis_server, why_no_postgres
from benchmarks.processes import kill
from recsys.registry import Registry
from recsys.store import open_store, sqlite_url


@pytest.fixture(params=["postgresql", "redis"])
def shared_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A store that several servers may share."""
    if request.param == "postgresql":
        if why := why_no_postgres():
            pytest.skip(why)
        with postgres_server() as postgres:
            yield postgres.database()
        return
    pytest.importorskip("redis", reason="needs redis-py (install recsys[redis])")
    if not REDIS:
        pytest.skip("needs redis-server (Debian: apt-get install redis-server)")
    with redis_server(tmp_path, *DURABLE) as redis:
        yield redis.url


@pytest.mark.usefixtures("eager")
def test_snapshots_hold_over_the_other_stores_too(
    trained: Path, tmp_path: Path, shared_url: str, items: list[str]
) -> None:
    store = open_store(shared_url)
    world = World(Registry(shutil.copytree(trained, tmp_path / "reg")), store)
    live = world.state()
    world.put(0)
    store.append([*clicks("new 1", *items[:5], NEW_ITEMS[0]), *clicks("new 2", *items[3:6])])
    follow(live)
    live.keep_snapshots()
    assert in_memory(live) == 0
    store.append(clicks("user 1", *items[2:4]))
    restarted = world.state()
    assert restarted.served.require().snapshot is not None
    assert store.forget("new 2") == 3
    follow(restarted)
    assert not world.snapshot.exists()
    follow(live)
    live.keep_snapshots()
    same_answers(world.state(), live)
    same_histories(world.replayed(), restarted)
    store.close()


def listed(http: httpx.Client) -> list[object]:
    answers = [http.post("/v1/recommend", json={"user_id": user, "n": 5}) for user in USERS]
    return [[item["item_id"] for item in answer.json()["items"]] for answer in answers]


def from_a_snapshot(process: subprocess.Popen[bytes]) -> bool:
    """Whether the log of a server that has ended says so."""
    assert process.stderr is not None
    return b"are from a snapshot" in process.stderr.read()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_server_that_was_killed_goes_on_from_a_snapshot(trained: Path, tmp_path: Path, workers: str) -> None:
    options = ("--workers", workers, "--set", "serving.encoder=first use")
    registry = Registry(shutil.copytree(trained, tmp_path / "reg"))
    ids = [f"coffee-{kind}-{size}" for kind in range(4) for size in ("small", "large")]
    log = open_store(sqlite_url(registry.path / "store.db"))
    log.append([event for user in range(400) for event in clicks(f"many {user}", *ids[user % 5 :][:3])])
    log.append(clicks("new 1", *ids[:4]))
    log.close()
    with serving_process(registry.path, *options) as (process, _):
        process.terminate()
        process.wait(300)
        assert not from_a_snapshot(process)
    with serving_process(registry.path, *options) as (process, http):
        body = [
            {"user_id": "new 2", "item_id": item, "event": "purchase", "timestamp": START // 1_000} for item in ids[4:7]
        ]
        assert http.post("/v1/events", json={"events": body}).status_code == 202
        eventually(
            lambda: "recsys_events_seen_offset 1207.0" in http.get("/metrics").text, seconds=120
        )  # in all workers
        before = listed(http)
        kill(process)
        assert from_a_snapshot(process)
    with serving_process(registry.path, *options) as (process, http):
        assert listed(http) == before
        kill(process)
        assert from_a_snapshot(process)
