"""Which of the configured sources a data set can teach."""

import polars as pl
import pytest

from recsys.config import Config, load_config
from recsys.data.dataset import Dataset
from recsys.data.items.catalogue import ItemCatalogue
from recsys.data.loading import dataset_from_frames
from recsys.pipeline.candidates.fitting import SourceFitting
from recsys.pipeline.training_run import TrainingRun

SOURCES = ("popular", "ease", "categories", "profiles", "newest")
USERS = pl.DataFrame({"user_id": [f"user {number}" for number in range(60)], "town": ["here", "there"] * 30})


@pytest.fixture(scope="module")
def config(plain_settings: tuple[str, ...]) -> Config:
    sources = f"candidates.sources={[*SOURCES]}".replace("'", '"')
    return load_config(None, (*plain_settings, sources, "cf.ease_max_items=30"))


@pytest.fixture(scope="module")
def dataset(frames: tuple[pl.DataFrame, pl.DataFrame], config: Config) -> Dataset:
    return dataset_from_frames(*frames, config, users=USERS)


@pytest.mark.parametrize("lacking", [None, "ease", "categories", "profiles"])
def test_a_fit_gives_the_sources_that_can_be_fitted(dataset: Dataset, config: Config, lacking: str | None) -> None:
    catalogue, profiles = dataset.catalogue, dataset.profiles
    if lacking == "ease":
        config = config.changed(cf={"ease_max_items": 29})
    elif lacking == "categories":
        catalogue = ItemCatalogue(catalogue.frame.select("item_id", "title"))
    elif lacking == "profiles":
        profiles = None
    said: list[str] = []
    fitting = SourceFitting(catalogue, profiles, config, TrainingRun(progress=said.append))
    fitted = fitting.fit(dataset.log, 0.0, None)
    can_be_fitted = {source for source in SOURCES if fitting.can_fit(source)}
    assert set(fitted.names) == can_be_fitted == {*SOURCES} - {lacking}
    assert any("ease is left out" in line for line in said) == (lacking == "ease")
