"""Bad rows are set aside with what is wrong, where and what to do; it never is a stack trace."""

import json
from pathlib import Path

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
        ("u1,i1,click,2024-01-01T24:00:01,,,,", "timestamp", "2024-01-01T24:00:01", "ISO 8601"),
        ("u1,i1,click,-5,,,,", "timestamp", "-5", "before 1970"),
        ("u1,i1,click,2999-01-01,,,,", "timestamp", "2999-01-01", "in the future"),
        ("u1,i1,click,1714564800000000,,,,", "timestamp", "1714564800000000", "milliseconds (divide microseconds"),
        ("u1,i1,click,2024-01-01,,,,NaN", "value", "NaN", "NaN or infinite"),
        ("u1,i1,click,2024-01-01,,,,-inf", "value", "-inf", "NaN or infinite"),
        ('u1,i1,click,2024-01-01,,,,"1,5"', "value", "1,5", "not a number, with its decimal comma; write 19.90"),
        ('u1,i1,click,2024-01-01,,,,"1,5,0"', "value", "1,5,0", "not a number"),
        ("u1,i1,click,31.05.2024 14:05,,,,", "timestamp", "31.05.2024 14:05", "not ISO 8601 text (2024-05-31, 2024"),
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


@pytest.mark.parametrize("value", ['["u1"]', '{"id":"u1"}', "true"])
@pytest.mark.parametrize("column", ["user_id", "item_id", "event", "request_id", "event_id"])
def test_an_id_of_json_lines_is_text_or_a_number(tmp_path: Path, column: str, value: str) -> None:
    good = {"user_id": "u1", "item_id": "i1", "event": "click", "timestamp": 1704067200}
    lines = [json.dumps(good), json.dumps(good | {column: json.loads(value)}), json.dumps(good | {"request_id": 7})]
    folder = folder_of(tmp_path, items__csv=ITEMS, events__jsonl="\n".join(lines))
    dataset, report = read_dataset(folder, ANY)
    entry = json.loads(report.rejections[1].lines()[0])
    assert (len(dataset.log), entry["line"], entry["column"], entry["value"]) == (2, 2, column, value)
    assert entry["reason"].startswith("an array, an object or a truth value, not an id")


def test_a_line_with_half_a_character_says_so(tmp_path: Path) -> None:
    lines = ['{"item_id": "i1", "title": "Lamp"}', r'{"item_id": "i2", "title": "\ud83d"}']
    folder = folder_of(tmp_path, items__jsonl="\n".join(lines), events__csv=HEADER + GOOD)
    entry = json.loads(read_dataset(folder, ANY)[1].rejections[0].lines()[0])
    assert (entry["line"], entry["column"]) == (2, None)
    assert r"half of a character such as \ud83d alone" in entry["reason"]


def test_text_that_looks_like_json_is_an_id(tmp_path: Path) -> None:
    lines = [{"item_id": id_, "title": "Lamp"} for id_ in ("[1]", "true", "{}")]
    events = HEADER + "u1,{},click,5,,,,"
    folder = folder_of(tmp_path, items__jsonl="\n".join(map(json.dumps, lines)), events__csv=events)
    assert list(load_dataset(folder, ANY).catalogue.vocabulary) == ["[1]", "true", "{}"]


def test_ids_of_parquet_are_no_truth_values() -> None:
    items = pl.DataFrame({"item_id": ["i1"], "title": ["Lamp"]})
    events = pl.DataFrame({"user_id": [True], "item_id": ["i1"], "event": ["click"], "timestamp": [5]})
    with pytest.raises(DataError, match="column 'user_id' holds Boolean; it must hold text"):
        dataset_from_frames(items, events)


def test_a_row_is_set_aside_with_all_that_is_wrong_with_it(tmp_path: Path) -> None:
    """So that one look at an export is enough, instead of one for each column."""
    items = "item_id,title,price,created_at,available\n" + "".join(
        f"i{n},Lamp,{price},{created_at},{available}\n"
        for n, (price, created_at, available) in enumerate(
            [
                ("1", "2024-01-01", "yes"),
                ('"9,90"', "31.05.2024", "lent"),
                ("7", "31.05.2024", "no"),
                ("NaN", "", "lent"),
            ]
        )
    )
    dataset, report = read_dataset(
        folder_of(tmp_path, items__csv=items, events__csv=HEADER + GOOD.replace("i1", "i0")), ANY
    )
    entries = [json.loads(line) for line in report.rejections[0].lines()]
    found = {
        entry["line"]: [(one["column"], one["value"]) for one in (entry, *entry.get("also", ()))] for entry in entries
    }
    assert found == {
        3: [("price", "9,90"), ("created_at", "31.05.2024"), ("available", "lent")],
        4: [("created_at", "31.05.2024")],
        5: [("price", "NaN"), ("available", "lent")],
    }
    assert dataset.n_rejected == report.n_rejected == len(report.rejections[0]) == 3
    with pytest.raises(DataError, match=r"3 of 4 rows rejected, .*: 2 x not ISO 8601 .*; 2 x not true or false"):
        report.rejections[0].check(0.5)


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
    assert [one["column"] for one in entries[3]["also"]] == ["item_id", "event", "timestamp"]
    assert entries[0]["value"] == "not"
    assert dataset.log.positions.tolist() == [4, -1]
    assert dataset.catalogue.frame['say "颜色".'].to_list() == [None, 5]


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


def test_duplicates_are_reported_beside_a_column_of_any_name(tmp_path: Path) -> None:
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


def test_repeated_events_are_reported(tmp_path: Path) -> None:
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


@settings(max_examples=60)
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


def test_bad_items_are_reported_where_they_make_every_event_unknown(tmp_path: Path) -> None:
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


def test_what_is_no_report_of_bad_rows_is_kept(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, items__csv=ITEMS, events__csv=HEADER + GOOD + "u1,,,,,,,\n")
    rejected = tmp_path / "rejected.jsonl"
    rejected.write_text('{"place": "1-0"}\n')
    with pytest.raises(DataError, match="is not a report of bad rows"):
        load_dataset(folder, ANY, rejected)
    assert rejected.read_text() == '{"place": "1-0"}\n'
