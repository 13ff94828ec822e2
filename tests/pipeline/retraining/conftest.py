"""What the tests of retraining share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pipeline_world import fashion

from recsys.config import Config
from recsys.data.dataset import Dataset
from recsys.data.loading import append_events
from recsys.pipeline.recommender.bundle import Bundle
from recsys.store import Store, open_store, sqlite_url


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(sqlite_url(tmp_path / "store.db"))
    yield store
    store.close()


@pytest.fixture
def items(plain: Bundle) -> list[str]:
    return list(plain.catalogue.vocabulary)


@pytest.fixture
def trendy(early: Dataset, items: list[str], plain_config: Config) -> Dataset:
    """40 days of tastes, then 300 hours of a fashion that the served version cannot know."""
    return append_events(early, fashion(items, 300), plain_config)
