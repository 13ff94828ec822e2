"""The time of the week as a source: used where it predicts what is chosen, and lists follow the clock then."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from pipeline_world import market

from recsys.config import Config, load_config
from recsys.data.loading import dataset_from_frames
from recsys.data.requests.request import Request
from recsys.pipeline.candidates.sources import RHYTHM
from recsys.pipeline.recommender.bundle import Bundle
from recsys.pipeline.recommender.recommend import Recommender
from recsys.pipeline.training.continued import can_continue
from recsys.pipeline.training.train import train
from recsys.registry import Registry

SOURCES = 'candidates.sources=["popular", "rhythm"]'
START = datetime(2024, 3, 4, tzinfo=UTC)  # a Monday
DAYS, DISHES, MEALS = 30, 8, {"breakfast": 8, "dinner": 19}


def canteen(seed: int = 0) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Eight dishes for the morning and eight for the evening, which everybody likes alike."""
    rng = np.random.default_rng(seed)
    items = [
        {"item_id": f"{meal} {dish}", "title": f"dish {dish}", "category": meal}
        for meal in MEALS
        for dish in range(DISHES)
    ]
    events = [
        {
            "user_id": f"guest {rng.integers(80)}",
            "item_id": f"{meal} {rng.integers(DISHES)}",
            "event": "purchase",
            "timestamp": START + timedelta(days=day, hours=hour, minutes=int(rng.integers(60))),
        }
        for day in range(DAYS)
        for meal, hour in MEALS.items()
        for _ in range(20)
    ]
    return pl.DataFrame(items), pl.DataFrame(events)


@pytest.fixture(scope="module")
def config(plain_settings: tuple[str, ...]) -> Config:
    return load_config(None, (*plain_settings, SOURCES, "policy.seen=keep", "ranker.trees=50"))


@pytest.fixture(scope="module")
def meals(config: Config) -> Bundle:
    return train(dataset_from_frames(*canteen(), config), config)


def listed_at(recommender: Recommender, hour: int, user: str | None = None) -> list[str]:
    moment = START + timedelta(days=DAYS, hours=hour)
    return list(recommender.recommend(Request(user_id=user, n=DISHES, time=int(moment.timestamp() * 1e6))).ids)


@pytest.mark.parametrize("user", ["guest 3", None])
def test_lists_follow_the_clock(meals: Bundle, user: str | None) -> None:
    assert RHYTHM in meals.config.candidates.sources
    recommender = Recommender(meals)
    for meal, hour in MEALS.items():
        assert all(item.startswith(meal) for item in listed_at(recommender, hour, user))
    then, usual = (meals.report.baselines[name] for name in ("popularity at this time of the week", "popularity"))
    assert then["ndcg@10"]["mean"] > usual["ndcg@10"]["mean"] + 0.05


def test_without_a_time_lists_are_for_any_time_unless_somebody_waits_for_them(
    meals: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = Recommender(meals)
    anytime = list(batch.recommend(Request(n=2 * DISHES)).ids)
    for meal, hour in MEALS.items():
        moment = int((START + timedelta(days=DAYS, hours=hour)).timestamp() * 1e6)
        monkeypatch.setattr("recsys.pipeline.recommender.recommend.clock", lambda moment=moment: moment)
        assert list(batch.recommend(Request(n=2 * DISHES)).ids) == anytime
        now = batch.by_the_clock().recommend(Request(n=DISHES)).ids
        assert all(item.startswith(meal) for item in now)


def test_a_published_version_keeps_the_rhythm(
    meals: Bundle, config: Config, tmp_path_factory: pytest.TempPathFactory
) -> None:
    registry = Registry(tmp_path_factory.mktemp("registry"))
    registry.publish(meals)
    loaded = Bundle.load(registry)
    assert loaded.sources.names == meals.sources.names
    assert listed_at(Recommender(loaded), 8) == listed_at(Recommender(meals), 8)
    assert can_continue(loaded, dataset_from_frames(*canteen(), config))


def test_where_the_time_does_not_matter_it_is_left_out(config: Config) -> None:
    said: list[str] = []
    bundle = train(dataset_from_frames(*market(), config), config, progress=said.append)
    assert bundle.config.candidates.sources == ("popular",)
    assert not any(name.startswith(RHYTHM) for name in bundle.features.names)
    assert f"{RHYTHM} is left out: the time of the week does not predict what is chosen" in said


def test_as_the_only_source_it_is_used_in_any_case(config: Config) -> None:
    alone = config.changed(candidates={"sources": (RHYTHM,)})
    assert train(dataset_from_frames(*market(), alone), alone).sources.names == (RHYTHM,)
