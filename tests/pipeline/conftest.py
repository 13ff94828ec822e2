"""Trained versions that the tests of the pipeline share. `trained_registry` is in tests/conftest.py."""

from pathlib import Path

import polars as pl
import pytest
from pipeline_world import until

from recsys.config import Config, load_config
from recsys.data.dataset import Dataset
from recsys.data.loading import dataset_from_frames, load_dataset
from recsys.pipeline.recommender.bundle import Bundle
from recsys.pipeline.recommender.recommend import Recommender
from recsys.pipeline.training.train import train
from recsys.registry import Registry


@pytest.fixture(scope="session")
def plain_config(plain_settings: tuple[str, ...]) -> Config:
    """No text, few trees, and windows of a fifth of the log."""
    return load_config(None, (*plain_settings, "data.test_fraction=0.2", "data.ranker_fraction=0.2"))


@pytest.fixture(scope="session")
def world(tiny_dataset_dir: Path, quick_config: Config) -> Dataset:
    """The small world."""
    return load_dataset(tiny_dataset_dir, quick_config)


@pytest.fixture(scope="session")
def frames(tiny_dataset_dir: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Items and events of the small world."""
    return pl.read_parquet(tiny_dataset_dir / "items.parquet"), pl.read_parquet(tiny_dataset_dir / "events.parquet")


@pytest.fixture(scope="session")
def early(frames: tuple[pl.DataFrame, pl.DataFrame], plain_config: Config) -> Dataset:
    """The first 40 of 60 days of the small world."""
    return dataset_from_frames(frames[0], until(frames[1], 40), plain_config)


@pytest.fixture(scope="session")
def plain(early: Dataset, plain_config: Config) -> Bundle:
    """Trained on the first 40 days, not published."""
    return train(early, plain_config, name="small world")


@pytest.fixture(scope="session")
def bundle(trained_registry: Path) -> Bundle:
    """With text, trained on all 60 days, as loaded from the registry."""
    return Bundle.load(Registry(trained_registry))


@pytest.fixture
def recommender(bundle: Bundle) -> Recommender:
    """A fresh one, which a test may let observe events."""
    return Recommender(bundle)


@pytest.fixture
def plain_registry(plain: Bundle, tmp_path: Path) -> Registry:
    """A registry that serves `plain`."""
    registry = Registry(tmp_path / "registry")
    registry.publish(plain, why="for tests")
    return registry
