"""Users of whom a table tells the town: the small world, where all of a town have one taste."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from pipeline_world import AFTER, click, clicks_of_tastes, until

from recsys.cli.lists import print_user
from recsys.config import Config, load_config
from recsys.data.dataset import Dataset
from recsys.data.loading import dataset_from_frames
from recsys.data.requests.request import Request
from recsys.data.users.forget import user_digest
from recsys.moments import DAY
from recsys.pipeline.evaluation.evaluate import evaluate
from recsys.pipeline.recommender.bundle import Bundle
from recsys.pipeline.recommender.live_events import load_snapshot, save_snapshot
from recsys.pipeline.recommender.recommend import Recommender
from recsys.pipeline.recommender.user_lookup import history_of, profile_of
from recsys.pipeline.retraining.retrain import retrain
from recsys.pipeline.training.continued import can_continue
from recsys.pipeline.training.train import train
from recsys.progress import silent
from recsys.registry import Registry, Snapshots, StoreMark
from recsys.store import open_store, sqlite_url

TOWNS = ("coffee town", "garden town", "book town")
USERS = pl.DataFrame(
    {
        "user_id": [f"user {number}" for number in range(60)] + [f"new in {town}" for town in TOWNS],
        "town": [TOWNS[number % 3] for number in range(60)] + [*TOWNS],
    }
)
Frames = tuple[pl.DataFrame, pl.DataFrame]


@pytest.fixture(scope="module")
def town_config(plain_settings: tuple[str, ...]) -> Config:
    sources = 'candidates.sources=["transitions", "popular", "profiles"]'
    windows = ("data.test_fraction=0.2", "data.ranker_fraction=0.2")
    return load_config(
        None, (*plain_settings, sources, *windows, "ranker.trees=100")
    )  # ten mix up towns here and there


@pytest.fixture(scope="module")
def dataset(frames: Frames, town_config: Config) -> Dataset:
    return dataset_from_frames(frames[0], until(frames[1], 40), town_config, users=USERS)


@pytest.fixture(scope="module")
def towns(dataset: Dataset, town_config: Config) -> Bundle:
    return train(dataset, town_config, name="towns")


def taste_of_list(recommender: Recommender, user: str) -> set[str]:
    """The tastes of the first five items."""
    return {item.split("-")[0] for item in recommender.recommend(Request(user, n=5)).ids}


def test_newcomers_get_what_their_town_likes(towns: Bundle, tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    registry.publish(towns)
    for recommender in (Recommender(towns), Recommender.load(registry)):
        tastes = [taste_of_list(recommender, f"new in {town}") for town in TOWNS]
        assert tastes == [{"coffee"}, {"garden"}, {"books"}]
        found = recommender.recommend(Request("new in book town", n=5))
        assert "profiles" in {source for sources in found.sources for source in sources}
        assert len(taste_of_list(recommender, "stranger")) > 1


def test_what_the_user_table_says_of_a_user_is_shown_and_is_a_reason(
    towns: Bundle, capsys: pytest.CaptureFixture[str]
) -> None:
    recommender = Recommender(towns)
    assert profile_of(recommender, "new in book town") == {"town": ["book town"]}
    assert profile_of(recommender, "stranger") == {}
    found = recommender.recommend(Request("new in book town", n=5), explain=True)
    told = [reason for one in found.explain() for reason in one.reasons if "book town" in reason]
    assert told
    assert all(reason.endswith(" people with town “book town” chose it") for reason in told)
    print_user(recommender, "new in book town", found)
    shown = capsys.readouterr().out
    assert "user new in book town, by the table of users: town book town" in shown
    assert "is not known" not in shown
    recommender.forget([user_digest("new in book town")])
    assert profile_of(recommender, "new in book town") == {}


def test_the_report_has_it_as_a_simpler_ranking_and_newer_users_have_their_towns(
    towns: Bundle, frames: Frames, town_config: Config
) -> None:
    assert "popularity among users of the same profile" in towns.report.baselines
    assert towns.report.facts["profiles"] == "63 users, in 3 groups"
    newer = dataset_from_frames(*frames, town_config, users=USERS)
    report = evaluate(towns, newer)
    simpler = {name: metrics["ndcg@10"]["mean"] for name, metrics in report.baselines.items()}
    assert simpler["popularity among users of the same profile"] > simpler["popularity"]


def test_who_is_forgotten_has_no_town(towns: Bundle) -> None:
    recommender = Recommender(towns)
    recommender.forget([user_digest("user 2")])
    assert recommender.block([Request("user 2"), Request("user 3")]).profiles.tolist() == [-1, 3]
    recommender.observe([click("user 2", "coffee-0-small", AFTER)])
    assert history_of(recommender, "user 2")
    assert profile_of(recommender, "user 2") == {}, "who comes back is somebody new"
    cleared = towns.without_users([user_digest("user 2"), user_digest("new in book town")])
    rows = Recommender(cleared).block([Request("user 2"), Request("user 3"), Request("new in book town")]).profiles
    assert rows.tolist() == [-1, 2, -1]


def test_a_snapshot_knows_who_was_forgotten_without_ever_having_done_anything(towns: Bundle, tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    registry.publish(towns)
    recommender = Recommender.load(registry)
    recommender.forget([user_digest("new in book town")])
    snapshots, bundle = Snapshots(registry.path), recommender.bundle
    with snapshots.writing(bundle.version):
        record = save_snapshot(snapshots, bundle, recommender.events(), StoreMark(identity="a store", offset=1), None)
        snapshots.publish(record)
    written = snapshots.record(bundle.version)
    assert written is not None
    restarted = Recommender.load(registry).with_events(load_snapshot(snapshots, written, bundle))
    asked = [Request(f"new in {town}") for town in TOWNS]
    assert (restarted.block(asked).profiles >= 0).tolist() == [True, True, False]


def test_a_retraining_from_a_store_keeps_the_towns_of_all_but_the_forgotten(towns: Bundle, tmp_path: Path) -> None:
    registry = Registry(tmp_path / "registry")
    registry.publish(towns)
    store = open_store(sqlite_url(tmp_path / "store.db"))
    store.forget("new in garden town")
    decision = retrain(registry, store, progress=silent)
    assert (decision.action, decision.forgotten_in) == ("skipped", registry.current())
    items = list(towns.catalogue.vocabulary)
    store.append(clicks_of_tastes(items, 400))
    decision = retrain(registry, store, progress=silent)
    store.close()
    assert (decision.trained, decision.action) == ("continued", "promoted"), decision
    trained = Recommender(Bundle.load(registry))
    asked = [Request(f"new in {town}", time=AFTER) for town in TOWNS]
    assert (trained.block(asked).profiles >= 0).tolist() == [True, False, True]


def test_a_birthday_tells_the_age_at_the_moment_of_a_request(frames: Frames, town_config: Config) -> None:
    days = pl.date_range(date(2020, 1, 1), date(2020, 2, 29), eager=True)
    born = pl.DataFrame({"user_id": [f"user {number}" for number in range(60)], "born": days})
    told = dataset_from_frames(frames[0], until(frames[1], 40), town_config, users=born)
    bundle = train(told, town_config, name="born")
    recommender = Recommender(bundle)
    last = int(told.log.times[-1])
    asked = [Request("user 50", time=last), Request("user 50", time=last + 20 * DAY), Request("stranger", time=last)]
    now, later, nobody = recommender.block(asked).profiles.tolist()
    assert later > now > nobody == -1
    assert recommender.block([Request("user 50")]).profiles.tolist() == [now], "without a time as of the log's end"
    assert profile_of(recommender, "user 50")["born"][0].endswith(" years ago")
    assert bundle.sources.user_profiles is not None
    assert bundle.sources.user_profiles.rows_in(told.log).min() >= 0
    assert can_continue(bundle, told)


def test_data_without_the_towns_of_users_are_trained_on_anew(
    towns: Bundle, dataset: Dataset, frames: Frames, tmp_path: Path
) -> None:
    assert can_continue(towns, dataset)
    assert not can_continue(towns, replace(dataset, profiles=None))
    registry = Registry(tmp_path)
    registry.publish(towns)
    decision = retrain(registry, dataset_from_frames(*frames, towns.config), progress=silent)
    assert decision.trained == "from_scratch", decision
