"""Live sources: a newsroom's items of today are proposed, and where they find nothing they are left out."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from pipeline_world import market

from recsys.config import Config, load_config
from recsys.data.loading import dataset_from_frames
from recsys.data.requests.request import Request
from recsys.pipeline.candidates.live_sources import LIVE, newest_scores
from recsys.pipeline.recommender.bundle import Bundle
from recsys.pipeline.recommender.recommend import Recommender
from recsys.pipeline.training.train import train
from recsys.registry import Registry

SOURCES = 'candidates.sources=["transitions", "als", "popular", "trending", "newest"]'
START = datetime(2024, 3, 1, tzinfo=UTC)
DAYS, STORIES = 24, 12


def newsroom(seed: int = 0) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Twelve stories a day, which nobody reads on another day; two of them are what most people read."""
    rng = np.random.default_rng(seed)
    items = [
        {"item_id": f"{day}-{story}", "title": f"story {story}", "created_at": START + timedelta(days=day)}
        for day in range(DAYS)
        for story in range(STORIES)
    ]
    chances = np.array([0.35, 0.25, *[0.04] * (STORIES - 2)])
    events = [
        {
            "user_id": f"reader {rng.integers(60)}",
            "item_id": f"{day}-{rng.choice(STORIES, p=chances)}",
            "event": "click",
            "timestamp": START + timedelta(days=day, minutes=10 + 14 * minute),
        }
        for day in range(DAYS)
        for minute in range(90)
    ]
    return pl.DataFrame(items), pl.DataFrame(events)


@pytest.fixture(scope="module")
def config(plain_settings: tuple[str, ...]) -> Config:
    windows = ("data.test_fraction=0.2", "data.ranker_fraction=0.3")
    return load_config(
        None, (*plain_settings, *windows, SOURCES, "candidates.n=60", "policy.seen=keep", "ranker.trees=100")
    )


@pytest.fixture(scope="module")
def news(config: Config) -> Bundle:
    return train(dataset_from_frames(*newsroom(), config), config)


def test_what_is_new_and_what_is_trending_are_candidates(news: Bundle) -> None:
    assert news.report.candidates is not None
    recall = news.report.candidates.sources
    assert max(recall[source] for source in LIVE if source in recall) > 0.7
    assert recall["popular"] < 0.3, "it knows what was read up to the training"
    assert news.report.candidates.merged > 0.7
    assert news.report.metrics["ndcg@10"]["mean"] > 0.3


def test_a_stranger_gets_the_stories_of_today(news: Bundle) -> None:
    today = START + timedelta(days=DAYS - 1, hours=20)
    listed = Recommender(news).recommend(Request(n=10, time=int(today.timestamp() * 1e6)))
    assert sum(item.startswith(f"{DAYS - 1}-") for item in listed.ids) >= 8
    assert f"{DAYS - 1}-0" in listed.ids[:3]


def test_a_version_keeps_its_live_sources(
    news: Bundle, config: Config, tmp_path_factory: pytest.TempPathFactory
) -> None:
    registry = Registry(tmp_path_factory.mktemp("registry"))
    registry.publish(news)
    loaded = Bundle.load(registry)
    assert loaded.sources.live == news.sources.live != ()
    assert loaded.sources.names == news.sources.names
    request = Request(n=10, time=int((START + timedelta(days=DAYS)).timestamp() * 1e6))
    assert Recommender(loaded).recommend(request).ids == Recommender(news).recommend(request).ids


def test_where_they_find_nothing_they_are_left_out(plain_settings: tuple[str, ...]) -> None:
    config = load_config(None, (*plain_settings, SOURCES, "candidates.n=40"))
    bundle = train(dataset_from_frames(*market(), config), config)  # everybody keeps to a taste, and nothing is new
    assert bundle.sources.live == ()
    assert not set(LIVE) & set(bundle.config.candidates.sources)
    assert not any(name.startswith("trending") for name in bundle.features.names)


def test_newest_first_and_nothing_of_what_has_no_date() -> None:
    scores = newest_scores(np.array([5.0, np.nan, 9.0, 5.0, 1.0]))
    everything = np.ones((1, 5), dtype=bool)
    assert scores.best(everything, 5).tolist() == [[2, 0, 3, 4, -1]]
    values = scores.of(np.zeros(5, dtype=np.int64), np.arange(5, dtype=np.int32))
    assert values[1] == 0
    assert values[0] == values[3] > values[4] > 0
    assert newest_scores(np.full(3, np.nan)).best(np.ones((1, 3), dtype=bool), 2).tolist() == [[-1, -1]]
