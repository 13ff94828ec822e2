"""The simulated shop: users do what their tastes say, weeks go through the real server and the real retraining."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from recsys.config import Config, load_config
from recsys.data.items.catalogue import ItemCatalogue
from recsys.errors import ConfigError, DataError
from recsys.pipeline.recommender.bundle import Bundle
from recsys.registry import Registry
from recsys.simulation.arms import ARMS, arm_of
from recsys.simulation.server import ServerConnection
from recsys.simulation.verdict import rows, verdict
from recsys.simulation.weeks import LIST_LENGTH, Plan, Simulation
from recsys.simulation.world import World, examination

THEMES = ("coffee", "garden", "books", "running", "music", "baking")
KINDS = ("red", "blue", "small", "large", "old", "new")
TEXTS = [f"{theme} {kind} {theme} thing" for theme in THEMES for kind in KINDS]


@pytest.fixture
def world() -> World:
    return World.of(TEXTS, n_users=40, seed=1)


@pytest.fixture(scope="module")
def catalogue() -> ItemCatalogue:
    frame = pl.DataFrame({"item_id": [f"i{number}" for number in range(len(TEXTS))], "title": TEXTS})
    empty = {name: pl.lit(None, pl.String) for name in ("description", "category", "brand", "language")}
    return ItemCatalogue(
        frame.with_columns(
            **empty,
            tags=pl.lit(None, pl.List(pl.String)),
            price=pl.lit(2.5),
            created_at=pl.lit(None, pl.Datetime("us", "UTC")),
            available=pl.lit(True),
        )
    )


@pytest.fixture(scope="module")
def config() -> Config:
    settings = (
        'candidates.sources=["transitions", "als", "popular", "history"]',
        *("candidates.n=30", "cf.factors=8", "cf.iterations=4", "ranker.ablation=false", "ranker.trees=20"),
        *("retrain.min_events=50", "retrain.max_latency=100"),
    )
    return load_config(None, settings)


def test_first_positions_are_looked_at_most() -> None:
    np.testing.assert_allclose(examination(4), [1, 0.5**0.5, (1 / 3) ** 0.5, 0.5])


def test_items_that_read_alike_please_the_same_people(world: World) -> None:
    alike = world.items @ world.items.T
    assert alike[0, 1:6].mean() > alike[0, 6:].mean() + 0.3


def test_a_list_to_the_users_taste_earns_more_than_a_random_one(world: World) -> None:
    everything = np.arange(len(TEXTS), dtype=np.int32)
    best = [everything[np.argsort(-world.click_probabilities(user, everything))[:LIST_LENGTH]] for user in range(40)]
    ours = np.mean([world.value(user, items) for user, items in enumerate(best)])
    assert ours > 2 * np.mean([world.value(user, everything[:LIST_LENGTH]) for user in range(40)])


def test_clicks_come_as_often_as_the_truth_says(world: World) -> None:
    items = np.arange(LIST_LENGTH, dtype=np.int32)
    expected, clicks = world.value(3, items), []
    for _ in range(3_000):
        clicks.append(world.reactions(3, items)[0].sum())
        world.known[:] = False
    assert np.mean(clicks) == pytest.approx(expected, abs=0.08)


def test_what_was_clicked_is_not_clicked_again(world: World) -> None:
    items = np.arange(LIST_LENGTH, dtype=np.int32)
    clicks = sum(world.reactions(3, items)[0].astype(int) for _ in range(300))
    assert clicks.max() == 1
    assert world.known[3, items].sum() == clicks.sum() > 0
    assert world.click_probabilities(3, items)[clicks == 1].max() == 0


def test_tastes_shift_and_drift(world: World) -> None:
    items, users = world.items.copy(), world.users.copy()
    world.shift_tastes(0.5)
    changed = np.any(world.items != items, axis=1).mean()
    assert 0.3 < changed <= 0.5
    assert sorted(map(tuple, world.items.round(9))) == sorted(map(tuple, items.round(9))), "they have exchanged tastes"
    world.drift()
    assert 0.9 < np.mean(np.sum(world.users * users, axis=1)) < 1
    world.add_users(5)
    assert len(world.users) == 45


def test_weeks_through_the_real_server_retrain_promote_and_tell_the_arms_apart(
    catalogue: ItemCatalogue, config: Config, tmp_path: Path
) -> None:
    plan = Plan(weeks=3, users=40, visits=2, shift_week=2, new_items=0.2)
    weeks = Simulation(catalogue, config, plan, tmp_path, seed=1).run()
    assert [week.number for week in weeks] == [1, 2, 3]
    assert all(set(week.clicks) == set(ARMS) and all(len(week.clicks[arm]) for arm in ARMS) for week in weeks)
    assert all(week.decision is not None for week in weeks[:2])
    assert weeks[-1].decision is None
    registry = Registry(tmp_path / "registry")
    promoted = [week.decision.challenger for week in weeks[:2] if week.decision and week.decision.action == "promoted"]
    assert registry.current() == (promoted[-1] if promoted else registry.versions()[0])
    assert Registry(tmp_path / "frozen").versions() == registry.versions()[:1]
    known = Bundle.load(registry)
    if promoted:
        assert len(known.catalogue) > len(catalogue) * 0.8, "items that came have been learned"
        assert known.log.is_impression.any()
    found = verdict(weeks, plan.shift_week)
    assert len(rows(found)) == 3
    assert {"against_popularity", "against_frozen", "recovery"} <= set(found)


def test_too_little_for_lists_or_arms_is_reported_before_the_work(
    catalogue: ItemCatalogue, config: Config, tmp_path: Path
) -> None:
    few = ItemCatalogue(catalogue.frame.head(LIST_LENGTH))
    with pytest.raises(DataError, match="too small for lists of 10: 9 of its 10 items"):
        Simulation(few, config, Plan(weeks=2), tmp_path)
    with pytest.raises(ConfigError, match="6 users are too few"):
        Simulation(catalogue, config, Plan(users=6), tmp_path)


def test_many_new_items_come_in_calls_that_a_server_takes(catalogue: ItemCatalogue) -> None:
    calls = []

    class Server(ServerConnection):
        def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
            calls.append([item["item_id"] for item in (body or {})["items"]])
            return {}

    Server(0).put_items(catalogue.frame.drop("available", "created_at"))
    assert [len(ids) for ids in calls] == [20, 16]
    assert [id_ for ids in calls for id_ in ids] == catalogue.frame["item_id"].to_list()


def test_every_user_has_one_arm() -> None:
    arms = [arm_of(user) for user in range(1_000)]
    shares = [arms.count(arm) / 1_000 for arm in ARMS]
    np.testing.assert_allclose(shares, [0.5, 0.25, 0.25], atol=0.05)
    assert arms == [arm_of(user) for user in range(1_000)]
