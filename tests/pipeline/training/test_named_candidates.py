"""Requests that name the items to rank have a ranker of their own where shown lists are ordered better by one."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from features.state import EventState
from recsys.config import Config, load_config
from recsys.data.dataset import Dataset
from recsys.data.loading import dataset_from_frames
from recsys.data.requests.request import Request
from recsys.pipeline.candidates.request_block import RequestKind
from recsys.pipeline.evaluation.evaluate import evaluate
from recsys.pipeline.recommender.bundle import Bundle
from recsys.pipeline.recommender.recommend import Recommender
from recsys.pipeline.training.continued import continue_training, renumbered
from recsys.pipeline.training.named_candidates import and_ahead, rows_of_lists
from recsys.pipeline.training.preparing import prepared
from recsys.pipeline.training.steps import TrainingSteps
from recsys.pipeline.training.train import learn_from_history, train
from recsys.pipeline.training_run import TrainingRun
from recsys.progress import silent
from recsys.registry import Registry

START = datetime(2024, 3, 4, tzinfo=UTC)
ITEMS, VISITS = 100, 900


def shop(positions: bool = True, visits: int = VISITS) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A page shows eight goods, mostly dear ones, and of these the cheapest are bought: what is bought is no cheaper
    than what no page showed."""
    rng = np.random.default_rng(0)
    prices = 1.0 + np.arange(ITEMS) % 20
    items = [{"item_id": f"{item}", "title": f"goods {item}", "price": price} for item, price in enumerate(prices)]
    events = []
    for visit in range(visits):
        page = rng.choice(ITEMS, 8, replace=False, p=prices**2 / (prices**2).sum())
        bought = page[np.argmin(prices[page] + rng.normal(0, 2, 8))]
        user, moment = f"user {rng.integers(60)}", START + timedelta(hours=visit)
        at = {"user_id": user, "timestamp": moment, "request_id": f"page {visit}"}
        for place, item in enumerate(page):
            position = {"position": place} if positions else {}
            events.append({"item_id": f"{item}", "event": "impression", **at, **position})
        events.append({"item_id": f"{bought}", "event": "purchase", **at})
    return pl.DataFrame(items), pl.DataFrame(events, schema_overrides={"position": pl.Int64} if positions else {})


@pytest.fixture(scope="module")
def config(plain_settings: tuple[str, ...]) -> Config:
    sources = 'candidates.sources=["popular"]'
    return load_config(None, (*plain_settings, sources, "policy.seen=keep", "ranker.trees=50"))


@pytest.fixture(scope="module", params=[True, False])
def shown(request: pytest.FixtureRequest, config: Config) -> Bundle:
    return train(dataset_from_frames(*shop(request.param), config), config)


def test_named_items_have_a_ranker_of_their_own_where_it_orders_shown_lists_better(
    shown: Bundle, plain: Bundle
) -> None:
    assert shown.rankers.named is not None
    assert "have a ranker of their own" in shown.report.facts["named candidates"]
    assert plain.rankers.named is None, "nothing was shown in the small world"
    assert "named candidates" not in plain.report.facts


def test_of_named_items_those_come_first_that_are_chosen_from_lists(shown: Bundle) -> None:
    prices = dict(shop()[0].select("item_id", "price").rows())
    candidates = tuple(str(item) for item in range(0, ITEMS, 7))
    ranked = Recommender(shown).recommend(Request("user 1", candidates=candidates, n=len(candidates)))
    places = np.argsort(np.argsort([prices[item] for item in ranked.ids]))
    assert np.corrcoef(places, np.arange(len(places)))[0, 1] > 0.7, "the cheapest first"


def test_a_loaded_version_ranks_named_items_as_before(shown: Bundle, tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    version = registry.publish(shown)
    requests = [Request("user 1", candidates=("3", "25", "47")), Request("user 1"), Request(candidates=("3", "25"))]
    before, after = (
        one.recommend_many(requests, explain=True) for one in (Recommender(shown), Recommender.load(registry, version))
    )
    for one, other in zip(before, after, strict=True):
        assert one.ids == other.ids
        np.testing.assert_array_equal(one.scores, other.scores)
        np.testing.assert_array_equal(one.p_click, other.p_click)
        assert one.explain() == other.explain()


def test_only_requests_that_name_items_without_a_history_are_ranked_as_such(shown: Bundle) -> None:
    without = replace(shown, rankers=replace(shown.rankers, named=None))
    requests = [
        Request("user 1", candidates=("3", "25", "47")),
        Request("user 1"),
        Request(history=("3",), candidates=("25", "47")),
    ]
    one, other = (Recommender(bundle).recommend_many(requests) for bundle in (shown, without))
    assert [np.array_equal(a.scores, b.scores) for a, b in zip(one, other, strict=True)] == [False, True, True]


def test_lists_of_which_nothing_is_known_yet_teach_too(config: Config) -> None:
    """Every day has goods of its own. A list that is asked for ahead names those of tomorrow."""
    items, events = shop()
    day = ((pl.col("timestamp") - START).dt.total_days()).cast(pl.String)
    items = items.join(events.select(day.alias("day")).unique("day", maintain_order=True), how="cross")
    items = items.with_columns(pl.concat_str("item_id", "day", separator=" of day ")).drop("day")
    dataset = dataset_from_frames(
        items, events.with_columns(pl.concat_str("item_id", day, separator=" of day ").alias("item_id")), config
    )
    config, split = prepared(dataset, config, silent)
    steps, window, rows = learn_from_history(
        TrainingSteps(dataset, config, EventState(dataset.log), TrainingRun()), split
    )
    requests = steps.requests_in(split.ranker_start, split.test_start)
    as_shown = rows_of_lists(rows, seed=0)
    with_ahead = and_ahead(as_shown, window, requests, steps)
    ahead = with_ahead.sizes[as_shown.n_requests :]
    assert len(ahead) == math.ceil(len(requests) / 2)
    assert (ahead >= 8).all(), "all eight goods, whether anybody has met them or not"
    assert (as_shown.sizes < 8).any(), "when a list is shown, what nobody has met teaches nothing"


def test_a_training_that_continues_keeps_the_ranker_of_named_items(shown: Bundle, config: Config) -> None:
    newer = dataset_from_frames(*shop(visits=VISITS + 100), config)
    test_start = round((START + timedelta(hours=VISITS + 50)).timestamp() * 1e6)
    continued = continue_training(shown, renumbered(newer, shown), test_start=test_start)
    assert continued.rankers.named is shown.rankers.named


def test_lists_of_named_items_are_not_held_against_ablations_of_the_other_ranker(shown: Bundle) -> None:
    rankers = replace(shown.rankers, without={"text": shown.rankers.full})
    ablated, dataset = replace(shown, rankers=rankers), Dataset(shown.catalogue, shown.log)
    naming = evaluate(ablated, dataset, [Request("user 1", candidates=("3", "25"), targets=("3",))])
    assert not naming.ablation
    assert naming.importances == shown.rankers.of(RequestKind.NAMES_CANDIDATES).full.importance
    assert any("name the items to rank and have a ranker of their own" in caveat for caveat in naming.caveats)
