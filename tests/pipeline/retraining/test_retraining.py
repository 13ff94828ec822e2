"""A new version replaces the served one when there is something to learn and it is not worse."""

import signal
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from pipeline_world import AFTER, DAY, click, clicks_of_tastes, fashion

from recsys.config import Config, parse_config
from recsys.data.dataset import Dataset
from recsys.data.items.catalogue import ItemCatalogue
from recsys.data.loading import append_events, dataset_from_frames
from recsys.errors import BundleError, DataError
from recsys.pipeline.candidates.fitting import SourceFitting
from recsys.pipeline.candidates.sources import Sources
from recsys.pipeline.recommender.bundle import Bundle
from recsys.pipeline.retraining.retrain import retrain
from recsys.pipeline.training.continued import continue_training, renumbered
from recsys.progress import silent
from recsys.registry import Registry
from recsys.store import Store

CHILD = Path(__file__).with_name("retrain_child.py")
Frames = tuple[pl.DataFrame, pl.DataFrame]


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
            **plain.requested_config.model_dump(mode="json"),
            "candidates": {"n": 30, "sources": ["popular", "transitions", "trending"]},
            "policy": {"seen": "auto", "discovery": "auto"},
        }
    )
    served = replace(
        plain, requested_config=asked, config=plain.config.changed(candidates={"sources": ("popular", "transitions")})
    )
    registry = Registry(tmp_path / "registry")
    registry.publish(served, why="for tests")
    told: list[str] = []
    decision = retrain(registry, trendy, anew=True, progress=told.append)
    assert decision.challenger is not None, decision.reason
    challenger = Bundle.load(registry, decision.challenger)
    assert any(line.startswith("trending is ") for line in told)
    assert challenger.requested_config == asked.model_copy(
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


def test_what_was_shown_is_not_counted_as_news(
    plain_registry: Registry, early: Dataset, items: list[str], plain_config: Config
) -> None:
    """One request would judge what comes of it."""
    shown = [replace(event, event="impression", event_id=f"shown {event.event_id}") for event in fashion(items, 300)]
    dataset = append_events(early, [*shown, *fashion(items, 1)], plain_config)
    decision = retrain(plain_registry, dataset, progress=silent)
    assert (decision.action, decision.new_events) == ("skipped", 301)
    assert decision.reason == "1 new positive event among 301 new events; retrain.min_events asks for 100"


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


def test_what_was_rolled_back_does_not_come_back_by_itself(
    plain_registry: Registry, store: Store, plain: Bundle, trendy: Dataset
) -> None:
    """Not even when the version that was gone back to has lost a forgotten user since."""
    rolled_back = plain_registry.add(plain)
    plain_registry.promote(rolled_back, "better")
    first = plain_registry.rollback("strange lists")
    refused = retrain(plain_registry, trendy, progress=silent)
    assert refused.action == "refused"
    assert [check.name for check in refused.checks if not check.passed] == ["rollback"]
    assert f"version {rolled_back} was rolled back on " in refused.reason
    assert " UTC (strange lists); once somebody has promoted a version" in refused.reason
    assert plain_registry.current() == first

    store.forget("user 7")
    cleared = retrain(plain_registry, store, progress=silent).forgotten_in
    assert cleared == plain_registry.current()
    assert retrain(plain_registry, trendy, progress=silent).action == "refused"

    plain_registry.promote(str(cleared), "the lists are as they should be")
    decision = retrain(plain_registry, trendy, progress=silent)
    assert decision.action == "promoted", decision.reason


@pytest.mark.parametrize(("n_rejected", "action"), [(1_000, "promoted"), (2_000, "refused")])
def test_rows_that_were_bad_then_are_no_fault_of_what_is_new(
    plain_registry: Registry, trendy: Dataset, n_rejected: int, action: str
) -> None:
    plain_registry.publish(replace(Bundle.load(plain_registry), n_rejected=1_000))
    dataset = replace(trendy, n_rejected=n_rejected)
    decision = retrain(plain_registry, dataset, dry_run=True, progress=silent)
    assert decision.action == action, decision.reason
    assert ("unknown ids" in decision.reason) is (action == "refused")
