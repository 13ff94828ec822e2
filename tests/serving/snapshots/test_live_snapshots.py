"""Snapshots of live events: the same answers as after reading the whole store, and nothing of who was forgotten."""

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as configured
from hypothesis import strategies as st
from serving_versions import publish_copy
from snapshot_world import (
    HOUR,
    NEW_ITEMS,
    START,
    USERS,
    World,
    clicks,
    follow,
    in_memory,
    knows,
    same_answers,
    same_histories,
)

from recsys.data.events.event import Event
from recsys.data.items.item_changes import ItemChange
from recsys.registry import Registry
from recsys.store import open_store, sqlite_url

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
@configured(max_examples=8, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
            live.keep_snapshots()
        else:
            live = world.state()
        follow(live)
    live.keep_snapshots()
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
    one.keep_snapshots()
    assert in_memory(one) == 0, "the writer itself too"
    world.store.append(clicks("new 2", *items[5:9]))
    follow(other)
    assert in_memory(other) > 0
    other.keep_snapshots()
    assert in_memory(other) == 0
    assert [item for item, _, _ in knows(other, "new 1")] == items[:5]
    assert [item for item, _, _ in knows(other, "new 2")] == items[5:9], "read again from the store, or written"
    follow(one)
    one.keep_snapshots()
    same_answers(one, other)
    same_answers(world.state(), one)
    parts = {path.name for path in world.snapshot.parent.iterdir()} - {"snapshot.json"}
    record = json.loads(world.snapshot.read_bytes())
    assert parts == {*record["segments"], record["ids"]}, "older parts are gone"
    for path in (world.folder, *world.folder.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path


def test_few_events_are_worth_a_snapshot_only_when_the_server_stops(
    world: World, items: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    live = world.state_with_snapshot(*clicks("new 1", *items[:5]))
    live.stop()
    assert not world.snapshot.exists()
    monkeypatch.setattr("serving.versions.snapshots.EVENTS_AT_STOP", 5)
    live.stop()
    written = world.snapshot.stat()
    live.stop()
    assert world.snapshot.stat() == written, "nothing has come since"
    same_answers(world.state(), live)


@pytest.mark.usefixtures("eager")
def test_events_of_an_item_count_once_it_is_put_but_for_a_forgotten_users(world: World, items: list[str]) -> None:
    live = world.state()
    world.store.append([*clicks("new 1", items[0], NEW_ITEMS[0]), *clicks("new 2", NEW_ITEMS[0])])
    follow(live)
    assert [item for item, _, _ in knows(live, "new 1")] == items[:1]
    live.keep_snapshots()
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
def test_a_worker_that_met_new_items_in_another_order_takes_the_snapshots(world: World, items: list[str]) -> None:
    one = world.state()
    world.put(0)
    world.put(1)
    follow(one)
    world.put(0)  # again: a worker that starts now meets it behind the other one
    other = world.state()
    numbers = [live.served.recommender().catalogue.vocabulary.numbers(NEW_ITEMS).tolist() for live in (one, other)]
    assert numbers[0] == numbers[1][::-1]
    world.store.append([*clicks("new 1", *NEW_ITEMS, items[0]), *clicks("new 2", NEW_ITEMS[1])])
    follow(one)
    follow(other)
    one.keep_snapshots()
    other.keep_snapshots()
    assert other.served.require().snapshot == one.served.require().snapshot
    assert other.served.recommender().catalogue.vocabulary.numbers(NEW_ITEMS).tolist() == numbers[0]
    same_answers(other, one)
    world.store.put_items([ItemChange(NEW_ITEMS[1], None)])
    follow(one)
    restarted = world.state()
    assert [item for item, _, _ in knows(restarted, "new 2")] == [NEW_ITEMS[1]], "histories keep what is withdrawn"
    same_answers(restarted, one)


@pytest.mark.usefixtures("eager")
def test_an_event_that_waited_for_its_item_stays_when_a_worker_goes_over(world: World, items: list[str]) -> None:
    """To a snapshot in which it still waits."""
    one, other = world.state(), world.state()
    world.store.append(clicks("new 1", NEW_ITEMS[0], items[0]))
    follow(one)
    one.keep_snapshots()
    assert [event.item_id for event in one.served.require().missed] == [NEW_ITEMS[0]]
    world.put(0)
    follow(other)
    assert [item for item, _, _ in knows(other, "new 1")] == [NEW_ITEMS[0], items[0]]
    other.keep_snapshots()
    assert in_memory(other) < 2, "it went over"
    assert [item for item, _, _ in knows(other, "new 1")] == [NEW_ITEMS[0], items[0]]


@pytest.mark.usefixtures("eager")
def test_who_is_forgotten_is_in_no_snapshot(world: World, items: list[str]) -> None:
    other = publish_copy(world.registry, world.registry.resolve(None), promote=False)
    live, beside = world.state(), world.state()
    world.store.append([*clicks("new 1", *items[:3]), *clicks("new 2", items[4]), *clicks("user 1", items[5])])
    follow(live)
    live.keep_snapshots()
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
    live.keep_snapshots()
    assert world.snapshot.exists()
    world.store.append(clicks("new 1", items[7]))
    restarted = world.state()
    assert [item for item, _, _ in knows(restarted, "new 1")] == [items[7]], "who comes back is new"
    assert knows(restarted, "user 1") == []
    follow(live)
    live.keep_snapshots()
    same_answers(world.state(), live)
    same_histories(world.replayed(), live)


@pytest.mark.usefixtures("eager")
def test_who_is_forgotten_while_a_snapshot_is_written_is_in_none(
    world: World, items: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    live = world.state()
    world.store.append(clicks("new 1", *items[:3]))
    follow(live)
    publish = live._keeper._snapshots.publish

    def forget_then_publish(record: object) -> None:
        world.store.forget("new 1")
        publish(record)  # type: ignore[arg-type]

    monkeypatch.setattr(live._keeper._snapshots, "publish", forget_then_publish)
    live.keep_snapshots()
    assert not world.snapshot.exists()
    assert not any(b"new 1" in path.read_bytes() for path in world.folder.rglob("*") if path.is_file())


@pytest.mark.usefixtures("eager")
def test_the_snapshots_of_a_version_go_with_it(world: World, items: list[str]) -> None:
    live = world.state_with_snapshot(*clicks("new 1", *items[:5]))
    first = world.registry.resolve(None)
    second = publish_copy(world.registry, first, promote=True)
    live.refresher.refresh()
    live.keep_snapshots()
    assert {path.name for path in world.folder.iterdir()} == {first, second}
    world.registry.remove(first)
    assert {path.name for path in world.folder.iterdir()} == {second}
