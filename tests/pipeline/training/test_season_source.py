"""The time of the year as a source: used where it predicts what is chosen, and lists follow the calendar then."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from pipeline_world import market

from recsys.config import Config, load_config
from recsys.data.loading import dataset_from_frames
from recsys.data.requests.request import Request
from recsys.pipeline.candidates.sources import SEASON
from recsys.pipeline.recommender.bundle import Bundle
from recsys.pipeline.recommender.recommend import Recommender
from recsys.pipeline.training.train import train
from recsys.registry import Registry

START, END = datetime(2021, 1, 4, tzinfo=UTC), datetime(2023, 8, 31, tzinfo=UTC)
GOODS, SEASONS = 8, {"gift": (12,), "parasol": (7, 8), "bread": tuple(range(1, 13))}


def shop(seed: int = 0) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Bread is bought all the year; while it is their season, most buy gifts or parasols."""
    rng = np.random.default_rng(seed)
    items = [{"item_id": f"{kind} {n}", "title": f"no {n}", "category": kind} for kind in SEASONS for n in range(GOODS)]
    events = []
    for day in range((END - START).days):
        moment = START + timedelta(days=day)
        for kind, months in SEASONS.items():
            events += [
                {
                    "user_id": f"customer {rng.integers(80)}",
                    "item_id": f"{kind} {rng.integers(GOODS)}",
                    "event": "purchase",
                    "timestamp": moment + timedelta(minutes=int(rng.integers(1_000))),
                }
                for _ in range((moment.month in months) * (1 if kind == "bread" else 5))
            ]
    return pl.DataFrame(items), pl.DataFrame(events)


@pytest.fixture(scope="module")
def config(plain_settings: tuple[str, ...]) -> Config:
    sources = 'candidates.sources=["popular", "season"]'
    return load_config(None, (*plain_settings, sources, "policy.seen=keep", "ranker.trees=50"))


@pytest.fixture(scope="module")
def through_the_year(config: Config) -> Bundle:
    return train(dataset_from_frames(*shop(), config), config)


def microseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1e6)


def kinds_at(recommender: Recommender, moment: datetime | None) -> set[str]:
    time = None if moment is None else microseconds(moment)
    return {item.split(" ")[0] for item in recommender.recommend(Request(n=GOODS, time=time)).ids}


def test_lists_follow_the_calendar(through_the_year: Bundle, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert SEASON in through_the_year.config.candidates.sources
    registry = Registry(tmp_path_factory.mktemp("registry"))
    registry.publish(through_the_year)
    for recommender in (Recommender(through_the_year), Recommender.load(registry)):
        assert kinds_at(recommender, datetime(2023, 12, 10, tzinfo=UTC)) == {"gift"}
        assert kinds_at(recommender, datetime(2024, 7, 20, tzinfo=UTC)) == {"parasol"}


def test_lists_without_a_time_are_for_this_time_of_the_year(
    through_the_year: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a batch, that is the end of the log; where somebody waits, the clock tells, though no event came since."""
    monkeypatch.setattr(
        "recsys.pipeline.recommender.recommend.clock", lambda: microseconds(datetime(2023, 12, 10, tzinfo=UTC))
    )
    batch = Recommender(through_the_year)
    assert kinds_at(batch, None) == {"parasol"}
    assert kinds_at(batch.by_the_clock(), None) == {"gift"}


def test_where_the_time_of_the_year_does_not_matter_it_is_left_out(config: Config) -> None:
    said: list[str] = []
    bundle = train(dataset_from_frames(*market(), config), config, progress=said.append)
    assert bundle.config.candidates.sources == ("popular",)
    assert not any(name.startswith(SEASON) for name in bundle.features.names)
    assert f"{SEASON} is left out: the time of the year does not predict what is chosen" in said
