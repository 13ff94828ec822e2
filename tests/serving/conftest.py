"""A server over a small trained registry. `trained_registry` is in tests/conftest.py."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from running import serving_thread

from recsys.config import Config
from recsys.data.items.catalogue import ItemCatalogue
from recsys.data.loading import load_dataset
from recsys.registry import Registry
from serving.settings import Settings

QUICK = Config.model_validate({"serving": {"encoder": "first use"}})
"""Few of these tests read a text."""


@pytest.fixture
def registry(trained_registry: Path, tmp_path: Path) -> Registry:
    """A copy that a test may change."""
    shutil.copytree(trained_registry, tmp_path / "reg")
    return Registry(tmp_path / "reg")


@pytest.fixture
def settings(registry: Registry) -> Settings:
    return Settings.of(QUICK, registry.path)


@pytest.fixture
def http(settings: Settings) -> Iterator[httpx.Client]:
    """A client of a server over the copy."""
    with serving_thread(settings) as http:
        yield http


@pytest.fixture(scope="module")
def reading(trained_registry: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a server that a module's tests share and only read from."""
    store = tmp_path_factory.mktemp("store") / "store.db"
    settings = Settings.of(QUICK, trained_registry, f"sqlite:///{store}")
    with serving_thread(settings) as http:
        yield http


@pytest.fixture(scope="session")
def items(trained_registry: Path) -> list[str]:
    """Ids of the catalogue."""
    registry = Registry(trained_registry)
    folder = registry.path_of(registry.resolve(None))
    return ItemCatalogue.load(folder / "vocabulary").frame["item_id"].to_list()


@pytest.fixture(scope="session")
def users(trained_registry: Path, tiny_dataset_dir: Path) -> list[str]:
    """Ids of users that have a history."""
    vocabulary = load_dataset(tiny_dataset_dir).log.user_vocabulary
    return list(vocabulary)
