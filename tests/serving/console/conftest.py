"""The console in a real browser, over a server of its own for each module."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import polars as pl
import pytest
from browsing import PATIENCE, chromium
from odd_item import HTML, ODD
from running import serving_thread
from serving_versions import VersionCopy, publish_copy

from recsys.config import Config
from recsys.data.items.catalogue import ItemCatalogue
from recsys.data.loading import load_dataset
from recsys.data.users.user_profiles import UserProfiles
from recsys.pipeline.training.train import train
from recsys.registry import Registry
from serving.settings import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def console_registry(tiny_dataset_dir: Path, quick_config: Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two versions, the second one more diverse, and an item of which everything is HTML.

    What the page shows is compared with an answer of a moment later, which must not be another one as the hour turns.
    """
    config = quick_config.changed(features={"exclude": ("hour", "weekday")})
    trained, registry = (Registry(tmp_path_factory.mktemp(name) / "reg") for name in ("trained", "console"))
    dataset = load_dataset(tiny_dataset_dir, config)
    users = pl.DataFrame({"user_id": list(dataset.log.user_vocabulary)})
    towns = users.with_columns(
        town=pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.lit("Ghent")).otherwise(pl.lit("Graz"))
    )
    version = trained.publish(train(replace(dataset, profiles=UserProfiles.of(towns, dataset.log)), config))

    def add_odd_item(folder: Path) -> None:
        items = ItemCatalogue.load(folder / "vocabulary").frame
        odd = pl.col("item_id") == "books-4-small"
        html = {"item_id": ODD, "title": HTML, "brand": "<u>odd</u>"}
        changed = {name: pl.when(odd).then(pl.lit(text)).otherwise(name).alias(name) for name, text in html.items()}
        ItemCatalogue(items.with_columns(**changed)).save(folder / "vocabulary")

    first = registry.publish(replace(VersionCopy.of(trained, version), edit=add_odd_item))
    publish_copy(registry, first, promote=False, diversity=0.9)
    return registry.path


@pytest.fixture(scope="module")
def shop(console_registry: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    registry = tmp_path_factory.mktemp("shop") / "reg"
    shutil.copytree(console_registry, registry)
    patient = Config.model_validate({"serving": {"deadline_seconds": 60, "encoder": "first use"}})
    with serving_thread(Settings.of(patient, registry), timeout=60) as http:
        yield http


@pytest.fixture
def page(browser: "Browser") -> "Iterator[Page]":
    """A page of its own. It must not complain, nor ask anybody but its server for anything."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce", locale="en-GB")
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if "Content Security" in message.text else None)
    page.on("request", lambda request: complaints.append(request.url) if "//127.0.0.1" not in request.url else None)
    yield page
    context.close()
    assert [complaint for complaint in complaints if not complaint.startswith("data:")] == []
