"""What must not be learned from is refused, each with its own reason; what is better is promoted."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
from pipeline_world import market, until

from recsys.config import Config, PolicyConfig, RetrainConfig, load_config
from recsys.data.events.event import Event
from recsys.data.loading import dataset_from_frames
from recsys.eval.metrics.reliability import reliability
from recsys.pipeline.recommender.bundle import Bundle
from recsys.pipeline.retraining.gate import METRIC, _calibration, _signal, latency_check
from recsys.pipeline.retraining.new_data import check_data
from recsys.pipeline.retraining.retrain import retrain
from recsys.pipeline.training.train import train
from recsys.progress import silent
from recsys.registry import Refusal, Registry
from recsys.store import open_store, sqlite_url

Frames = tuple[pl.DataFrame, pl.DataFrame]
SERVED_DAYS = 42


@pytest.fixture(scope="module")
def config() -> Config:
    settings = (
        'candidates.sources=["transitions", "als", "popular", "history"]',
        *("candidates.n=40", "cf.factors=8", "cf.iterations=4", "ranker.ablation=false", "ranker.trees=20"),
        *("data.test_fraction=0.2", "data.ranker_fraction=0.2"),
    )
    return load_config(None, settings)


@pytest.fixture(scope="module")
def frames() -> Frames:
    return market()


@pytest.fixture(scope="module")
def champion(frames: Frames, config: Config) -> Bundle:
    return train(dataset_from_frames(frames[0], until(frames[1], SERVED_DAYS), config), config)


@pytest.fixture
def registry(champion: Bundle, tmp_path: Path) -> Registry:
    registry = Registry(tmp_path / "registry")
    registry.publish(champion, why="for tests")
    return registry


def poisoned(frames: Frames, poison: Callable[[pl.DataFrame], pl.DataFrame]) -> Frames:
    """The new events changed, the old ones as they were."""
    return frames[0], pl.concat([until(frames[1], SERVED_DAYS), poisoned_part(frames, poison)])


def poisoned_part(frames: Frames, poison: Callable[[pl.DataFrame], pl.DataFrame]) -> pl.DataFrame:
    """The new events alone."""
    return poison(frames[1].tail(frames[1].height - until(frames[1], SERVED_DAYS).height))


def shuffled(new: pl.DataFrame) -> pl.DataFrame:
    return new.with_columns(pl.col("item_id").shuffle(seed=1))


def halved(new: pl.DataFrame) -> pl.DataFrame:
    return new.gather_every(2)


def dear(new: pl.DataFrame) -> pl.DataFrame:
    return new.with_columns(pl.col("value") * 100)


def without_values(new: pl.DataFrame) -> pl.DataFrame:
    return new.with_columns(value=pl.lit(None, pl.Float64))


def of_strangers(new: pl.DataFrame) -> pl.DataFrame:
    return new.with_columns(pl.format("hashed {}", "user_id").alias("user_id"))


def renamed(new: pl.DataFrame) -> pl.DataFrame:
    return new.with_columns(event=pl.lit("acheter"))


@pytest.mark.parametrize(
    ("poison", "objection"),
    [
        (shuffled, "signal"),
        (halved, "volume"),
        (dear, "values of purchase"),
        (without_values, "schema: value"),
        (of_strangers, "new users"),
        (renamed, "mix of events"),
    ],
)
def test_poisoned_events_are_refused_with_their_reason(
    registry: Registry,
    frames: Frames,
    config: Config,
    poison: Callable[[pl.DataFrame], pl.DataFrame],
    objection: str,
) -> None:
    first = registry.current()
    decision = retrain(registry, dataset_from_frames(*poisoned(frames, poison), config), progress=silent)
    assert decision.action == "refused", decision.reason
    assert next(check.name for check in decision.checks if not check.passed) == objection
    assert decision.reason.startswith(f"{objection}: ")
    assert registry.current() == first
    last = registry.decisions()[-1]
    assert isinstance(last, Refusal)
    assert (last.previous, last.version, last.why) == (first, decision.challenger, decision.reason)
    assert next(check.name for check in last.checks if not check.passed) == objection
    assert json.loads((registry.path / "history.jsonl").read_text().splitlines()[-1])["action"] == "refuse"


PROBABILITIES = ("p_purchase", "p_click"), ("p_click", "p_purchase")


def measured(ndcg: float, **baselines: float) -> Any:
    """A report of these figures."""
    metrics = {name: {METRIC: {"mean": mean}} for name, mean in baselines.items()}
    return SimpleNamespace(metrics={METRIC: {"mean": ndcg}}, baselines=metrics)


@pytest.mark.parametrize(("found", "passed"), [(0.0429, False), (0.09, True)])
def test_what_chance_finds_is_no_signal(found: float, passed: bool) -> None:
    # A list of 10 of 100 items has .0454 by chance.
    (check,) = _signal(measured(found), measured(0.1412), 100, RetrainConfig())
    assert check.passed is passed


@pytest.mark.parametrize(("found", "popularity", "passed"), [(0.126, 0.042, True), (0.04, 0.042, False)])
def test_after_a_campaign_it_is_enough_to_know_what_tells_users_apart(
    found: float, popularity: float, passed: bool
) -> None:
    campaign = measured(0.4521, popularity=0.4499, EASE=0.0358)
    (check,) = _signal(measured(found, popularity=popularity, EASE=0.11), campaign, 500, RetrainConfig())
    assert check.passed is passed


def test_the_checks_of_two_probabilities_have_an_order_and_names_of_their_own() -> None:
    honest = reliability(np.full(20, 0.5), np.arange(20) % 2 == 0)
    reports: list[Any] = [SimpleNamespace(calibration=dict.fromkeys(names, honest)) for names in PROBABILITIES]
    assert [check.name for check in _calibration(reports[0], reports[1], RetrainConfig())] == [
        "calibration of p_click",
        "calibration of p_purchase",
    ]


def test_prices_times_100_are_refused(registry: Registry, frames: Frames, config: Config) -> None:
    dataset = dataset_from_frames(frames[0].with_columns(pl.col("price") * 100), frames[1], config)
    decision = retrain(registry, dataset, progress=silent)
    assert (decision.action, decision.challenger) == ("refused", None)
    assert "the median price of known items is 100 times what it was" in decision.reason


def test_prices_that_are_all_0_are_refused(registry: Registry, frames: Frames, config: Config) -> None:
    """0 is what a reader writes who finds no number in `1.299,00`."""
    dataset = dataset_from_frames(frames[0].with_columns(price=pl.lit(0.0)), frames[1], config)
    decision = retrain(registry, dataset, progress=silent)
    assert decision.action == "refused"
    assert decision.reason.startswith("prices: 0% of the price of known items is above 0, 100% before")


def with_lists(events: pl.DataFrame) -> pl.DataFrame:
    """As a server logs: each purchase is of a list, whose other places were shown; some lists nobody took up."""
    lists = events.with_columns(request_id=pl.format("list {}", pl.int_range(pl.len())), position=pl.lit(0))
    ignored = lists.with_columns(user_id=pl.format("visitor {}", pl.int_range(pl.len())), request_id="user_id")
    shown = pl.concat(
        [
            part.with_columns(event=pl.lit("impression"), value=None, position=pl.lit(place))
            for part in (lists, ignored)
            for place in range(12)
        ]
    )
    return pl.concat([lists, shown]).sort("timestamp", maintain_order=True)


def test_a_server_that_begins_to_log_lists_is_no_change_of_what_users_do(
    champion: Bundle, frames: Frames, config: Config
) -> None:
    """The first retraining after a training on an export: request ids, places, impressions and visitors are new."""
    dataset = dataset_from_frames(
        frames[0],
        pl.concat([until(frames[1], SERVED_DAYS), poisoned_part(frames, with_lists)], how="diagonal"),
        config,
    )
    assert [check for check in check_data(champion, dataset, 0) if not check.passed] == []


@pytest.mark.parametrize(
    ("lost", "objections"),
    [
        (lambda new: new.filter(pl.col("event") != "impression"), ["volume of impressions"]),
        (lambda new: new.filter(pl.col("event") == "impression"), ["volume"]),
        (lambda new: new.drop("position", "request_id"), ["schema: request_id", "schema: position"]),
    ],
)
def test_what_a_server_logged_and_logs_no_more_is_missed(
    champion: Bundle,
    frames: Frames,
    config: Config,
    lost: Callable[[pl.DataFrame], pl.DataFrame],
    objections: list[str],
) -> None:
    old = with_lists(until(frames[1], SERVED_DAYS))
    served = replace(champion, log=dataset_from_frames(frames[0], old, config).log)
    new = poisoned_part(frames, lambda new: lost(with_lists(new)))
    dataset = dataset_from_frames(frames[0], pl.concat([old, new], how="diagonal"), config)
    assert [check.name for check in check_data(served, dataset, 0) if not check.passed] == objections


def test_what_comes_a_day_late_is_not_missed_and_its_absence_from_the_ranker_reported(
    champion: Bundle, frames: Frames, config: Config
) -> None:
    """Clicks come live; purchases, half of all events, in a nightly file. As many have come as are missing today."""
    old = until(frames[1], SERVED_DAYS)
    new = poisoned_part(frames, halved)
    end, length = old["timestamp"].max(), new["timestamp"].max() - old["timestamp"].max()  # type: ignore[operator]
    is_late = (pl.col("timestamp") > end - length) & (pl.int_range(pl.len()) % 2 == 1)
    served = replace(champion, log=dataset_from_frames(frames[0], old.filter(~is_late), config).log)
    checks = check_data(served, dataset_from_frames(frames[0], pl.concat([old, new]), config), 0)
    assert [check for check in checks if not check.passed] == []
    (told,) = [check.words for check in checks if check.name == "late events"]
    assert told.startswith(f"{old.filter(is_late).height:,} of the ")
    in_time = check_data(champion, dataset_from_frames(frames[0], frames[1], config), 0)
    assert "late events" not in [check.name for check in in_time]


def test_a_name_that_no_event_had_before_is_reported(champion: Bundle, frames: Frames, config: Config) -> None:
    """Nobody has chosen its weight: it may be a complaint, and counts as positive."""

    def told(name: str) -> list[str]:
        some = pl.when(pl.int_range(pl.len()) % 5 == 0)
        new = poisoned_part(frames, lambda new: new.with_columns(event=some.then(pl.lit(name)).otherwise("event")))
        dataset = dataset_from_frames(frames[0], pl.concat([until(frames[1], SERVED_DAYS), new]), config)
        checks = check_data(champion, dataset, 0)
        assert all(check.passed for check in checks)
        return [check.words for check in checks if check.name == "names of events"]

    (words,) = told("complaint")
    worth = "events.weights does not name 'complaint': each is worth events.default_weight"
    assert words.startswith(f"new are 'complaint'; {worth}")
    assert words.endswith("only `recsys train` changes weights")
    assert told("skip") == ["new are 'skip'"]
    assert told("purchase") == []


@pytest.mark.parametrize(("share", "passed"), [(0.4, True), (0.7, False)])
def test_new_events_that_are_mostly_of_one_user_are_refused(
    champion: Bundle, frames: Frames, config: Config, share: float, passed: bool
) -> None:
    """A program that visits everything, or one id for all guests."""
    some = pl.when(pl.int_range(pl.len()) % 10 < share * 10)
    new = poisoned_part(frames, lambda new: new.with_columns(user_id=some.then(pl.lit("user 1")).otherwise("user_id")))
    dataset = dataset_from_frames(frames[0], pl.concat([until(frames[1], SERVED_DAYS), new]), config)
    checks = {check.name: check for check in check_data(champion, dataset, 0)}
    assert checks["one user"].passed == passed
    assert "user 1" not in checks["one user"].words, "the history outlives a user who is forgotten"


def test_a_few_values_say_nothing(champion: Bundle, frames: Frames, config: Config) -> None:
    """Of a rare kind of event, such as two donations in a week."""

    def with_donations(events: pl.DataFrame, value: float) -> pl.DataFrame:
        last = pl.int_range(pl.len()) >= pl.len() - 2
        return events.with_columns(
            event=pl.when(last).then(pl.lit("donation")).otherwise("event"),
            value=pl.when(last).then(value).otherwise("value"),
        )

    old = with_donations(until(frames[1], SERVED_DAYS), 1.0)
    new = poisoned_part(frames, lambda new: with_donations(new, 90.0))
    before, after = (dataset_from_frames(frames[0], events, config) for events in (old, pl.concat([old, new])))
    checks = {check.name: check for check in check_data(replace(champion, log=before.log), after, 0)}
    assert all(check.passed for check in checks.values()), checks
    assert checks["values of donation"].words == "too few to compare"


def test_who_was_forgotten_is_not_missing_from_the_past(registry: Registry, frames: Frames, tmp_path: Path) -> None:
    store = open_store(sqlite_url(tmp_path / "store.db"))
    new = poisoned_part(frames, pl.DataFrame.clone)
    for user in range(30):
        store.forget(f"user {user}")
    times = new["timestamp"].dt.epoch("us").to_list()
    rows = zip(new["user_id"], new["item_id"], times, new["value"], strict=True)
    store.append(
        [
            Event(str(row), user, item, "purchase", time, value=value)
            for row, (user, item, time, value) in enumerate(rows)
            if int(user.removeprefix("user ")) >= 30
        ]
    )
    decision = retrain(registry, store, dry_run=True, progress=silent)
    store.close()
    assert all(check.passed for check in decision.checks if check.name == "past"), decision.reason


@pytest.mark.parametrize("column", ["price", "category"])
def test_an_emptied_column_of_items_is_refused(
    registry: Registry, frames: Frames, config: Config, column: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recsys.pipeline.retraining.new_data.FEW", 10)
    empty = frames[0].with_columns(pl.lit(None, frames[0].schema[column]).alias(column))
    decision = retrain(registry, dataset_from_frames(empty, frames[1], config), progress=silent)
    assert decision.action == "refused"
    assert f"100% of the known items that had a {column} have none now" in decision.reason


def test_rules_that_no_longer_fit_the_items_are_refused_and_idle_ones_reported(
    champion: Bundle, frames: Frames, config: Config
) -> None:
    """Nobody looks on when a catalogue is written in another way."""
    rules = {"quotas": [{"where": {"category": "taste 1"}, "at_least": 1}], "caps": {"colour": 2}}
    boosts = [{"where": {"year": {"gte": 2000}}, "add": 0.5}]
    policy = PolicyConfig.model_validate({**config.policy.model_dump(), **rules, "boosts": boosts})
    items, events = frames
    dated = items.with_columns(year=pl.lit(2001), colour=pl.lit("red"))
    catalogue = dataset_from_frames(dated, events, config).catalogue
    served = replace(champion, config=config.model_copy(update={"policy": policy}), catalogue=catalogue)

    def told(later: pl.DataFrame) -> list[tuple[bool, str]]:
        checks = check_data(served, dataset_from_frames(later, events, config), 0)
        return [(check.passed, check.words) for check in checks if check.name == "rules"]

    assert told(dated) == []
    ((passed, words),) = told(dated.with_columns(year=pl.lit("2001 A.D.")))
    assert not passed
    assert words.startswith("policy.boosts: filter on 'year': 2000 does not fit a column of type String")
    renamed = dated.with_columns(category=pl.col("category").str.to_uppercase())
    assert told(renamed) == [(True, "policy.quotas: no item meets {'category': 'taste 1'}; is it misspelt?")]


def test_a_log_that_has_lost_half_its_past_is_refused(registry: Registry, frames: Frames, config: Config) -> None:
    old = until(frames[1], SERVED_DAYS)
    kept = pl.concat([old.gather_every(2), frames[1].tail(frames[1].height - old.height)])
    decision = retrain(registry, dataset_from_frames(frames[0], kept, config), progress=silent)
    assert decision.action == "refused"
    assert decision.reason.startswith("past: ")


@pytest.mark.parametrize("column", ["user_id", "item_id"])
def test_a_log_of_other_ids_is_refused(registry: Registry, frames: Frames, config: Config, column: str) -> None:
    """As many events as before, and none that the served version learned from."""
    items, events = (
        frame.with_columns(("other " + pl.col(column)).alias(column)) if column in frame.columns else frame
        for frame in frames
    )
    decision = retrain(registry, dataset_from_frames(items, events, config), progress=silent)
    assert decision.action == "refused"
    assert decision.reason.startswith("past: 0 of the ")


def test_events_of_unknown_items_are_counted_and_refused(registry: Registry, frames: Frames, tmp_path: Path) -> None:
    """And the same refusal is not written again by each run of a watch."""
    store = open_store(sqlite_url(tmp_path / "store.db"))
    new = frames[1].tail(frames[1].height - until(frames[1], SERVED_DAYS).height)
    times = new["timestamp"].dt.epoch("us").to_list()
    store.append(
        [
            Event(str(row), user, item if row % 3 else f"other {item}", "click", time)
            for row, (user, item, time) in enumerate(zip(new["user_id"], new["item_id"], times, strict=True))
        ]
    )
    decisions = [retrain(registry, store, progress=silent) for _ in range(2)]
    store.close()
    assert [decision.action for decision in decisions] == ["refused", "refused"]
    assert "unknown ids: 33.4% of the new events name unknown items" in decisions[0].reason
    assert decisions[0].set_aside
    assert [entry.action for entry in registry.decisions()] == ["promote", "refuse"]


def test_what_is_sound_goes_on_from_the_champion(registry: Registry, frames: Frames, config: Config) -> None:
    first = registry.current()
    dataset = dataset_from_frames(*frames, config)
    decision = retrain(registry, dataset, progress=silent)
    assert (decision.action, decision.trained) == ("promoted", "continued"), decision.reason
    assert {"quality", "signal", "coverage", "calibration of p_click", "latency", "size", "volume"} <= {
        check.name for check in decision.checks
    }
    assert len({check.name for check in decision.checks}) == len(decision.checks)
    (quality,) = [check.words for check in decision.checks if check.name == "quality"]
    assert re.search("; so few requests show it only above about [0-9.]+%$", quality), quality
    assert registry.history()[-1].checks == decision.checks
    manifest = registry.manifest(str(decision.challenger))
    assert (manifest.parent, manifest.continued) == (first, 1)
    again = retrain(registry, dataset, anew=True, progress=silent)
    assert again.action == "skipped"


def test_every_so_many_versions_all_is_trained_anew(frames: Frames, config: Config, tmp_path: Path) -> None:
    often = config.model_copy(update={"retrain": RetrainConfig(full_every=1, max_latency=100)})
    registry = Registry(tmp_path / "registry")
    registry.publish(train(dataset_from_frames(frames[0], until(frames[1], SERVED_DAYS), often), often))
    decision = retrain(registry, dataset_from_frames(*frames, often), progress=silent)
    assert (decision.action, decision.trained) == ("promoted", "from_scratch"), decision.reason
    assert registry.manifest(registry.resolve(None)).continued == 0


def test_a_slow_version_is_refused() -> None:
    limits = RetrainConfig(max_latency=1.5)
    assert latency_check([0.010, 0.9, 0.011], [0.009, 0.010, 0.010], limits).passed, (
        "one slow moment is no slow version"
    )
    slow = latency_check([0.020, 0.021], [0.010, 0.010], limits)
    assert not slow.passed
    assert "2.05 times the served version's" in slow.words
    assert latency_check([], [], limits).passed
