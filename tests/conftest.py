"""A small world to try all rooms on: three tastes, texts that tell them apart, and people who follow them."""

import os
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import settings

from recsys.config import Config, load_config

TASTES = {
    "coffee": ("espresso beans", "paper filter", "milk frother", "hand grinder", "pour over kettle"),
    "garden": ("tomato seeds", "pruning shears", "clay pot", "watering can", "compost soil"),
    "books": ("crime novel", "poetry volume", "history atlas", "cookery book", "travel guide"),
}
QUICK = (
    "text.peft=none",
    "text.budget_minutes=5",  # all passes, however busy the machine is: what is trained is the same everywhere
    "text.max_tokens=16",
    "cf.factors=8",
    "cf.iterations=5",
    "candidates.n=20",
    "ranker.trees=20",
    "retrain.max_new_users=1",  # the tests that retrain bring new users only
)
"""Settings under which the small world trains in seconds."""

settings.register_profile("recsys", deadline=None)  # a busy machine may be slower than any deadline
settings.load_profile("recsys")


@pytest.fixture
def usual_signals() -> Iterator[None]:
    """Ctrl-C and a closed terminal end programs, though what a shell starts in the background ignores the first, and
    what `nohup` starts the second; processes that a test starts inherit it."""
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in usual.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def real_data_set() -> Callable[[str], Path]:
    """The folder of a real data set by its name; a test that asks for one that is not there is skipped."""

    def folder_of(name: str) -> Path:
        folder = Path(os.environ.get("RECSYS_DATA", Path(__file__).parents[2] / "shared" / "data")) / name
        if not folder.is_dir():
            pytest.skip(f"{folder} is not there; point RECSYS_DATA to the real data")
        return folder

    return folder_of


@pytest.fixture(scope="session")
def quick_config() -> Config:
    """A config for tests that train."""
    return load_config(None, QUICK)


@pytest.fixture(scope="session")
def plain_settings() -> tuple[str, ...]:
    """Settings under which the small world trains in a second or two: no text, few trees."""
    return (
        'candidates.sources=["transitions", "als", "popular", "history"]',
        "candidates.n=20",
        "cf.factors=4",
        "cf.iterations=3",
        "ranker.ablation=false",
        "ranker.trees=10",
    )


def small_items() -> pl.DataFrame:
    """30 items of three tastes; two of them are available no longer."""
    rows = [
        {
            "item_id": f"{taste}-{kind}-{size}",
            "title": f"{size} {name}",
            "description": f"A {size} {name} for people who love {taste}.",
            "category": taste,
            "brand": f"brand {kind % 2}",
            "price": 5.0 + 3 * kind + (2 if size == "large" else 0),
            "available": not (kind == 4 and size == "large" and taste != "books"),
        }
        for taste, names in TASTES.items()
        for kind, name in enumerate(names)
        for size in ("small", "large")
    ]
    return pl.DataFrame(rows)


def small_events(n_users: int = 60, seed: int = 0) -> pl.DataFrame:
    """Users who mostly stay with one taste and buy some of what they click, over 60 days."""
    rng = np.random.default_rng(seed)
    items = small_items()
    by_taste = {taste: items.filter(pl.col("category") == taste)["item_id"].to_list() for taste in TASTES}
    start = datetime(2024, 3, 1, tzinfo=UTC)
    rows = []
    for user in range(n_users):
        taste = list(TASTES)[user % 3]
        for moment in np.sort(rng.uniform(0, 60, size=rng.integers(6, 16))):
            chosen = taste if rng.random() < 0.9 else str(rng.choice(list(TASTES)))
            event = "purchase" if rng.random() < 0.3 else "click"
            time = start + timedelta(days=float(moment))
            rows.append((f"user {user}", str(rng.choice(by_taste[chosen])), event, time))
    return pl.DataFrame(rows, schema=["user_id", "item_id", "event", "timestamp"], orient="row").sort("timestamp")


@pytest.fixture(scope="session")
def tiny_dataset_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small world as a dataset directory."""
    folder = tmp_path_factory.mktemp("small world")
    small_items().write_parquet(folder / "items.parquet")
    small_events().write_parquet(folder / "events.parquet")
    return folder


@pytest.fixture(scope="session")
def trained_registry(tiny_dataset_dir: Path, quick_config: Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with one version, trained on the small world. Tests that write to it copy it first."""
    from recsys.data.loading import load_dataset
    from recsys.pipeline.training.train import train
    from recsys.registry import Registry

    path = tmp_path_factory.mktemp("registry")
    bundle = train(load_dataset(tiny_dataset_dir, quick_config), quick_config)
    Registry(path).publish(bundle, why="for tests")
    return path
