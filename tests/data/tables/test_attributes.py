"""Further columns of items: whatever type a file gives them, JSON can say what is kept."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest

from recsys.data.items.items_table import read_items
from recsys.data.tables import jsonl_file
from recsys.data.tables.attributes import attribute
from recsys.data.tables.files import open_table
from recsys.data.tables.table import frame_table
from recsys.errors import DataError


def nested(levels: int) -> Any:
    """1 in a list in a list, ..."""
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def kept(values: Any, dtype: Any = None) -> pl.Series:
    items = pl.DataFrame({"item_id": ["i1", "i2"], "title": ["Lamp", "Cup"]})
    items = items.with_columns(pl.Series("extra", values, dtype=dtype))
    return read_items(frame_table(items, "items"))[0].frame["extra"]


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        ([Decimal("1.50"), None], pl.Decimal(10, 2), [1.5, None]),
        ([2**70, None], pl.Int128, [float(2**70), None]),
        ([timedelta(hours=5), timedelta(milliseconds=1)], pl.Duration("ms"), [18_000.0, 0.001]),
        ([b"red", None], pl.Binary, ["red", None]),
        ([[Decimal("0.5")], None], pl.List(pl.Decimal(10, 2)), [[0.5], None]),
        ([[1, 2], [3, 4]], pl.Array(pl.Int8, 2), [[1, 2], [3, 4]]),
        (
            [{"a": Decimal(1), "b": b"x"}, None],
            pl.Struct({"a": pl.Decimal(9, 1), "b": pl.Binary}),
            [{"a": 1.0, "b": "x"}, None],
        ),
        ([2**63 + 5, None], pl.UInt64, [2**63 + 5, None]),
        ([date(2026, 1, 2), None], pl.Date, [date(2026, 1, 2), None]),
        ([datetime(2026, 1, 2, tzinfo=UTC), None], pl.Datetime("ns", "UTC"), [datetime(2026, 1, 2, tzinfo=UTC), None]),
        ([time(3), None], pl.Time, [time(3), None]),
        (["red", None], pl.Categorical, ["red", None]),
        (["red", None], pl.Enum(["red"]), ["red", None]),
        ([None, None], pl.Null, [None, None]),
    ],
)
def test_every_type_is_kept_as_one_that_json_knows(values: Any, dtype: Any, expected: list[Any]) -> None:
    column = kept(values, dtype)
    assert column.to_list() == expected
    orjson.dumps(column.to_frame().rows(named=True))


def test_times_of_an_offset_are_kept_as_times_of_utc() -> None:
    """As pandas reads `2026-01-02T05:30:00+05:30`; Python knows no zone of that name."""
    moments = pl.Series([datetime(2026, 1, 2, tzinfo=UTC), None]).dt.convert_time_zone("+05:30")
    assert kept(moments).to_list() == [datetime(2026, 1, 2, tzinfo=UTC), None]


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([253_402_300_800_000, None], pl.Datetime("ms")),
        ([253_402_300_799_000, None], pl.Datetime("ms", "Asia/Tokyo")),
        ([3_000_000, None], pl.Date),
        ([[0, 253_402_300_800_000], None], pl.List(pl.Datetime("ms"))),
        ([{"a": 3_000_000}, None], pl.Struct({"a": pl.Date})),
        ([2**63 - 1, None], pl.Datetime("us")),
        ([-(2**63) + 1, None], pl.Datetime("ms", "UTC")),
        ([2**31 - 1, None], pl.Date),
        ([[0, 2**63 - 1], None], pl.List(pl.Datetime("us"))),
        ([{"a": 2**31 - 1}, None], pl.Struct({"a": pl.Date})),
    ],
)
def test_a_time_that_no_row_can_hold_names_its_column(values: Any, dtype: Any) -> None:
    whole = {pl.List: pl.List(pl.Int64), pl.Struct: pl.Struct({"a": pl.Int64})}.get(type(dtype), pl.Int64)
    column = pl.Series("extra", values, dtype=whole).cast(pl.Int32 if dtype == pl.Date else whole).cast(dtype)
    with pytest.raises(DataError, match="column 'extra' holds a time outside the years 1 to 9999"):
        attribute(column)


@pytest.mark.parametrize("label", ["99999999999999999999", "1e999"])
def test_numbers_that_no_column_of_numbers_holds_are_labels(tmp_path: Path, label: str) -> None:
    (tmp_path / "items.csv").write_text(f"item_id,title,extra\ni1,Lamp,{label}\ni2,Cup,2\n")
    assert read_items(open_table(tmp_path / "items.csv"))[0].frame["extra"].to_list() == [label, "2"]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (['["a", "b [c]"]', "null"], [["a", "b [c]"], None]),
        (["[1, 2]", "[]"], [[1, 2], []]),
        (['["a"]', '"b"'], ['["a"]', "b"]),
        (['"[new] lamp"', "null"], ["[new] lamp", None]),
        (['{"k": 1}', "null"], ['{"k":1}', None]),
    ],
)
def test_lists_of_json_lines_are_lists(tmp_path: Path, cells: list[str], expected: list[Any]) -> None:
    lines = [f'{{"item_id": "i{row}", "title": "Lamp", "extra": {cell}}}' for row, cell in enumerate(cells)]
    (tmp_path / "items.jsonl").write_text("\n".join(lines))
    assert read_items(open_table(tmp_path / "items.jsonl"))[0].frame["extra"].to_list() == expected


def test_keys_of_json_lines_may_hold_any_letter(tmp_path: Path) -> None:
    keys = ["a\\b", 'it\'s "so"', "x.y[0]", "$"]
    line = orjson.dumps({"item_id": "i", "title": "Lamp", **{key: place for place, key in enumerate(keys)}})
    (tmp_path / "items.jsonl").write_bytes(line)
    frame = read_items(open_table(tmp_path / "items.jsonl"))[0].frame
    assert frame.select(keys).row(0) == (0, 1, 2, 3)


def test_a_line_is_not_read_once_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines, read = [], jsonl_file._object

    def told(line: str, names: Sequence[str]) -> dict[str, str | None] | None:
        lines.append(line)
        return read(line, names)

    monkeypatch.setattr(jsonl_file, "_object", told)
    line = orjson.dumps({"item_id": "i", "title": "Lamp", **{f"key {number}": number for number in range(50)}})
    (tmp_path / "items.jsonl").write_bytes(line)
    assert read_items(open_table(tmp_path / "items.jsonl"))[0].frame["key 49"].to_list() == [49]
    assert 1 <= len(lines) < 10


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ('["a", "b|c", null, ""]', ["a", "b|c"]),
        ('"a|b"', ["a", "b"]),
        ('"[sale]|red"', ["[sale]", "red"]),
        ('["[x]", "{y}"]', ["[x]", "{y}"]),
        ('[1, true, {"a": 2}]', ['[1,true,{"a":2}]']),
    ],
)
def test_tags_of_json_lines_may_be_lists_or_text_with_bars(tmp_path: Path, cell: str, expected: list[str]) -> None:
    (tmp_path / "items.jsonl").write_text(f'{{"item_id": "i", "title": "Lamp", "tags": {cell}}}\n')
    assert read_items(open_table(tmp_path / "items.jsonl"))[0].frame["tags"].to_list() == [expected]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("a|b", ["a", "b"]),
        ('"[""a"", ""b|c""]"', ["a", "b|c"]),
        ("[sale]|red", ["[sale]", "red"]),
        ("['a']", ["['a']"]),
    ],
)
def test_a_cell_of_csv_becomes_a_list_of_tags(tmp_path: Path, cell: str, expected: list[str]) -> None:
    (tmp_path / "items.csv").write_text(f"item_id,title,tags\ni,Lamp,{cell}\n")
    assert read_items(open_table(tmp_path / "items.csv"))[0].frame["tags"].to_list() == [expected]


def test_lists_of_one_length_and_truth_values_that_came_as_numbers() -> None:
    """As numpy and pandas write them, the latter where some are missing."""
    frame = pl.DataFrame(
        {
            "item_id": ["a", "b", "c"],
            "title": ["x", "y", "z"],
            "tags": pl.Series([["r", "s"], ["t", ""], None], dtype=pl.Array(pl.String, 2)),
            "available": [1.0, 0.0, None],
        }
    )
    items = read_items(frame_table(frame, "items"))[0].frame
    assert items["tags"].to_list() == [["r", "s"], ["t"], None]
    assert items["available"].to_list() == [True, False, True]


@pytest.mark.parametrize(
    ("values", "dtype", "message"),
    [
        ([b"\xff", None], pl.Binary, "items: column 'extra' holds bytes that are not UTF-8; leave it out"),
        ([object(), None], pl.Object, "items: column 'extra' holds Object; leave it out"),
        ([nested(9), None], None, r"items: column 'extra' holds List.*leave it out.* in at most 8 levels"),
        ([[timedelta(1)], None], pl.List(pl.Duration), r"items: column 'extra' holds List\(Duration.*leave it out"),
    ],
)
def test_what_has_no_word_is_refused(values: Any, dtype: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        kept(values, dtype)


@pytest.mark.parametrize(("levels", "expected"), [(8, nested(8)), (9, "[" * 9 + "1" + "]" * 9)])
def test_lists_of_json_lines_with_many_levels_stay_text(tmp_path: Path, levels: int, expected: Any) -> None:
    line = orjson.dumps({"item_id": "i", "title": "Lamp", "extra": nested(levels)})
    (tmp_path / "items.jsonl").write_bytes(line)
    assert read_items(open_table(tmp_path / "items.jsonl"))[0].frame["extra"].to_list() == [expected]
