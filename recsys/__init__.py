"""A content recommender that reads: text interest, collaborative filtering and behaviour in one ranker.

The public names are listed in `_HOMES` and loaded when they are first used, so that `import recsys` costs nothing.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recsys.config import Config as Config
    from recsys.config import load_config as load_config
    from recsys.data.dataset import Dataset as Dataset
    from recsys.data.events.event import Event as Event
    from recsys.data.items.catalogue import ItemCatalogue as ItemCatalogue
    from recsys.data.loading import dataset_from_frames as dataset_from_frames
    from recsys.data.loading import load_dataset as load_dataset
    from recsys.data.log.interactions import InteractionLog as InteractionLog
    from recsys.data.requests.request import Request as Request
    from recsys.errors import BundleError as BundleError
    from recsys.errors import ConfigError as ConfigError
    from recsys.errors import DataError as DataError
    from recsys.errors import NotTrainedError as NotTrainedError
    from recsys.errors import RecsysError as RecsysError
    from recsys.errors import StoreError as StoreError
    from recsys.pipeline.recommender.bundle import Bundle as Bundle
    from recsys.pipeline.recommender.item_list import ItemList as ItemList
    from recsys.pipeline.recommender.recommend import Recommender as Recommender
    from recsys.pipeline.training.train import train as train
    from recsys.registry import Registry as Registry

__version__ = "0.1.0"

# GNU's OpenMP reads this when LightGBM or torch is loaded, which is later. By default its threads spin for so long
# while they wait for each other that beside any other program they take several times as long (docs/speed.md).
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")

# Times of a fixed offset such as +05:30, as pandas writes them into Parquet, are no zones to polars, which panics.
os.environ.setdefault("POLARS_IGNORE_TIMEZONE_PARSE_ERROR", "1")

_HOMES = {
    "Bundle": "recsys.pipeline.recommender.bundle",
    "BundleError": "recsys.errors",
    "Config": "recsys.config",
    "ConfigError": "recsys.errors",
    "DataError": "recsys.errors",
    "Dataset": "recsys.data.dataset",
    "Event": "recsys.data.events.event",
    "InteractionLog": "recsys.data.log.interactions",
    "ItemCatalogue": "recsys.data.items.catalogue",
    "ItemList": "recsys.pipeline.recommender.item_list",
    "NotTrainedError": "recsys.errors",
    "Recommender": "recsys.pipeline.recommender.recommend",
    "RecsysError": "recsys.errors",
    "Registry": "recsys.registry",
    "Request": "recsys.data.requests.request",
    "StoreError": "recsys.errors",
    "dataset_from_frames": "recsys.data.loading",
    "load_config": "recsys.config",
    "load_dataset": "recsys.data.loading",
    "train": "recsys.pipeline.training.train",
}

__all__ = ["__version__", *_HOMES]  # noqa: PLE0604 - the keys are strings


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'recsys' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
