"""A small trained registry, and servers that write snapshots at once."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from snapshot_world import World

from recsys.config import load_config
from recsys.data.loading import load_dataset
from recsys.pipeline.training.train import train
from recsys.registry import Registry
from recsys.store import open_store, sqlite_url


@pytest.fixture(scope="module")
def trained(tiny_dataset_dir: Path, plain_settings: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry whose version reads no texts: it is loaded again and again here."""
    config = load_config(None, (*plain_settings, 'features.exclude=["hour", "weekday"]'))  # lists of two are compared
    path = tmp_path_factory.mktemp("registry")
    Registry(path).publish(train(load_dataset(tiny_dataset_dir, config), config))
    return path


@pytest.fixture
def world(trained: Path, tmp_path: Path) -> Iterator[World]:
    store = open_store(sqlite_url(tmp_path / "events.db"))
    shutil.copytree(trained, tmp_path / "reg")
    yield World(Registry(tmp_path / "reg"), store)
    store.close()


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """A snapshot is written for every event."""
    monkeypatch.setattr("serving.versions.snapshots.EVENTS", 1)
    monkeypatch.setattr("serving.versions.snapshots.EVENTS_AT_STOP", 1)
