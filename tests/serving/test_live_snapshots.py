"""Snapshots of live events: the same answers as after reading the whole store, and nothing of who was forgotten."""

import gc
import json
import logging
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as configured
from hypothesis import strategies as st
from running import eventually, kill, serving_process
from serving_versions import publish_copy

from benchmarks.databases import DURABLE, REDIS, RedisServer, postgres_server, why_no_postgres
from recsys.config import load_config
from recsys.data.events import Event
from recsys.data.item_changes import ItemChange
from recsys.data.loading import load_dataset
from recsys.data.requests import Request
from recsys.pipeline.train import train
from recsys.registry import Registry
from recsys.store import Store, open_store, sqlite_url
from serving.live import LiveState
from serving.metrics import Metrics

START = 1_720_000_000_000_000
HOUR = 3_600_000_000
LATER = START + 1_000 * HOUR
USERS = ("user 1", "user 2", "new 1", "new 2", "new 3")
NEW_ITEMS = ("fresh-0", "fresh-1")
PLAIN = load_config(
    None,
    (
        'candidates.sources=["transitions", "als", "popular", "history"]',
        "candidates.n=20",
        "cf.factors=4",
        "cf.iterations=3",
        "ranker.ablation=false",
        "ranker.trees=10",
        'features.exclude=["hour", "weekday"]',  # lists of two servers are compared
    ),
)


@dataclass
class World:
    """A registry and a store, which states are started on."""

    registry: Registry
    store: Store

    def state(self) -> LiveState:
        """A worker that was just started."""
        gc.collect()  # files that an earlier one has mapped are open until then
        live = LiveState(self.registry, self.store, Metrics())
        live.refresh()
        return live

    def replayed(self) -> LiveState:
        """One that was started without a snapshot."""
        shutil.rmtree(self.folder, ignore_errors=True)
        return self.state()

    @property
    def folder(self) -> Path:
        return self.registry.path / "live"

    @property
    def snapshot(self) -> Path:
        return self.folder / self.registry.resolve(None) / "snapshot.json"

    def put(self, number: int) -> None:
        content = {"item_id": NEW_ITEMS[number], "title": f"a new crime novel {number}", "category": "books"}
        self.store.put_items([ItemChange(NEW_ITEMS[number], json.dumps(content))])


@pytest.fixture(scope="module")
def trained(tiny_dataset_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry whose version reads no texts: it is loaded again and again here."""
    path = tmp_path_factory.mktemp("registry")
    Registry(path).publish(train(load_dataset(tiny_dataset_dir, PLAIN), PLAIN))
    return path


@pytest.fixture
def world(trained: Path, tmp_path: Path) -> Iterator[World]:
    store = open_store(sqlite_url(tmp_path / "events.db"))
    shutil.copytree(trained, tmp_path / "reg")
    yield World(Registry(tmp_path / "reg"), store)
    store.close()


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """A snapshot is written for every event."""
    monkeypatch.setattr("serving.snapshots.EVENTS", 1)
    monkeypatch.setattr("serving.snapshots.EVENTS_AT_STOP", 1)


def clicks(user: str, *items: str, first: int = START, name: str = "click") -> list[Event]:
    return [
        Event(f"{user} {item} {first + place}", user, item, name, first + place * HOUR)
        for place, item in enumerate(items)
    ]


def follow(live: LiveState) -> None:
    live.catch_up_items()
    live.catch_up()


def knows(live: LiveState, user: str) -> list[tuple[str, str, int]]:
    return live.recommender().history_of(user)


def same_histories(one: LiveState, other: LiveState) -> None:
    """All that is the same after someone was forgotten: what they did counts for items where it was seen, and the store
    no longer has it."""
    assert one.serving().offset == other.serving().offset
    for user in USERS:
        assert knows(one, user) == knows(other, user)


def same_answers(one: LiveState, other: LiveState) -> None:
    same_histories(one, other)
    requests = [Request(user, n=5, time=LATER) for user in (*USERS, "nobody")]
    found, expected = (live.recommender().recommend_many(requests) for live in (one, other))
    for mine, theirs in zip(found, expected, strict=True):
        assert mine.ids == theirs.ids
        np.testing.assert_allclose(mine.scores, theirs.scores, atol=1e-5)


def in_memory(live: LiveState) -> int:
    return live.recommender().scoring.state.in_memory


events = st.tuples(
    st.sampled_from(USERS),
    st.integers(0, 31),  # the last two are new items
    st.sampled_from(["click", "purchase", "impression", "gift"]),
    st.integers(0, 6).map(lambda place: START + place * HOUR),  # late ones, and equal times
)
batches = st.lists(events, min_size=1, max_size=8).map(lambda rows: ("events", rows))
forgetting = st.sampled_from(USERS).map(lambda user: ("forget", user))
steps = st.one_of(batches, batches, batches, forgetting, st.just(("keep", None)), st.just(("restart", None)))


@pytest.mark.usefixtures("eager")
@configured(
    max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(done=st.lists(steps, min_size=2, max_size=8))
def test_a_restart_gives_the_answers_of_a_full_replay(
    trained: Path, items: list[str], tmp_path_factory: pytest.TempPathFactory, done: list[tuple[str, object]]
) -> None:
    shutil.rmtree(trained / "live", ignore_errors=True)
    store = open_store(sqlite_url(tmp_path_factory.mktemp("store") / "events.db"))
    world, ids, count = World(Registry(trained), store), [*items, *NEW_ITEMS], 0
    for number in range(len(NEW_ITEMS)):
        world.put(number)
    live = world.state()
    for kind, what in done:
        if kind == "events":
            rows = [
                Event(f"e{count + place}", user, ids[item], name, time)
                for place, (user, item, name, time) in enumerate(what)  # type: ignore[arg-type, var-annotated]
            ]
            count += len(rows)
            store.append(rows)
            assert store.append(rows).accepted == 0
        elif kind == "forget":
            store.forget(str(what))
        elif kind == "keep":
            live.keep()
        else:
            live = world.state()
        follow(live)
    live.keep()
    if count:
        assert world.snapshot.exists()
    restarted = world.state()
    follow(restarted)
    same_answers(restarted, live)
    somebody_forgotten = any(kind == "forget" for kind, _ in done)
    (same_histories if somebody_forgotten else same_answers)(world.replayed(), live)
    store.close()


@pytest.mark.usefixtures("eager")
def test_workers_go_over_to_what_one_has_written(world: World, items: list[str]) -> None:
    one, other = world.state(), world.state()
    world.store.append(clicks("new 1", *items[:5]))
    follow(one)
    follow(other)
    one.keep()
    assert in_memory(one) == 0, "the writer itself too"
    world.store.append(clicks("new 2", *items[5:9]))
    follow(other)
    assert in_memory(other) > 0
    other.keep()
    assert in_memory(other) == 0
    assert [item for item, _, _ in knows(other, "new 1")] == items[:5]
    assert [item for item, _, _ in knows(other, "new 2")] == items[5:9], "read again from the store, or written"
    follow(one)
    one.keep()
    same_answers(one, other)
    same_answers(world.state(), one)
    parts = {path.name for path in world.snapshot.parent.iterdir()} - {"snapshot.json"}
    record = json.loads(world.snapshot.read_bytes())
    assert parts == {*record["segments"], record["ids"]}, "older parts are gone"
    for path in (world.folder, *world.folder.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path


def test_few_events_are_not_worth_one_until_the_server_stops(
    world: World, items: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    live = world.state()
    world.store.append(clicks("new 1", *items[:5]))
    follow(live)
    live.keep()
    live.stop()
    assert not world.snapshot.exists()
    monkeypatch.setattr("serving.snapshots.EVENTS_AT_STOP", 5)
    live.stop()
    written = world.snapshot.stat()
    live.stop()
    assert world.snapshot.stat() == written, "nothing has come since"
    same_answers(world.state(), live)


@pytest.mark.usefixtures("eager")
def test_events_of_an_item_that_is_put_later(world: World, items: list[str]) -> None:
    live = world.state()
    world.store.append([*clicks("new 1", items[0], NEW_ITEMS[0]), *clicks("new 2", NEW_ITEMS[0])])
    follow(live)
    assert [item for item, _, _ in knows(live, "new 1")] == items[:1]
    live.keep()
    restarted = world.state()
    world.store.forget("new 2")
    world.put(0)
    for state in (live, restarted):
        live.catch_up()
        follow(state)
        assert [item for item, _, _ in knows(state, "new 1")] == [items[0], NEW_ITEMS[0]]
        assert knows(state, "new 2") == []
    same_histories(world.replayed(), restarted)


@pytest.mark.usefixtures("eager")
def test_a_worker_that_met_new_items_in_another_order(world: World, items: list[str]) -> None:
    one = world.state()
    world.put(0)
    world.put(1)
    follow(one)
    world.put(0)  # again: a worker that starts now meets it behind the other one
    other = world.state()
    numbers = [live.recommender().catalogue.vocabulary.numbers(NEW_ITEMS).tolist() for live in (one, other)]
    assert numbers[0] == numbers[1][::-1]
    world.store.append([*clicks("new 1", *NEW_ITEMS, items[0]), *clicks("new 2", NEW_ITEMS[1])])
    follow(one)
    follow(other)
    one.keep()
    other.keep()
    assert other.serving().snapshot == one.serving().snapshot
    assert other.recommender().catalogue.vocabulary.numbers(NEW_ITEMS).tolist() == numbers[0]
    same_answers(other, one)
    world.store.put_items([ItemChange(NEW_ITEMS[1], None)])
    follow(one)
    restarted = world.state()
    assert [item for item, _, _ in knows(restarted, "new 2")] == [NEW_ITEMS[1]], "histories keep what is withdrawn"
    same_answers(restarted, one)


@pytest.mark.usefixtures("eager")
def test_who_is_forgotten_is_in_no_snapshot(world: World, items: list[str]) -> None:
    other = publish_copy(world.registry, world.registry.resolve(None), promote=False)
    live, beside = world.state(), world.state()
    world.store.append([*clicks("new 1", *items[:3]), *clicks("new 2", items[4]), *clicks("user 1", items[5])])
    follow(live)
    live.keep()
    shutil.copytree(world.snapshot.parent, world.folder / other)
    record = world.folder / other / "snapshot.json"
    record.write_text(record.read_text().replace(world.registry.resolve(None), other))
    assert b"new 1" in b"".join(path.read_bytes() for path in world.folder.rglob("*.npy"))

    for user in ("new 1", "user 1"):
        world.store.forget(user)
    follow(beside)
    assert not world.snapshot.exists()
    assert not record.exists()
    assert b"new 1" not in b"".join(path.read_bytes() for path in world.folder.rglob("*") if path.is_file())
    same_histories(world.state(), beside)
    follow(live)
    live.keep()
    assert world.snapshot.exists()
    world.store.append(clicks("new 1", items[7]))
    restarted = world.state()
    assert [item for item, _, _ in knows(restarted, "new 1")] == [items[7]], "who comes back is new"
    assert knows(restarted, "user 1") == []
    follow(live)
    live.keep()
    same_answers(world.state(), live)
    same_histories(world.replayed(), live)


@pytest.mark.usefixtures("eager")
def test_who_is_forgotten_while_one_is_written(world: World, items: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    live = world.state()
    world.store.append(clicks("new 1", *items[:3]))
    follow(live)
    publish = live._keeper._snapshots.publish

    def forget_then_publish(record: object) -> None:
        world.store.forget("new 1")
        publish(record)  # type: ignore[arg-type]

    monkeypatch.setattr(live._keeper._snapshots, "publish", forget_then_publish)
    live.keep()
    assert not world.snapshot.exists()
    assert not any(b"new 1" in path.read_bytes() for path in world.folder.rglob("*") if path.is_file())


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def edit(world: World, **changes: object) -> None:
    world.snapshot.write_text(json.dumps({**json.loads(world.snapshot.read_text()), **changes}))


def part_of(world: World, what: str) -> Path:
    record = json.loads(world.snapshot.read_text())
    return world.snapshot.parent / (record["ids"] if what == "ids" else record[what][-1])


WRONG: dict[str, tuple[Callable[[World], object], str]] = {
    "damaged events": (lambda world: flip(part_of(world, "segments") / "log" / "items.npy"), "items.npy is damaged"),
    "damaged users": (lambda world: flip(part_of(world, "ids") / "users" / "text.npy"), "text.npy is damaged"),
    "damaged record": (lambda world: world.snapshot.write_text("{"), "snapshot.json is damaged"),
    "a part is missing": (lambda world: shutil.rmtree(part_of(world, "segments")), "cannot be read"),
    "of another version": (lambda world: edit(world, version="20200101T000000Z-000000"), "of version '2020"),
    "of other data": (lambda world: edit(world, fingerprint="x"), "made over other data"),
    "of another store": (lambda world: edit(world, identity="x"), "of another store"),
    "ahead of the store": (lambda world: edit(world, offset=1_000), "goes to offset 1000"),
    "of a newer release": (lambda world: edit(world, schema_version=2), "schema version 2"),
}


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("wrong", WRONG)
def test_one_that_cannot_be_used_is_told_of_and_replaced(
    world: World, items: list[str], caplog: pytest.LogCaptureFixture, wrong: str
) -> None:
    live = world.state()
    world.store.append(clicks("new 1", *items[:5]))
    follow(live)
    live.keep()
    expected = knows(live, "new 1")
    spoil, message = WRONG[wrong]
    spoil(world)
    with caplog.at_level(logging.WARNING):
        restarted = world.state()
        assert in_memory(restarted) > 0
        assert knows(restarted, "new 1") == expected
        restarted.keep()
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 1, told
    assert message in told[0]
    assert in_memory(restarted) == 0, "it has been replaced"
    assert world.state().serving().snapshot is not None


@pytest.mark.usefixtures("eager")
def test_a_crash_while_one_is_written_leaves_the_one_before(world: World, items: list[str]) -> None:
    live = world.state()
    world.store.append(clicks("new 1", *items[:5]))
    follow(live)
    live.keep()
    (world.snapshot.parent / "half" / "log").mkdir(parents=True)
    (world.snapshot.parent / ".snapshot.json.new").write_text("{")
    world.store.append(clicks("new 2", items[0]))
    restarted = world.state()
    assert restarted.serving().snapshot == live.serving().snapshot
    same_answers(restarted, world.state())
    restarted.keep()
    assert not (world.snapshot.parent / "half").exists()
    assert not (world.snapshot.parent / ".snapshot.json.new").exists()


@pytest.mark.usefixtures("eager")
def test_a_disk_that_cannot_be_written_is_told_of_once(
    world: World, items: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    world.folder.symlink_to("nowhere")
    live = world.state()
    world.store.append(clicks("new 1", *items[:5]))
    follow(live)
    live.keep()
    live.keep()
    assert [record.levelname for record in caplog.records if record.levelno >= logging.WARNING] == ["ERROR"]
    assert len(knows(live, "new 1")) == 5


@pytest.mark.usefixtures("eager")
def test_the_snapshots_of_a_version_go_with_it(world: World, items: list[str]) -> None:
    live = world.state()
    world.store.append(clicks("new 1", *items[:5]))
    follow(live)
    live.keep()
    first = world.registry.resolve(None)
    second = publish_copy(world.registry, first, promote=True)
    live.refresh()
    live.keep()
    assert {path.name for path in world.folder.iterdir()} == {first, second}
    world.registry.remove(first)
    assert {path.name for path in world.folder.iterdir()} == {second}


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
    redis = RedisServer(tmp_path)
    redis.start(*DURABLE)
    yield redis.url
    redis.kill()


@pytest.mark.usefixtures("eager")
def test_over_the_other_stores(trained: Path, tmp_path: Path, shared_url: str, items: list[str]) -> None:
    store = open_store(shared_url)
    world = World(Registry(shutil.copytree(trained, tmp_path / "reg")), store)
    live = world.state()
    world.put(0)
    store.append([*clicks("new 1", *items[:5], NEW_ITEMS[0]), *clicks("new 2", *items[3:6])])
    follow(live)
    live.keep()
    assert in_memory(live) == 0
    store.append(clicks("user 1", *items[2:4]))
    restarted = world.state()
    assert restarted.serving().snapshot is not None
    assert store.forget("new 2") == 3
    follow(restarted)
    assert not world.snapshot.exists()
    follow(live)
    live.keep()
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
