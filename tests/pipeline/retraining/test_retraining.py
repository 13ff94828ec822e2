"""A new version replaces the served one when there is something to learn and it is not worse."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from pipeline_world import AFTER, DAY, click, clicks_of_tastes, fashion

from recsys.config import Config, parse_config
from recsys.data.catalogue import ItemCatalogue
from recsys.data.dataset import Dataset
from recsys.data.events import Event
from recsys.data.item_changes import ItemChange
from recsys.data.loading import append_events, dataset_from_frames
from recsys.data.requests import Request
from recsys.errors import BundleError, DataError
from recsys.pipeline.candidates.fitting import SourceFitting
from recsys.pipeline.candidates.sources import Sources
from recsys.pipeline.evaluation.evaluate import evaluate
from recsys.pipeline.recommender.bundle import Bundle
from recsys.pipeline.recommender.recommend import Recommender
from recsys.pipeline.retraining import increment
from recsys.pipeline.retraining.retrain import retrain
from recsys.pipeline.training.continued import continue_training, renumbered
from recsys.progress import silent
from recsys.registry import Registry
from recsys.store import Store, open_store
from recsys.store.open import sqlite_url

CHILD = Path(__file__).with_name("retrain_child.py")
Frames = tuple[pl.DataFrame, pl.DataFrame]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(sqlite_url(tmp_path / "store.db"))
    yield store
    store.close()


@pytest.fixture
def items(plain: Bundle) -> list[str]:
    return list(plain.catalogue.vocabulary)


@pytest.fixture
def trendy(early: Dataset, items: list[str], plain_config: Config) -> Dataset:
    """40 days of tastes, then 300 hours of a fashion that the served version cannot know."""
    return append_events(early, fashion(items, 300), plain_config)


def test_attributes_may_change_their_type(plain: Bundle, early: Dataset) -> None:
    frame = early.catalogue.frame
    past = pl.concat([frame, frame[:1].with_columns(item_id=pl.lit("gone"))])
    before = replace(plain, catalogue=ItemCatalogue(past.with_columns(pl.lit(3).alias("stock"), extra=pl.lit("a"))))
    today = frame.with_columns(stock=pl.lit([1, 2]), extra=pl.lit(True))
    numbered = renumbered(replace(early, catalogue=ItemCatalogue(today)), before).catalogue.frame
    assert numbered["item_id"].to_list() == past["item_id"].to_list()
    assert numbered["stock"].to_list() == [[1, 2]] * len(frame) + [None]
    assert numbered["extra"].to_list() == [True] * len(frame) + [None]
    assert numbered["available"][-1] is False


@pytest.mark.parametrize(("epochs", "passes"), [(4, [1, 1]), (8, [2, 2]), (1, [1, 1])])
def test_a_continued_training_reads_texts_a_quarter_as_often(
    plain: Bundle, trendy: Dataset, monkeypatch: pytest.MonkeyPatch, epochs: int, passes: list[int]
) -> None:
    asked: list[float] = []

    def fit(self: SourceFitting, *_: Any) -> Sources:
        asked.append(self.run.warm_passes * self.config.text.epochs)
        return plain.sources

    monkeypatch.setattr(SourceFitting, "fit", fit)
    parent = replace(plain, config=plain.config.changed(text={"epochs": epochs}))
    newer = trendy.log.after(plain.data_record.end).times
    continue_training(parent, renumbered(trendy, parent), test_start=int(np.median(newer)))
    assert asked == passes


def test_a_better_version_is_promoted(plain_registry: Registry, plain: Bundle, trendy: Dataset) -> None:
    first = plain_registry.current()
    decision = retrain(plain_registry, trendy, progress=silent)
    assert (decision.action, decision.champion, decision.new_events) == ("promoted", first, 300), decision.reason
    assert decision.comparison is not None
    assert decision.comparison.verdict == "better"
    assert asdict(decision)["comparison"]["difference"] == decision.comparison.difference
    assert decision.challenger == plain_registry.current() != first
    manifest = plain_registry.manifest(str(decision.challenger))
    assert manifest.parent == first
    assert manifest.data.n_events == len(trendy.log)
    measured = Bundle.load(plain_registry).report.windows[-1]
    assert measured.start > int(plain.log.times[-1]), "on requests new to both"
    assert measured.n_events == decision.comparison.n_requests == 150


def test_a_training_anew_decides_again_what_was_left_to_training(
    plain: Bundle, trendy: Dataset, tmp_path: Path
) -> None:
    """But for seen items: the served version and the new one must be asked for the same."""
    asked = parse_config(
        {
            **plain.asked.model_dump(mode="json"),
            "candidates": {"n": 30, "sources": ["popular", "transitions", "trending"]},
            "policy": {"seen": "auto", "discovery": "auto"},
        }
    )
    served = replace(
        plain, asked=asked, config=plain.config.changed(candidates={"sources": ("popular", "transitions")})
    )
    registry = Registry(tmp_path / "registry")
    registry.publish(served, why="for tests")
    told: list[str] = []
    decision = retrain(registry, trendy, anew=True, progress=told.append)
    assert decision.challenger is not None, decision.reason
    challenger = Bundle.load(registry, decision.challenger)
    assert any(line.startswith("trending is ") for line in told)
    assert challenger.asked == asked.model_copy(
        update={"policy": asked.policy.model_copy(update={"seen": plain.config.policy.seen})}
    )
    assert challenger.config.policy.seen == plain.config.policy.seen == "keep"


def test_a_worse_version_is_refused_and_kept_to_be_looked_at(
    plain_registry: Registry, early: Dataset, items: list[str], plain_config: Config
) -> None:
    """It learned a fashion that is over: people are back at their tastes."""
    first = plain_registry.current()
    events = fashion(items, 800) + clicks_of_tastes(items, 800, start=AFTER + 60 * DAY)
    decision = retrain(plain_registry, append_events(early, events, plain_config), progress=silent)
    assert decision.action == "refused", decision.reason
    assert plain_registry.current() == first
    assert plain_registry.versions() == [first, decision.challenger]


def test_a_dry_run_publishes_nothing(plain_registry: Registry, trendy: Dataset) -> None:
    before = (plain_registry.versions(), plain_registry.current(), plain_registry.history())
    decision = retrain(plain_registry, trendy, dry_run=True, progress=silent)
    assert (decision.action, decision.challenger) == ("promoted", None), decision.reason
    assert decision.comparison is not None
    assert (plain_registry.versions(), plain_registry.current(), plain_registry.history()) == before


def test_too_few_events_are_not_worth_a_version(plain_registry: Registry, early: Dataset) -> None:
    first = plain_registry.versions()
    decision = retrain(plain_registry, early, progress=silent)
    assert (decision.action, decision.challenger, decision.new_events) == ("skipped", None, 0)
    assert "retrain.min_events asks for 100" in decision.reason
    assert plain_registry.versions() == first
    last = plain_registry.decisions()[-1]
    assert (last.action, last.version, last.why) == ("skip", None, decision.reason)


def test_a_version_that_learned_nonsense_does_not_win(
    plain_registry: Registry, frames: Frames, plain_config: Config, plain: Bundle
) -> None:
    """What the newer events name is shuffled: nothing is to be learned from them."""
    items, events = frames
    end = int(plain.log.times[-1])
    newer = events.filter(pl.col("timestamp").dt.epoch("us") > end)
    shuffled = newer.with_columns(item_id=pl.col("item_id").shuffle(seed=1))
    nonsense = dataset_from_frames(
        items, pl.concat([events.head(events.height - newer.height), shuffled]), plain_config
    )
    decision = retrain(plain_registry, nonsense, progress=silent)
    assert decision.comparison is not None
    assert decision.comparison.verdict != "better"


def test_the_store_is_read_on_from_where_the_last_version_ended(
    plain_registry: Registry, store: Store, items: list[str]
) -> None:
    events = fashion(items, 310)
    store.append(events[:90])
    assert retrain(plain_registry, store, progress=silent).action == "skipped"
    store.append(events[80:300])
    decision = retrain(plain_registry, store, progress=silent)
    assert (decision.action, decision.new_events) == ("promoted", 300), decision.reason
    second = Bundle.load(plain_registry)
    assert second.store is not None
    assert (second.store.identity, second.store.offset) == (store.identity, store.last_offset())
    assert second.data_record.end == events[299].timestamp
    store.append(events[300:])
    again = retrain(plain_registry, store, progress=silent)
    assert (again.action, again.new_events, again.champion) == ("skipped", 10, second.version)


def test_another_store_is_read_from_its_start(
    plain_registry: Registry, store: Store, items: list[str], tmp_path: Path
) -> None:
    store.append(fashion(items, 300))
    assert retrain(plain_registry, store, progress=silent).action == "promoted"
    other = open_store(sqlite_url(tmp_path / "other.db"))
    other.append(fashion(items, 7, start=Bundle.load(plain_registry).data_record.end + 1))
    assert retrain(plain_registry, other, progress=silent).new_events == 7
    other.close()


def test_only_late_events_leave_nothing_to_compare_on(
    plain_registry: Registry, store: Store, items: list[str], plain: Bundle
) -> None:
    store.append(clicks_of_tastes(items, 120, start=int(plain.log.times[0])))
    first = plain_registry.versions()
    decision = retrain(plain_registry, store, progress=silent)
    assert decision.action == "skipped"
    assert "newer than the served version's data" in decision.reason
    assert plain_registry.versions() == first
    store.forget("user 7")
    assert retrain(plain_registry, store, progress=silent).action == "skipped"
    assert "user 7" not in Bundle.load(plain_registry).log.user_vocabulary, "that does not wait for better data"
    assert not {*plain_registry.versions()} & {*first}


def test_requests_that_want_nothing_that_may_be_listed_leave_nothing_to_compare_on(
    plain_registry: Registry, early: Dataset, plain: Bundle, plain_config: Config
) -> None:
    """Everybody chooses again what they had chosen, and seen items are left out."""
    only_new = plain.config.changed(policy={"seen": "exclude"})
    first = plain_registry.publish(replace(plain, config=only_new))
    log = plain.log
    users, items = log.user_vocabulary.ids(log.users), plain.catalogue.vocabulary.ids(log.items)
    pairs = list(zip(users, items, strict=True))[:150]
    again = [click(user, item, AFTER + n * DAY // 24) for n, (user, item) in enumerate(pairs)]
    decision = retrain(plain_registry, append_events(early, again, only_new), progress=silent)
    assert decision.action == "skipped", decision.reason
    assert "may be listed" in decision.reason
    assert plain_registry.current() == first


def test_new_events_of_one_moment_are_learned_from(
    plain_registry: Registry, early: Dataset, items: list[str], plain_config: Config
) -> None:
    """As from a shop that keeps days and no times, retrained each day."""
    day = [replace(event, timestamp=AFTER) for event in fashion(items, 300)]
    decision = retrain(plain_registry, append_events(early, day, plain_config), progress=silent)
    assert (decision.action, decision.new_events) == ("promoted", 300), decision.reason


def test_a_forgotten_user_leaves_the_served_log_though_there_is_nothing_to_train_on(
    plain_registry: Registry, store: Store, plain: Bundle, early: Dataset
) -> None:
    first = plain_registry.current()
    store.forget("user 7")
    decision = retrain(plain_registry, store, progress=silent)
    assert decision.action == "skipped"
    assert decision.forgotten_in == plain_registry.current() != first
    assert plain_registry.versions() == [decision.forgotten_in], "the version that held the user is gone"
    served = Bundle.load(plain_registry)
    assert "user 7" not in served.log.user_vocabulary
    assert "user 8" in served.log.user_vocabulary
    assert Recommender(served).recommend(Request("user 8")).ids
    before, after = (evaluate(one, early).per_request for one in (plain, served))
    assert before is not None
    assert after is not None
    assert after.equals(before.filter(pl.col("user_id") != "user 7")), "each figure stays with its user"
    again = retrain(plain_registry, store, progress=silent)
    assert (again.action, again.forgotten_in, plain_registry.current()) == ("skipped", None, served.version)


def test_a_forgetting_that_was_cut_short_is_finished_by_the_next_run(
    plain_registry: Registry, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = plain_registry.current()
    store.forget("user 7")

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Registry, "remove", dies)
        with pytest.raises(KeyboardInterrupt):
            retrain(plain_registry, store, progress=silent)
    assert first in plain_registry.versions()
    assert retrain(plain_registry, store, progress=silent).action == "skipped"
    assert plain_registry.versions() == [plain_registry.current()] != [first]


def test_a_forgotten_user_is_in_no_further_training(
    plain_registry: Registry, store: Store, items: list[str], plain: Bundle
) -> None:
    store.append(fashion(items, 300))
    store.forget("user 7")
    # A fashion narrows what is listed; that is not what is asked here.
    decision = retrain(plain_registry, store, overrides=["retrain.max_coverage_loss=1.0"], progress=silent)
    assert (decision.action, decision.forgotten_in) == ("promoted", None), decision.reason
    second = Bundle.load(plain_registry)
    assert "user 7" not in second.log.user_vocabulary
    assert len(second.log) < len(plain.log) + 300


def test_a_user_forgotten_while_the_log_is_read_is_in_no_training(
    plain_registry: Registry, store: Store, items: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    news = fashion(items, 300)
    store.append(news)
    read, user = store.read, news[0].user_id

    def read_then_forget(after: int, limit: int) -> list[tuple[int, Event]]:
        found = read(after, limit)
        if found and after == 0:
            store.forget(user)
            store.append([replace(news[-1], event_id="later", user_id="somebody else")])
        return found

    monkeypatch.setattr(increment, "_PAGE", 200)
    monkeypatch.setattr(store, "read", read_then_forget)
    assert retrain(plain_registry, store, progress=silent).action == "promoted"
    assert user not in Bundle.load(plain_registry).log.user_vocabulary


def test_an_item_that_does_not_fit_is_set_aside_and_said(
    plain_registry: Registry, store: Store, items: list[str]
) -> None:
    store.put_items(
        [
            ItemChange("tea-1", '{"item_id": "tea-1", "title": "green tea", "price": 3.5}'),
            ItemChange("tea-2", '{"item_id": "tea-2", "title": "black tea", "price": "dear"}'),
        ]
    )
    store.append(fashion(items, 300))
    decision = retrain(plain_registry, store, progress=silent)
    assert decision.action == "promoted", decision.reason
    assert len(decision.set_aside) == 1
    assert "tea-2" in decision.set_aside[0]
    catalogue = Bundle.load(plain_registry).catalogue
    assert "tea-1" in catalogue.vocabulary
    assert "tea-2" not in catalogue.vocabulary


def test_an_event_of_an_item_that_comes_while_the_store_is_read_is_not_lost(
    plain_registry: Registry, store: Store, items: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    news, reads = fashion(items, 301), [store.read, store.read_items]
    store.append(news[:300])

    def then_more_comes(read: Callable[[int, int], list[Any]]) -> Callable[[int, int], list[Any]]:
        def reading(after: int, limit: int) -> list[Any]:
            found = read(after, limit)
            if not found:
                store.put_items([ItemChange("tea-1", '{"item_id": "tea-1", "title": "green tea", "price": 3.5}')])
                store.append([replace(news[-1], item_id="tea-1")])
            return found

        return reading

    for name, read in zip(("read", "read_items"), reads, strict=True):
        monkeypatch.setattr(store, name, then_more_comes(read))
    decision = retrain(plain_registry, store, progress=silent)
    assert (decision.action, decision.set_aside) == ("promoted", ()), decision.reason
    monkeypatch.undo()
    second = Bundle.load(plain_registry)
    assert second.store is not None
    left = [event.item_id for _, event in store.read(second.store.offset)]
    tea = second.catalogue.vocabulary.number("tea-1")
    assert int(np.count_nonzero(second.log.items == tea)) + left.count("tea-1") == 1


def test_an_event_that_came_before_its_item_is_learned_from_once_the_item_is_there(
    plain_registry: Registry, store: Store, items: list[str]
) -> None:
    news = fashion(items, 420)
    store.append([*news[:300], replace(news[0], event_id="early", item_id="tea-1")])
    first = retrain(plain_registry, store, progress=silent)
    assert (first.action, first.set_aside) == ("promoted", ("1 event of unknown items or with wrong cells",))
    store.put_items([ItemChange("tea-1", '{"item_id": "tea-1", "title": "green tea", "price": 3.5}')])
    store.append(news[300:])
    assert retrain(plain_registry, store, dry_run=True, progress=silent).new_events == 121


def test_events_that_are_all_of_unknown_items_are_refused_and_not_passed_over(
    plain_registry: Registry, store: Store, items: list[str]
) -> None:
    """Else a watch would say `too few events` for ever, and tell nobody."""
    store.append([replace(event, item_id=f"sku:{event.item_id}") for event in fashion(items, 300)])
    decision = retrain(plain_registry, store, progress=silent)
    assert (decision.action, decision.new_events) == ("refused", 0)
    assert decision.reason.startswith("unknown ids: 100.0% of the new events name unknown items")
    assert plain_registry.versions() == [plain_registry.current()]


def test_a_store_that_was_put_back_from_a_backup_hides_no_event(
    plain_registry: Registry, store: Store, items: list[str], tmp_path: Path
) -> None:
    news = fashion(items, 420)
    store.append(news[:150])
    backup = tmp_path / "backup.db"
    with sqlite3.connect(tmp_path / "store.db") as connection:
        connection.execute("VACUUM INTO ?", (str(backup),))
    store.append(news[150:300])
    assert retrain(plain_registry, store, progress=silent).action == "promoted"
    restored = open_store(sqlite_url(backup))
    assert retrain(plain_registry, restored, progress=silent).new_events == 0
    restored.append(news[300:])
    decision = retrain(plain_registry, restored, dry_run=True, progress=silent)
    restored.close()
    assert decision.new_events == 120


def test_more_names_of_events_than_can_be_numbered_are_set_aside(
    plain_registry: Registry, store: Store, items: list[str]
) -> None:
    events = fashion(items, 600)
    store.append([replace(e, event=f"name {n // 4}") if n % 4 == 0 else e for n, e in enumerate(events)])
    decision = retrain(plain_registry, store, dry_run=True, progress=silent)
    assert decision.new_events == 600 - 25
    assert decision.set_aside == ("25 events of unknown items or with wrong cells",)


@pytest.mark.parametrize("words", ["measuring version", "ranker continues", "evaluating"])
def test_a_retrainer_that_dies_leaves_the_served_version(
    plain_registry: Registry, tiny_dataset_dir: Path, words: str
) -> None:
    first = plain_registry.current()
    command = [sys.executable, str(CHILD), str(plain_registry.path), str(tiny_dataset_dir), words]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert plain_registry.current() == first
    assert Bundle.load(plain_registry).version == first
    with plain_registry.retraining():
        """The lock went with its process."""


def test_there_must_be_a_served_version(tmp_path: Path, world: Dataset) -> None:
    with pytest.raises(BundleError, match="no current version"):
        retrain(Registry(tmp_path / "nothing here"), world, progress=silent)


def test_more_kinds_of_events_than_numbers_are_refused(
    plain_registry: Registry, frames: Frames, plain_config: Config
) -> None:
    kinds = frames[1].with_columns(event=pl.format("kind {}", pl.int_range(pl.len()) % 126))
    many = dataset_from_frames(frames[0], kinds, plain_config)
    with pytest.raises(DataError, match="version and data set: column 'event' has 128 distinct names"):
        retrain(plain_registry, many, progress=silent)


def test_what_somebody_makes_current_meanwhile_stays(plain_registry: Registry, trendy: Dataset) -> None:
    other = plain_registry.add(Bundle.load(plain_registry))

    def chooses(message: str) -> None:
        if message.startswith("measuring version"):
            plain_registry.promote(other, "by hand")

    decision = retrain(plain_registry, trendy, progress=chooses)
    assert decision.action == "refused"
    assert f"version {other} was made current meanwhile" in decision.reason
    assert plain_registry.current() == other
    assert [line.action for line in plain_registry.decisions()][-2:] == ["promote", "refuse"]


def test_a_forgetting_serves_nothing_in_place_of_what_was_made_current_meanwhile(
    plain_registry: Registry, store: Store
) -> None:
    first = plain_registry.current()
    other = plain_registry.add(Bundle.load(plain_registry))
    store.forget("user 7")
    said: list[str] = []

    def chooses(message: str) -> None:
        said.append(message)
        if message.startswith("publishing version"):
            plain_registry.promote(other, "by hand")

    decision = retrain(plain_registry, store, progress=chooses)
    assert (decision.forgotten_in, plain_registry.current()) == (None, other)
    assert first not in plain_registry.versions()
    assert f"version {other} was made current meanwhile; it may hold forgotten users until the next run" in said
    assert retrain(plain_registry, store, progress=silent).forgotten_in == plain_registry.current()
    assert "user 7" not in Bundle.load(plain_registry).log.user_vocabulary


@pytest.mark.parametrize(("n_rejected", "action"), [(1_000, "promoted"), (2_000, "refused")])
def test_rows_that_were_bad_then_are_no_fault_of_what_is_new(
    plain_registry: Registry, trendy: Dataset, n_rejected: int, action: str
) -> None:
    plain_registry.publish(replace(Bundle.load(plain_registry), n_rejected=1_000))
    dataset = replace(trendy, n_rejected=n_rejected)
    decision = retrain(plain_registry, dataset, dry_run=True, progress=silent)
    assert decision.action == action, decision.reason
    assert ("unknown ids" in decision.reason) is (action == "refused")
