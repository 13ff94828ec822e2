"""Data sets, requests and files at URLs: what is there is read, what is written is whole."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import fsspec
import polars as pl
import pytest

from recsys.config import parse_config
from recsys.data.loading import load_dataset
from recsys.data.requests.request_file import read_requests, read_user_ids
from recsys.errors import ConfigError, DataError, StoreError
from recsys.locations import check, local_copy, location, name_of, put


@pytest.fixture(autouse=True)
def memory() -> Iterator[None]:
    """An empty memory file system, before and after."""
    files = fsspec.filesystem("memory")
    files.store.clear()
    yield
    files.store.clear()


def write(url: str, text: str) -> None:
    with fsspec.open(url, "w") as file:
        file.write(text)


def test_a_word_is_a_path_or_a_url() -> None:
    assert location("data/shop") == Path("data/shop")
    assert location("s3://bucket/shop") == "s3://bucket/shop"
    assert name_of("s3://bucket/shop/") == name_of(Path("data/shop")) == "shop"


def test_a_path_is_at_hand_already(tmp_path: Path) -> None:
    with local_copy(tmp_path) as here:
        assert here == tmp_path


@pytest.mark.parametrize("scheme", ["memory", "file"])
def test_a_data_set_at_a_url_reads_as_the_same_on_disk(tiny_dataset_dir: Path, tmp_path: Path, scheme: str) -> None:
    url = f"{scheme}://{tmp_path}/shop"
    for file in tiny_dataset_dir.iterdir():
        put(file, f"{url}/{file.name}")
    there, here = load_dataset(url), load_dataset(tiny_dataset_dir)
    assert there.fingerprint == here.fingerprint
    assert len(there.log) == len(here.log) > 0


@pytest.mark.parametrize("scheme", ["memory", "file"])
def test_a_folder_of_parquet_parts_is_one_table_here_and_at_a_url(
    tiny_dataset_dir: Path, tmp_path: Path, scheme: str
) -> None:
    shop, (items, events) = tmp_path / "shop", (tiny_dataset_dir / "items.parquet", tiny_dataset_dir / "events.parquet")
    (shop / "events.parquet").mkdir(parents=True)
    shutil.copy(items, shop)
    rows = pl.read_parquet(events)
    for number, part in enumerate((rows[:7], rows[7:])):
        part.write_parquet(shop / "events.parquet" / f"part-{number:05}.snappy.parquet")
    (shop / "events.parquet" / "_SUCCESS").touch()
    (shop / "events.parquet" / ".part-00000.snappy.parquet.crc").write_bytes(b"crc")
    expected = load_dataset(tiny_dataset_dir).fingerprint
    assert load_dataset(shop).fingerprint == expected
    for file in filter(Path.is_file, shop.rglob("*")):
        put(file, f"{scheme}://{tmp_path}/there/{file.relative_to(shop)}")
    assert load_dataset(f"{scheme}://{tmp_path}/there").fingerprint == expected


@pytest.mark.parametrize(
    ("folder", "said"),
    [
        ("events.parquet/day=2024-05-01", r"events\.parquet holds a folder, day=2024-05-01; .*without partitions"),
        ("events.parquet/_temporary", r"events\.parquet is a folder without parquet files"),
        ("events.csv/part", r"events\.csv is a folder; join its parts"),
    ],
)
def test_other_folders_are_no_tables(tmp_path: Path, folder: str, said: str) -> None:
    (tmp_path / "items.csv").write_text("item_id,title\ni1,Lamp\n")
    (tmp_path / folder).mkdir(parents=True)
    with pytest.raises(DataError, match=said):
        load_dataset(tmp_path)


def test_messages_name_the_url_and_not_its_copy(tmp_path: Path) -> None:
    said: list[str] = []
    write("memory://bucket/shop/items.csv", "item_id,title,descripton\ni1,Lamp,x\n")
    write(
        "memory://bucket/shop/events.csv",
        "user_id,item_id,event,timestamp\nu,i1,click,2024-01-01\nu,,click,2024-01-01\n",
    )
    config = parse_config({"data": {"max_rejected": 1.0}})
    load_dataset("memory://bucket/shop/", config, tmp_path / "rejected.jsonl", said.append)
    assert '"file": "memory://bucket/shop/events.csv"' in (tmp_path / "rejected.jsonl").read_text()
    assert said == [
        "memory://bucket/shop/items.csv: column 'descripton' is not known; if it is 'description', rename it"
    ]
    with pytest.raises(DataError, match=r"^memory://bucket/shop/events\.csv: 1 of 2 rows rejected"):
        load_dataset("memory://bucket/shop")
    with pytest.raises(DataError, match=r"^memory://bucket/shop/items\.csv has no column 'request_id'"):
        read_requests("memory://bucket/shop/items.csv")


def test_requests_and_users_are_read_from_a_url() -> None:
    write("memory://bucket/requests.jsonl", '{"request_id": "r1", "user_id": "u1"}\n')
    write("memory://bucket/users.txt", "u1\nu2\nu1\n")
    assert [request.request_id for request in read_requests("memory://bucket/requests.jsonl")] == ["r1"]
    assert read_user_ids("memory://bucket/users.txt") == ["u1", "u2"]


def test_folders_in_a_folder_are_left_alone() -> None:
    write("memory://bucket/shop/items.csv", "item_id,title\n")
    write("memory://bucket/shop/old/items.csv", "item_id,title\n")
    with local_copy("memory://bucket/shop") as here:
        assert [path.name for path in here.iterdir()] == ["items.csv"]
    assert not here.exists(), "a copy lasts as long as it is needed"


def test_a_url_that_names_nothing_is_reported() -> None:
    with (
        pytest.raises(DataError, match="memory://bucket/nowhere does not exist"),
        local_copy("memory://bucket/nowhere"),
    ):
        pass


def test_a_kind_of_url_that_nobody_knows() -> None:
    with pytest.raises(ConfigError, match="nonsense://"):
        check("nonsense://bucket/lists.parquet")
    check("memory://bucket/lists.parquet")
    check(Path("lists.parquet"))


def test_a_host_that_is_not_reached_is_a_store_error() -> None:
    with pytest.raises(StoreError, match=r"127\.0\.0\.1:1/lists.parquet cannot be reached"):
        check("ftp://127.0.0.1:1/lists.parquet")


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="cannot be written"):
        put(tmp_path / "file", f"file://{tmp_path}/file/lists.parquet")


class _OddFiles(fsspec.AbstractFileSystem):  # type: ignore[misc]
    """A file system whose library has errors of its own."""

    protocol = "odd"

    def exists(self, path: str, **_: object) -> bool:
        raise {"keys": RuntimeError("Unable to locate credentials"), "host": TimeoutError()}[path.split("/")[-1]]

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        raise RuntimeError("Unable to locate credentials")


def test_errors_of_other_libraries_say_that_a_place_cannot_be_reached(tmp_path: Path) -> None:
    fsspec.register_implementation("odd", _OddFiles, clobber=True)
    for where, words in (("odd://bucket/keys", "Unable to locate credentials"), ("odd://bucket/host", "TimeoutError")):
        with pytest.raises(StoreError, match=f"{where} cannot be reached: {words}"), local_copy(where):
            pass
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="Unable to locate credentials"):
        put(tmp_path / "file", "odd://bucket/file")
