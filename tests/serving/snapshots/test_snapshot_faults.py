"""Snapshots that cannot be used or written: servers say so, and read the store."""

import json
import logging
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from snapshot_world import World, clicks, follow, in_memory, knows, same_answers

from recsys.errors import StoreError
from serving.versions.snapshots import SnapshotKeeper


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
def test_a_snapshot_that_cannot_be_used_is_reported_and_replaced(
    world: World, items: list[str], caplog: pytest.LogCaptureFixture, wrong: str
) -> None:
    live = world.state_with_snapshot(*clicks("new 1", *items[:5]))
    expected = knows(live, "new 1")
    spoil, message = WRONG[wrong]
    spoil(world)
    with caplog.at_level(logging.WARNING):
        restarted = world.state()
        assert in_memory(restarted) > 0
        assert knows(restarted, "new 1") == expected
        restarted.keep_snapshots()
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 1, told
    assert message in told[0]
    assert in_memory(restarted) == 0, "it has been replaced"
    assert world.state().served.require().snapshot is not None


@pytest.mark.usefixtures("eager")
def test_a_crash_while_a_snapshot_is_written_leaves_the_one_before(world: World, items: list[str]) -> None:
    live = world.state_with_snapshot(*clicks("new 1", *items[:5]))
    (world.snapshot.parent / "half" / "log").mkdir(parents=True)
    (world.snapshot.parent / ".snapshot.json.new").write_text("{")
    world.store.append(clicks("new 2", items[0]))
    restarted = world.state()
    assert restarted.served.require().snapshot == live.served.require().snapshot
    same_answers(restarted, world.state())
    restarted.keep_snapshots()
    assert not (world.snapshot.parent / "half").exists()
    assert not (world.snapshot.parent / ".snapshot.json.new").exists()


@pytest.mark.usefixtures("eager")
def test_a_disk_that_cannot_be_written_is_reported_once(
    world: World, items: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    world.folder.symlink_to("nowhere")
    live = world.state_with_snapshot(*clicks("new 1", *items[:5]))
    live.keep_snapshots()
    assert [record.levelname for record in caplog.records if record.levelno >= logging.WARNING] == ["ERROR"]
    assert len(knows(live, "new 1")) == 5


def test_a_database_that_was_put_back_hides_no_event(
    world: World, items: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its offsets are of before, and running servers are behind them."""
    live = world.state()
    world.store.append(clicks("new 1", *items[:5]))
    follow(live)

    def away(after: int, limit: int) -> list[object]:
        raise StoreError("the database is being put back")

    with monkeypatch.context() as patch:
        patch.setattr(world.store, "read", away)
        live.catch_up()
    with closing(sqlite3.connect(tmp_path / "events.db")) as connection, connection:
        connection.execute('DELETE FROM events WHERE "offset" > 2')
        connection.execute("UPDATE sqlite_sequence SET seq = 2 WHERE name = 'events'")
    live.catch_up()
    world.store.append(clicks("new 2", items[0]))
    follow(live)
    assert len(knows(live, "new 1")) == 5, "what was read stays until a restart"
    assert len(knows(live, "new 2")) == 1
    restarted = world.state()
    follow(restarted)
    assert len(knows(restarted, "new 1")) == 2
    assert knows(restarted, "new 2") == knows(live, "new 2")


@pytest.mark.usefixtures("eager")
def test_a_snapshot_that_cannot_be_removed_stops_nothing_and_is_removed_later(
    world: World, items: list[str], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = world.state_with_snapshot(*clicks("new 1", *items[:5]))
    assert world.snapshot.exists()

    def refuses(*_: object) -> None:
        raise OSError("Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr("recsys.registry.snapshots.Snapshots.forget", refuses)
        world.store.append(clicks("new 2", *items[:3]))
        world.store.forget("new 1")
        world.store.append(clicks("new 3", items[0]))
        for _ in range(3):
            follow(live)
        assert [len(knows(live, user)) for user in ("new 1", "new 2", "new 3")] == [0, 3, 1]
        assert sum("cannot be removed" in record.getMessage() for record in caplog.records) == 1
        keeper = SnapshotKeeper(world.registry, world.store)
        keeper.forget(world.store.last_offset())
        keeper.finish_forgetting()
        assert world.snapshot.exists(), "it is not tried again at once"
    monkeypatch.setattr("serving.versions.snapshots.PAUSE_SECONDS", 0.0)
    keeper = SnapshotKeeper(world.registry, world.store)
    with monkeypatch.context() as patch:
        patch.setattr("recsys.registry.snapshots.Snapshots.forget", refuses)
        keeper.forget(world.store.last_offset())
    assert world.snapshot.exists()
    keeper.finish_forgetting()
    assert not world.snapshot.exists()


def test_the_first_version_waits_for_a_store_that_knows_who_is_forgotten(
    world: World, items: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world.store.append(clicks("new 1", *items[:5]))
    world.store.forget("user 1")

    def away(after: int, limit: int) -> list[object]:
        raise StoreError("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr(world.store, "read", away)
        live = world.state()
        live.catch_up()
        assert live.served.first is None
    live.refresher.refresh(at_once=True)
    assert [len(knows(live, user)) for user in ("new 1", "user 1")] == [5, 0]
