"""Files that cannot be used say what is wrong, where, and what to do."""

import bz2
import gzip
import json
import lzma
import os
from contextlib import suppress
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from written_files import ANY, GOOD, HEADER, ITEMS, folder_of

from recsys.data.loading import load_dataset
from recsys.data.tables.files import open_table
from recsys.data.tables.table import collect
from recsys.errors import DataError


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"items__csv": ITEMS, "items__parquet": b"x"}, r"holds items.parquet and items.csv; keep one"),
        ({"items__csv": ""}, r"items.csv is empty"),
        ({"items__csv": "\n\n"}, r"items.csv, line 1: the header is empty"),
        ({"items__csv": "item_id,title\n"}, r"no usable item: it has a header and no rows"),
        ({"items__csv": "itemid,title\ni1,a\n"}, r"items.csv has no column 'item_id'; rename 'itemid' to it"),
        ({"items__csv": "x,title\ni1,a\n"}, r"no column 'item_id'; it has x, title"),
        ({"items__csv": f'item_id,"title\n{"i1,a" * 40_000}\n'}, r"line 1: the header cannot be read: a quote in it"),
        ({"items__csv": 'item_id,"title\ni1,"a"\n'}, r"line 1: the header cannot be read: a quote in it"),
        ({"items__csv": 'item_id,"title\ni1,a\ni2,b"\n'}, r"line 1: .* or the name of a column spans lines"),
        ({"items__csv": "item_id,title,price\ni1,a,$5\n"}, r"no usable item: 1 x not a number .* Correct these rows"),
        ({"items__csv": "item_id;title\ni1;a\n"}, r"line 1: the columns are separated by ';'"),
        ({"items__csv": "item_id,title,title\ni1,a,b\n"}, r"line 1: the header names 'title' twice"),
        ({"items__csv": b"item_id,title\ni1,caf\xe9\n"}, r"items.csv, line 2: text that is not UTF-8"),
        ({"items__csv": b"item_id,t\xeftle\n"}, r"items.csv, line 1: text that is not UTF-8"),
        ({"items__csv": 'item_id,title\ni0,b\ni1,"a\n'}, r"items.csv, line 3: a quote that does not close"),
        (
            {"items__csv": 'item_id,title\ni0,"b, ""c"""\ni1,12" ruler\ni2,c\n'},
            r"items.csv, line 3: a quote within a cell that does not begin with one",
        ),
        ({"items__csv": "item_id,title\ri1,a\r"}, r"items.csv: its lines end in CR alone"),
        (
            {"items__csv": "ITEM_ID,TITLE\ni1,a\n"},
            r"no columns 'item_id' and 'title'; rename 'ITEM_ID' to 'item_id'; rename 'TITLE' to 'title'$",
        ),
        ({"items__csv": "Handle,title\ni1,a\n"}, r"no column 'item_id'; it has Handle, title$"),
        (
            {"items__csv": "Handle,Title,Body\ni1,a,b\n", "events__csv": "user,item_id,Vendor,ts\n"},
            r"items.csv has no columns 'item_id' and 'title'; rename 'Title' to 'title'; it has Handle, Title, Body; "
            r"and \S*events.csv has no columns 'user_id', 'event' and 'timestamp'; rename 'user' to 'user_id'; it has "
            r"user, item_id, Vendor, ts; if all rows are of one kind, name it in each, such as purchase$",
        ),
        (
            {"items__csv": ITEMS, "events__jsonl": '{"ts": 1, "item_id": "i1"}\n' * 1_001, "events__csv": None},
            r"events.jsonl has no columns 'user_id', 'event' and 'timestamp'; it has ts, item_id; if all",
        ),
        (
            {"items__csv": ITEMS, "events__csv": HEADER + GOOD.replace("i1", "SKU-1")},
            r"no usable event: 1 x item_id is not in .*; items have ids such as 'i1'$",
        ),
        *(
            ({"items__csv": f"item_id,title,{name}\ni1,a,b\n"}, "a column cannot be called")
            for name in ("*", "^item.*$", "__row", "__raw", "__fault", "__value_title", "__extra_0")
        ),
        ({"items__jsonl": b'{"item_id": "1", "title": "a", "__fault": 1}\n'}, "a column cannot be called '__fault'"),
        ({"items__parquet": b"garbage"}, r"items.parquet cannot be read: parquet"),
        ({"items__csv.gz": b"garbage"}, r"items.csv.gz cannot be read: .*gzip"),
        ({"items__jsonl": b'{"item_id": 1, "title": "a"}\n\xff\xfe\n'}, r"items.jsonl, line 2: text that is not UTF-8"),
        ({"items__jsonl": b'{"a\\\\b": 1}\n'}, r"items.jsonl has no columns 'item_id' and 'title'; it has a"),
        ({"items__jsonl": b"[]\n"}, r"items.jsonl holds no JSON object"),
        ({"items__jsonl": b'[\n{"item_id": "1"},\n{"item_id": "2"}\n]\n'}, r"line, without .* for an array `jq -c"),
        ({"items__jsonl": b'{\n"item_id": "1"\n}\n'}, r"no JSON object on a line of its own; .* as `jq -c .` does"),
        ({"items__jsonl": b'{"itemid": 1, "title": ""}\n'}, r"items.jsonl has no column 'item_id'; rename 'itemid'"),
        ({"items__jsonl": b'{"item_id": "i1", "price": NaN}\n'}, r"one object a line, without NaN or Infinity"),
        ({"items__csv": gzip.compress(ITEMS.encode())}, r"is compressed by gzip; name it items.csv.gz"),
        ({"items__jsonl": gzip.compress(b"{}")}, r"is compressed by gzip; name it items.jsonl.gz"),
        ({"items__csv": bz2.compress(ITEMS.encode())}, r"is compressed by bzip2; unpack it, or compress it by gzip"),
        ({"items__csv": ITEMS.encode("utf-16")}, r"is text in UTF-16; save it as UTF-8 \(`iconv -f UTF-16 -t UTF-8"),
        ({"items__csv": lzma.compress(ITEMS.encode())}, r"is compressed by xz; unpack it"),
        ({"items__csv": b"\x28\xb5\x2f\xfd" + bytes(9)}, r"is compressed by zstd; unpack it"),
        ({"items__csv": b"PK\x03\x04" + bytes(9)}, r"is a zip archive or a workbook; unpack it, or export the sheet"),
        ({"items__csv": b"PAR1\x15\x00"}, r"items.csv holds parquet; name it so"),
        ({"items__csv": ITEMS, "events__csv": HEADER}, r"events.csv has no events"),
        ({"items__csv": ITEMS, "events__csv": "user_id,item,event,timestamp\n"}, r"no column 'item_id'; rename 'item'"),
        ({"items__csv": ITEMS, "events__csv": HEADER + ",,,,,,,1\n"}, r"events.csv has no usable event: 1 x missing"),
        ({"items__csv": ITEMS, "events__csv": HEADER + GOOD, "users__csv": "name\nx\n"}, r"users.csv has no column"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(
    tmp_path: Path, files: dict[str, str | bytes | None], message: str
) -> None:
    written = {"events__csv": HEADER + GOOD, **files}
    folder = folder_of(tmp_path, **{name: content for name, content in written.items() if content is not None})
    with pytest.raises(DataError, match=message):
        load_dataset(folder)


def test_a_mark_at_the_beginning_hides_no_key_of_the_first_line(tmp_path: Path) -> None:
    rows = [{"item_id": "i1", "title": "Lamp", "colour": "red"}, {"item_id": "i2", "title": "Chair"}]
    lines = "\ufeff" + "".join(f"{json.dumps(row)}\n" for row in rows)
    dataset = load_dataset(folder_of(tmp_path, items__jsonl=lines, events__csv=HEADER + GOOD))
    assert dataset.catalogue.frame["colour"].to_list() == ["red", None]


def test_a_folder_without_a_table_says_which_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has no items file \(it is empty\); add items as one of .parquet .csv"):
        load_dataset(tmp_path)
    with pytest.raises(DataError, match=r"has no events file \(it holds items.csv\)"):
        load_dataset(folder_of(tmp_path, items__csv=ITEMS))


def test_what_is_no_folder_of_files_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        load_dataset(tmp_path / "nowhere")
    with pytest.raises(DataError, match="is a file; give the folder"):
        load_dataset(folder_of(tmp_path, items__csv=ITEMS) / "items.csv")
    (tmp_path / "events.csv").mkdir()
    with pytest.raises(DataError, match=r"events.csv is a folder; join its parts"):
        load_dataset(tmp_path)


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ({"user_id": ["u"]}, r"b.parquet: column 'item_id' is missing, and in the first part String; write all parts"),
        (
            {"user_id": ["u"], "item_id": ["i"], "more": [1]},
            r"b.parquet: column 'more' is Int64, and in the first",
        ),
        ({"user_id": ["u"], "item_id": [7]}, r"b.parquet: column 'item_id' is Int64, and in the first part String"),
        (None, r"b.parquet cannot be read: "),
    ],
)
def test_a_part_of_a_folder_that_does_not_fit_is_named(
    tmp_path: Path, second: dict[str, list[object]] | None, message: str
) -> None:
    parts = tmp_path / "events.parquet"
    parts.mkdir()
    pl.DataFrame({"user_id": ["u"], "item_id": ["i"]}).write_parquet(parts / "a.parquet")
    (parts / "b.parquet").write_bytes(b"PAR1 and no more")
    if second is not None:
        pl.DataFrame(second).write_parquet(parts / "b.parquet")
    with pytest.raises(DataError, match=message):
        collect(table := open_table(parts), table.frame)


def test_a_table_that_is_a_link_to_nowhere_is_not_taken_for_none(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, items__csv=ITEMS, events__csv=HEADER + GOOD)
    (folder / "users.csv").symlink_to("nowhere")
    with pytest.raises(DataError, match=r"users\.csv is not a file, but a link that leads nowhere"):
        load_dataset(folder, ANY)


def test_a_folder_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the system says it: tests may run as one who may read everything."""
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(DataError, match="may not be read; ask whose it is"):
        load_dataset(folder_of(tmp_path, items__csv=ITEMS, events__csv=HEADER + GOOD))


def test_a_parquet_file_that_is_damaged_inside_is_refused_or_its_rows_are(tmp_path: Path) -> None:
    """Polars gives up over some of these in a panic, which is no `Exception`."""
    events = pl.DataFrame(
        {
            "user_id": [f"u{number % 7}" for number in range(300)],
            "item_id": ["i1", "i2"] * 150,
            "event": ["click"] * 300,
            "timestamp": pl.Series(range(300)).cast(pl.Datetime("us")),
        }
    )
    folder = folder_of(tmp_path, items__csv=ITEMS)
    events.write_parquet(folder / "events.parquet")
    whole = (folder / "events.parquet").read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(100):
        start, n = rng.integers(4, len(whole) - 300), rng.integers(1, 300)
        (folder / "events.parquet").write_bytes(whole[:start] + rng.bytes(n) + whole[start + n :])
        with suppress(DataError):
            load_dataset(folder, ANY)


def test_a_truncated_gzip_file_is_refused(tmp_path: Path) -> None:
    import gzip

    packed = gzip.compress((HEADER + GOOD * 5_000).encode())
    folder = folder_of(tmp_path, items__csv=ITEMS, **{"events__csv.gz": packed[: len(packed) // 2]})
    with pytest.raises(DataError, match="cannot be read"):
        load_dataset(folder)


@settings(max_examples=60)
@given(content=st.binary(max_size=200), suffix=st.sampled_from(["csv", "jsonl", "parquet", "csv.gz", "jsonl.gz"]))
def test_garbage_is_a_data_error(tmp_path_factory: pytest.TempPathFactory, content: bytes, suffix: str) -> None:
    folder = tmp_path_factory.mktemp("garbage")
    with pytest.raises(DataError):
        load_dataset(folder_of(folder, items__csv=ITEMS, **{f"events__{suffix}": content}))


@pytest.mark.parametrize("name", ["items.jsonl.gz", "events.jsonl.gz", "events.csv.gz"])
@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
def test_a_file_whose_compression_is_damaged(tmp_path: Path, name: str, place: float) -> None:
    table, kind = name.split(".", 1)
    noise = np.random.default_rng(0)
    rows = [
        {"item_id": f"i{n}", "title": f"{noise.integers(10**12)}"}
        if table == "items"
        else {"user_id": f"u{n}", "item_id": "i1", "event": "click", "timestamp": int(noise.integers(10**9))}
        for n in range(3_000)
    ]
    lines = "\n".join(map(json.dumps, rows)) if kind.startswith("jsonl") else pl.DataFrame(rows).write_csv()
    packed = bytearray(gzip.compress(lines.encode()))
    middle = int(len(packed) * place)
    packed[middle : middle + 40] = bytes(40)
    files = {"items__csv": ITEMS, "events__csv": HEADER + GOOD, f"{table}__{kind}": bytes(packed)}
    del files[f"{table}__csv"]
    with pytest.raises(DataError, match=r"cannot be read|not|quote"):
        load_dataset(folder_of(tmp_path, **files))
