"""What is wrong is said with what, where and what to do; it never is a stack trace."""

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

from recsys.config import parse_config
from recsys.data.loading import dataset_from_frames, load_dataset, read_dataset
from recsys.data.tables.rejections import NoUsableRowError, write_rejected
from recsys.errors import DataError


@pytest.mark.parametrize(
    ("row", "column", "value", "reason"),
    [
        (",i1,click,2024-01-01,,,,", "user_id", None, "missing"),
        ('"  ",i1,click,2024-01-01,,,,', "user_id", "  ", "missing"),
        ("u1,,click,2024-01-01,,,,", "item_id", None, "missing"),
        ("u1,i1,,2024-01-01,,,,", "event", None, "missing"),
        ("u1,i1,click,,,,,", "timestamp", None, "missing"),
        ("u1,i1,click,yesterday,,,,", "timestamp", "yesterday", "ISO 8601"),
        ("u1,i1,click,2024-13-01,,,,", "timestamp", "2024-13-01", "ISO 8601"),
        ("u1,i1,click,2024-01-01T10:00+99:00,,,,", "timestamp", "2024-01-01T10:00+99:00", "ISO 8601"),
        ("u1,i1,click,1969-12-31T23:59:59Z,,,,", "timestamp", "1969-12-31T23:59:59Z", "before 1970"),
        ("u1,i1,click,-5,,,,", "timestamp", "-5", "before 1970"),
        ("u1,i1,click,2999-01-01,,,,", "timestamp", "2999-01-01", "in the future"),
        ("u1,i1,click,1714564800000000,,,,", "timestamp", "1714564800000000", "seconds or milliseconds"),
        ("u1,i1,click,2024-01-01,,,,NaN", "value", "NaN", "NaN or infinite"),
        ("u1,i1,click,2024-01-01,,,,-inf", "value", "-inf", "NaN or infinite"),
        ('u1,i1,click,2024-01-01,,,,"1,5"', "value", "1,5", "not a number"),
        ("u1,i1,click,2024-01-01,,-1,,", "position", "-1", "whole number"),
        ("u1,i1,click,2024-01-01,,1.5,,", "position", "1.5", "whole number"),
        ("u1,i1,click,2024-01-01,,40000,,", "position", "40000", "whole number"),
        ("u1,i1,click,2024-01-01,,,0,", "propensity", "0", "(0, 1]"),
        ("u1,i1,click,2024-01-01,,,1.01,", "propensity", "1.01", "(0, 1]"),
        ("u1,i1,click,2024-01-01,,,NaN,", "propensity", "NaN", "NaN or infinite"),
        ("u1,i1,click,2024-01-01,,,,4e38", "value", "4e38", "beyond 3.4e+38"),
        ("u1,i1,click,2024-01-01,,,1e-46,", "propensity", "1e-46", "below 1.2e-38"),
        ("u1,nowhere,click,2024-01-01,,,,", "item_id", "nowhere", "unknown_items"),
        ("u1,i1,click,2024-01-01,,,,1,9,9", None, "9", "more cells"),
        ("u1,i1,click,2024-01-01,,,,1,,9", None, "9", "more cells"),
    ],
)
def test_a_bad_event_is_set_aside(tmp_path: Path, row: str, column: str | None, value: str | None, reason: str) -> None:
    folder = folder_of(tmp_path, items__csv=ITEMS, events__csv=f"{HEADER}{GOOD}\n{row}\n{GOOD}")
    dataset = load_dataset(folder, ANY, tmp_path / "rejected.jsonl")
    assert (len(dataset.log), dataset.n_rejected) == (2, 1)
    entry = json.loads((tmp_path / "rejected.jsonl").read_text(encoding="utf-8"))
    assert entry["file"] == str(folder / "events.csv")
    # The blank line 3 is no row, but it is a line.
    assert entry["line"] == 4
    assert entry["column"] == column
    assert entry["value"] == value
    assert reason in entry["reason"]


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        (",Lamp,,,,", "item_id", "missing"),
        ("i9,,,,,", "title", "missing"),
        ("i9, ,,,,", "title", "missing"),
        ("i1,Again,,,,", "item_id", "line 2 has it first"),
        ("i9,Lamp,NaN,,,", "price", "NaN or infinite"),
        ("i9,Lamp,£5,,,", "price", "not a number"),
        ("i9,Lamp,,maybe,,", "available", "true or false"),
        ("i9,Lamp,,,once,", "created_at", "ISO 8601"),
        ("i9,Lamp,,,9999-12-31T23:30:00-01:00,", "created_at", "of the years 1 to 9999"),
    ],
)
def test_a_bad_item_is_set_aside(tmp_path: Path, row: str, column: str, reason: str) -> None:
    items = f"item_id,title,price,available,created_at,tags\ni1,Lamp,1,yes,1950-01-01,a|b\n{row}\n"
    _, report = read_dataset(folder_of(tmp_path, items__csv=items, events__csv=HEADER + GOOD), ANY)
    entry = json.loads(report.rejections[0].lines()[0])
    assert (entry["line"], entry["column"]) == (3, column)
    assert reason in entry["reason"]


def test_in_typed_files_nan_is_a_bad_price_and_another_type_is_refused() -> None:
    items = pl.DataFrame({"item_id": ["i1", "i2", "i3"], "title": ["a", "b", "c"], "price": [1.0, float("nan"), None]})
    events = pl.DataFrame({"user_id": ["u"], "item_id": ["i1"], "event": ["click"], "timestamp": [0]})
    dataset = dataset_from_frames(items, events, ANY)
    assert dataset.n_rejected == 1
    with pytest.raises(DataError, match=r"items: column 'title' holds List\(String\); it must hold text"):
        dataset_from_frames(items.with_columns(pl.concat_list("title")), events)
    with pytest.raises(DataError, match=r"events: column 'timestamp' holds Boolean; it must hold ISO 8601"):
        dataset_from_frames(items, events.with_columns(pl.lit(True).alias("timestamp")))


def test_lines_that_are_no_json_objects_are_set_aside(tmp_path: Path) -> None:
    good = '{"user_id": "u", "item_id": "i1", "event": "click", "timestamp": 1714564800, "value": 2}'
    late = '{"user_id": "u", "item_id": 1, "event": "click", "timestamp": "2024-01-01", "position": 4}'
    deep = f'{{"user_id": "u", "item_id": "i1", "event": "click", "timestamp": 0, "value": {"[" * 300}{"]" * 300}}}'
    lines = [good, "", "not\x01json", "[1]", '{"user_id": "u", "value": NaN}', '{"user_id": null}', late, deep]
    items = '{"item_id": "i1", "title": "a"}\n{"item_id": 1, "title": "b", "say \\"颜色\\".": 5}\n'
    folder = folder_of(tmp_path, items__jsonl=items, events__jsonl="\n".join(lines))
    dataset, report = read_dataset(folder, ANY)
    entries = [json.loads(line) for line in report.rejections[1].lines()]
    found = [(entry["line"], entry["column"]) for entry in entries]
    assert found == [(3, None), (4, None), (5, None), (6, "user_id"), (8, None)]
    assert entries[0]["value"] == "not"
    assert dataset.log.positions.tolist() == [4, -1]
    assert dataset.catalogue.frame['say "颜色".'].to_list() == [None, 5]


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
        ({"items__csv": b"\xff\xfei\x00"}, r"items.csv, line 1: text that is not UTF-8"),
        ({"items__csv": 'item_id,title\ni0,b\ni1,"a\n'}, r"items.csv, line 3: a quote that does not close"),
        (
            {"items__csv": 'item_id,title\ni0,"b, ""c"""\ni1,12" ruler\ni2,c\n'},
            r"items.csv, line 3: a quote within a cell that does not begin with one",
        ),
        ({"items__csv": "item_id,title\ri1,a\r"}, r"items.csv: its lines end in CR alone"),
        ({"items__csv": "ITEM_ID,TITLE\ni1,a\n"}, r"no column 'item_id'; rename 'ITEM_ID' to it"),
        *(
            ({"items__csv": f"item_id,title,{name}\ni1,a,b\n"}, "a column cannot be called")
            for name in ("*", "^item.*$", "__row", "__raw", "__fault", "__value_title", "__extra_0")
        ),
        ({"items__jsonl": b'{"item_id": "1", "title": "a", "__fault": 1}\n'}, "a column cannot be called '__fault'"),
        ({"items__parquet": b"garbage"}, r"items.parquet cannot be read: parquet"),
        ({"items__csv.gz": b"garbage"}, r"items.csv.gz cannot be read: .*gzip"),
        ({"items__jsonl": b'{"item_id": 1, "title": "a"}\n\xff\xfe\n'}, r"items.jsonl, line 2: text that is not UTF-8"),
        ({"items__jsonl": b'{"a\\\\b": 1}\n'}, r"items.jsonl has no column 'item_id'; it has a"),
        ({"items__jsonl": b"[]\n"}, r"items.jsonl holds no JSON object"),
        ({"items__jsonl": b'{"itemid": 1}\n'}, r"items.jsonl has no column 'item_id'; rename 'itemid'"),
        ({"items__csv": gzip.compress(ITEMS.encode())}, r"is compressed by gzip; name it items.csv.gz"),
        ({"items__jsonl": gzip.compress(b"{}")}, r"is compressed by gzip; name it items.jsonl.gz"),
        ({"items__csv": bz2.compress(ITEMS.encode())}, r"is compressed by bzip2; unpack it, or compress it by gzip"),
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
def test_a_file_that_cannot_be_used_says_why(tmp_path: Path, files: dict[str, str | bytes], message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_dataset(folder_of(tmp_path, **{"events__csv": HEADER + GOOD, **files}))


def test_a_mark_at_the_beginning_hides_no_key_of_the_first_line(tmp_path: Path) -> None:
    rows = [{"item_id": "i1", "title": "Lamp", "colour": "red"}, {"item_id": "i2", "title": "Chair"}]
    lines = "\ufeff" + "".join(f"{json.dumps(row)}\n" for row in rows)
    dataset = load_dataset(folder_of(tmp_path, items__jsonl=lines, events__csv=HEADER + GOOD))
    assert dataset.catalogue.frame["colour"].to_list() == ["red", None]


def test_whole_numbers_beyond_64_bits_are_no_ids(tmp_path: Path) -> None:
    """What JSON makes of them is the same for several."""
    row = '{{"user_id": {}, "item_id": "i1", "event": "click", "timestamp": 1714564800}}'
    ids = ("2222222222222222222222000", "2222222222222222222222001", '"2222222222222222222222000"', 2**63)
    events = "\n".join(row.format(id_) for id_ in ids)
    folder = folder_of(tmp_path, items__csv=ITEMS, events__jsonl=events)
    dataset, report = read_dataset(folder, ANY)
    reasons = [json.loads(line)["reason"] for line in report.rejections[1].lines()]
    assert reasons == ["a number of more digits than are kept; write the id as text"] * 2
    assert dataset.log.user_vocabulary.ids(range(2)) == ["2222222222222222222222000", f"{2**63}"]


LONG = ("1234567890123456789.0", "9007199254740993.0", "1.2345678901234568e+18")
EXACT = ("123456789012.0", "9007199254740991.0", "1234567890123456789")


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_ids_that_a_number_with_a_point_rounds_are_set_aside(tmp_path: Path, suffix: str) -> None:
    row = '{{"user_id": {}, "item_id": "i1", "event": "click", "timestamp": 1714564800}}'
    head, row = ("", row) if suffix == "jsonl" else ("user_id,item_id,event,timestamp\n", "{},i1,click,1714564800")
    text = head + "\n".join(row.format(id_) for id_ in (*LONG, *EXACT))
    dataset, report = read_dataset(folder_of(tmp_path, items__csv=ITEMS, **{f"events__{suffix}": text}), ANY)
    reasons = [json.loads(line)["reason"] for line in report.rejections[1].lines()]
    assert reasons == ["a number of more digits than are kept; write the id as text"] * 3
    assert len(dataset.log.user_vocabulary) == 3


@pytest.mark.parametrize(("dtype", "limit"), [(pl.Float64, 2**53), (pl.Float32, 2**24)])
def test_columns_of_numbers_with_a_point_hold_ids_as_far_as_they_are_exact(
    dtype: type[pl.DataType], limit: int
) -> None:
    users = pl.Series([float(limit - 1), float(limit), float(limit + 2)], dtype=dtype)
    events = pl.DataFrame({"item_id": "i1", "event": "click", "timestamp": 1714564800}).join(
        users.to_frame("user_id"), how="cross"
    )
    items = pl.DataFrame({"item_id": ["i1"], "title": ["Lamp"]})
    dataset = dataset_from_frames(items, events, ANY)
    assert (dataset.n_rejected, dataset.log.user_vocabulary.ids(range(1))) == (2, [str(limit - 1)])


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


def test_too_many_bad_rows_stop_the_run_and_write_nothing(tmp_path: Path) -> None:
    bad = "u1,i1,click,never,,,,\n" * 3 + "u1,zz,click,2024-01-01,,,,\n"
    folder = folder_of(tmp_path, items__csv=ITEMS, events__csv=HEADER + GOOD * 96 + bad)
    with pytest.raises(DataError) as caught:
        load_dataset(folder, rejected=tmp_path / "rejected.jsonl")
    message = str(caught.value)
    assert "4 of 100 rows rejected, more than data.max_rejected = 0.01" in message
    assert "3 x not ISO 8601 text" in message
    assert '(for example line 98, column timestamp: "never")' in message
    assert '(for example line 101, column item_id: "zz")' in message
    assert sorted(path.name for path in tmp_path.iterdir()) == ["events.csv", "items.csv"]
    assert load_dataset(folder, parse_config({"data": {"max_rejected": 0.04}})).n_rejected == 4


def test_duplicates_are_told_beside_a_column_of_any_name(tmp_path: Path) -> None:
    items = "item_id,title,first\ni1,Lamp,x\ni2,Rug,y\ni1,Again,z\n"
    _, report = read_dataset(folder_of(tmp_path, items__csv=items, events__csv=HEADER + GOOD), ANY)
    (entry,) = (json.loads(line) for line in report.rejections[0].lines())
    assert (entry["line"], entry["reason"]) == (4, "duplicate item_id; line 2 has it first")


def test_duplicates_are_one_reason(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, items__csv=ITEMS + "i1,a\ni2,b\ni2,c\n", events__csv=HEADER + GOOD)
    with pytest.raises(
        DataError, match=r"allows: 3 x duplicate item_id; line 2 has it first \(for example line 4, col"
    ):
        load_dataset(folder)


def test_repeated_events_are_told(tmp_path: Path) -> None:
    said: list[str] = []
    repeated = GOOD.replace("01-01,", "01-01,e1") * 3
    folder = folder_of(tmp_path, items__csv=ITEMS, events__csv=HEADER + repeated)
    assert len(load_dataset(folder, progress=said.append).log) == 1
    assert said == ["left out: 2 events with an event_id that was there before"]


def test_a_report_that_cannot_be_written_leaves_no_half_of_it(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, items__csv=ITEMS, events__csv=HEADER + GOOD + "u1,,,,,,,\n")
    (tmp_path / "rejected.jsonl").mkdir()
    with pytest.raises(
        DataError, match=r"rejected rows cannot be written to .* run this in a folder that can be written"
    ):
        load_dataset(folder, ANY, tmp_path / "rejected.jsonl")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["events.csv", "items.csv", "rejected.jsonl"]


def test_bad_rows_of_the_user_table_are_set_aside(tmp_path: Path) -> None:
    folder = folder_of(
        tmp_path, items__csv=ITEMS, events__csv=HEADER + GOOD, users__csv="user_id,age\nu1,3\nu1,4\n,5\n"
    )
    _, report = read_dataset(folder, ANY)
    assert [json.loads(line)["reason"] for line in report.rejections[2].lines()] == ["duplicate user_id", "missing"]


def test_more_event_names_than_there_are_numbers_for_are_refused(tmp_path: Path) -> None:
    rows = "".join(f"u1,i1,e{number},2024-01-01,,,,\n" for number in range(128))
    with pytest.raises(DataError, match=r"128 distinct names .* is it the right column"):
        load_dataset(folder_of(tmp_path, items__csv=ITEMS, events__csv=HEADER + rows))


def test_rejected_rows_of_an_earlier_run_go_away(tmp_path: Path) -> None:
    path = tmp_path / "rejected.jsonl"
    path.write_text('{"place": "1-0", "reason": "no JSON", "message": "x"}\n', encoding="utf-8")
    write_rejected(path, [])
    assert path.exists(), "of a stream: not of a reading"
    path.write_text('{"file": "events.csv", "line": 2}\n', encoding="utf-8")
    write_rejected(path, [])
    assert not path.exists()


@settings(deadline=None, max_examples=60)
@given(content=st.binary(max_size=200), suffix=st.sampled_from(["csv", "jsonl", "parquet", "csv.gz", "jsonl.gz"]))
def test_garbage_is_a_data_error(tmp_path_factory: pytest.TempPathFactory, content: bytes, suffix: str) -> None:
    folder = tmp_path_factory.mktemp("garbage")
    with pytest.raises(DataError):
        load_dataset(folder_of(folder, items__csv=ITEMS, **{f"events__{suffix}": content}))


@settings(deadline=None, max_examples=60)
@given(cells=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), min_size=1, max_size=12))
def test_mixed_cells_are_read_or_rejected(tmp_path_factory: pytest.TempPathFactory, cells: list[str]) -> None:
    folder = tmp_path_factory.mktemp("mixed")
    frame = pl.DataFrame(dict.fromkeys(HEADER.strip().split(","), cells))
    good = pl.DataFrame([GOOD.strip().split(",")], schema=frame.schema, orient="row")
    folder_of(folder, items__csv=ITEMS, events__csv=pl.concat([good, frame]).write_csv())
    dataset, report = read_dataset(folder, ANY)
    assert len(dataset.log) + report.n_duplicates + report.n_rejected <= 1 + len(cells)
    assert len(dataset.log) >= 1


def test_commas_at_the_end_of_a_line_are_no_fault(tmp_path: Path) -> None:
    rows = ["u1,i1,click,2024-01-01,,,,1,", 'u1,i1,click,2024-01-01,,,,1,""," "', "u1,i1,click,2024-01-01,,,,1,,,,,,,,"]
    folder = folder_of(tmp_path, items__csv=ITEMS, events__csv=HEADER + "\n".join(rows))
    dataset, report = read_dataset(folder, ANY)
    assert (dataset.log.values.tolist(), report.n_rejected) == ([1, 1, 1], 0)


def test_a_clean_reading_leaves_no_report_of_an_earlier_one(tmp_path: Path) -> None:
    rejected = tmp_path / "rejected.jsonl"
    load_dataset(folder_of(tmp_path, items__csv=ITEMS, events__csv=HEADER + GOOD + "u1,,,,,,,\n"), ANY, rejected)
    assert rejected.exists()
    load_dataset(folder_of(tmp_path, events__csv=HEADER + GOOD), ANY, rejected)
    assert not rejected.exists()


def test_lines_are_those_of_an_editor_when_cells_span_lines(tmp_path: Path) -> None:
    items = 'item_id,title\ni1,"Lamp\n\nred"\ni2,"a\nb"\n,Nameless\ni1,Again\n'
    _, report = read_dataset(folder_of(tmp_path, items__csv=items, events__csv=HEADER + GOOD), ANY)
    entries = [json.loads(line) for line in report.rejections[0].lines()]
    assert [(entry["line"], entry["column"]) for entry in entries] == [(7, "item_id"), (8, "item_id")]
    assert "line 2 has it first" in entries[1]["reason"]


def test_bad_items_are_told_where_they_make_every_event_unknown(tmp_path: Path) -> None:
    items = "item_id,title,price\ni1,a,$5\ni2,b,\n"
    folder = folder_of(
        tmp_path, items__csv=items, events__csv="user_id,item_id,event,timestamp\nu,i1,click,2024-05-01\n"
    )
    with pytest.raises(
        NoUsableRowError, match=r"1 x item_id is not in.* has bad rows: 1 x not a number .*\$5"
    ) as caught:
        read_dataset(folder, ANY)
    assert [len(part) for part in caught.value.rejections] == [1, 1]


def test_ids_written_with_a_point_are_those_of_known_whole_numbers(tmp_path: Path) -> None:
    items = "item_id,title\n7,a\n8,b\n8.0,c\n"
    rows = "".join(f"u,{item},click,2024-05-01\n" for item in ("7.0", "7", "8.0", "9.0", "7.00"))
    folder = folder_of(tmp_path, items__csv=items, events__csv=f"user_id,item_id,event,timestamp\n{rows}")
    dataset, report = read_dataset(folder, ANY)
    assert dataset.catalogue.vocabulary.ids(dataset.log.items) == ["7", "7", "8.0"]
    assert report.rejections[1].rows["value"].to_list() == ["9.0", "7.00"]


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


def test_what_is_no_report_of_bad_rows_is_kept(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, items__csv=ITEMS, events__csv=HEADER + GOOD + "u1,,,,,,,\n")
    rejected = tmp_path / "rejected.jsonl"
    rejected.write_text('{"place": "1-0"}\n')
    with pytest.raises(DataError, match="is not a report of bad rows"):
        load_dataset(folder, ANY, rejected)
    assert rejected.read_text() == '{"place": "1-0"}\n'
