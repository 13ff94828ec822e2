"""Values of items that come as JSON: which ones go together, and which the catalogue's columns take."""

from datetime import UTC, date, datetime
from datetime import time as clock
from itertools import permutations
from typing import Any

import polars as pl
import pytest

from recsys.data.items.catalogue import ItemCatalogue
from recsys.data.items.item_changes import (
    ItemChange,
    change_fitting_items,
    change_items,
    check_kinds,
    fitted_to,
    item_rows,
)
from recsys.data.items.items_table import read_items
from recsys.data.tables.item_columns import in_current_type
from recsys.data.tables.table import frame_table
from recsys.errors import DataError


def catalogue_of(values: list[Any], dtype: Any) -> ItemCatalogue:
    items = pl.DataFrame({"item_id": ["i1", "i2"], "title": ["Lamp", "Cup"]})
    return read_items(frame_table(items.with_columns(pl.Series("extra", values, dtype=dtype)), "items"))[0]


BARE = read_items(frame_table(pl.DataFrame({"item_id": ["i1"], "title": ["Lamp"]}), "items"))[0]


def put(catalogue: ItemCatalogue, *values: Any) -> pl.Series:
    rows, rejections = item_rows([{"item_id": f"n{n}", "title": "t", "extra": v} for n, v in enumerate(values)])
    assert not len(rejections)
    return fitted_to(catalogue, rows)["extra"]


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1], pl.Float64),
        ([None, 1, 1.5], pl.Float64),
        ([1.5, 1], pl.Float64),
        ([2**53], pl.Float64),
        (["007", None], pl.String),
        ([True], pl.Boolean),
        ([["a"], ["b", "c"]], pl.List(pl.String)),
    ],
)
def test_a_new_column_is_of_the_kind_that_is_posted(values: list[Any], dtype: Any) -> None:
    column = put(BARE, *values)
    assert (column.dtype, column.to_list()) == (dtype, values)


def test_a_whole_number_that_came_first_leaves_room_for_fractions() -> None:
    first, _ = change_items(BARE, [ItemChange("a", '{"item_id": "a", "title": "t", "size": 1}')])
    second, _ = change_items(first, [ItemChange("b", '{"item_id": "b", "title": "t", "size": 5.5}')])
    assert second.frame["size"].to_list() == [None, 1.0, 5.5]


@pytest.mark.parametrize(
    ("held", "dtype", "posted", "expected"),
    [
        ([1, 2], pl.Int64, [2**63 - 1], [2**63 - 1]),
        ([1, 2], pl.Int64, [5.0, "6"], None),
        ([1, 2], pl.Int64, ["6"], [6]),
        ([1, 2], pl.UInt8, [5.0], [5]),
        ([1, 2], pl.Float32, [16_777_217, 5.5], [16_777_216.0, 5.5]),
        (["a", "b"], pl.String, [5], ["5"]),
        (["a", "b"], pl.Enum(["a", "b"]), ["b"], ["b"]),
        (["a", "b"], pl.Categorical, ["c"], ["c"]),
        ([date(2026, 1, 1), None], pl.Date, ["2026-01-05"], [date(2026, 1, 5)]),
        ([datetime(2026, 1, 1), None], pl.Datetime("ms"), ["2026-01-05T01:00+01:00"], [datetime(2026, 1, 5)]),
        ([None, None], pl.Null, ["x"], ["x"]),
    ],
)
def test_what_fits_the_catalogue(held: list[Any], dtype: Any, posted: list[Any], expected: list[Any] | None) -> None:
    if expected is None:
        with pytest.raises(DataError, match="send all of them as one kind"):
            put(catalogue_of(held, dtype), *posted)
    else:
        assert put(catalogue_of(held, dtype), *posted).to_list() == expected


@pytest.mark.parametrize(
    ("held", "dtype", "posted", "row", "message"),
    [
        ([1, 2], pl.Int64, [None, 5.0, 5.5], 2, "holds whole numbers in the catalogue; 5.5 cannot be"),
        ([1, 2], pl.Int64, ["6", "many"], 1, "holds whole numbers in the catalogue; 'many' cannot be"),
        ([1, 2], pl.Int64, [True], 0, "holds whole numbers in the catalogue, not true or false; send whole numbers"),
        ([1, 2], pl.UInt8, [5, 256], 1, "256 cannot be"),
        ([1.5, 2], pl.Float64, [2**53 + 1], 0, "holds numbers in the catalogue; 9007199254740993 cannot be"),
        ([True, False], pl.Boolean, [None, 1], 1, "holds true or false in the catalogue, not numbers"),
        (["a", "b"], pl.Enum(["a", "b"]), [0], 0, "holds text in the catalogue; 0 cannot be"),
        (["a", "b"], pl.String, [["a"]], 0, "holds text in the catalogue, not lists"),
        ([date(2026, 1, 1), None], pl.Date, [5], 0, "holds times in the catalogue, not numbers"),
        ([date(2026, 1, 1), None], pl.Date, ["soon"], 0, "holds times in the catalogue; 'soon' cannot be"),
        ([[1.5], None], pl.List(pl.Float64), [None, ["a"]], 1, "holds lists in the catalogue"),
        ([{"a": 1}, None], pl.Struct({"a": pl.Int64}), ["a"], 0, "holds objects in the catalogue, not text"),
    ],
)
def test_what_does_not_fit_the_catalogue_has_a_place(
    held: list[Any], dtype: Any, posted: list[Any], row: int, message: str
) -> None:
    with pytest.raises(DataError) as caught:
        put(catalogue_of(held, dtype), *posted)
    assert caught.value.loc == (row, "extra")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("dtype", "wanted"), [(pl.Int64, "whole numbers"), (pl.Float64, "numbers")])
def test_text_is_no_number_when_it_is_posted_and_stays_one_that_was_stored(dtype: Any, wanted: str) -> None:
    catalogue = catalogue_of([1, 2], dtype)
    rows, _ = item_rows([{"item_id": "a", "title": "t"}, {"item_id": "b", "title": "t", "extra": "7"}])
    with pytest.raises(DataError, match=f"holds {wanted} in the catalogue, not text; send {wanted}") as caught:
        check_kinds(catalogue, rows)
    assert caught.value.loc == (1, "extra")
    assert fitted_to(catalogue, rows)["extra"].to_list() == [None, 7]
    check_kinds(catalogue, item_rows([{"item_id": "a", "title": "t", "extra": 7}])[0])
    check_kinds(catalogue_of(["a", "b"], pl.String), rows)


@pytest.mark.parametrize(
    ("posted", "row"), [([1, "y"], 1), ([None, True, True, 1.5], 3), (["a", ["a"]], 1), ([{}, 1], 1)]
)
def test_several_kinds_in_one_column_are_refused_with_their_place(posted: list[Any], row: int) -> None:
    with pytest.raises(DataError, match=r"items: column 'extra' holds .* in another item, not") as caught:
        put(BARE, *posted)
    assert caught.value.loc == (row, "extra")


def test_a_stored_item_of_no_year_that_exists_is_reported_and_stops_no_other() -> None:
    """As an earlier release stored it."""
    wrong = ItemChange("a", '{"item_id": "a", "title": "t", "created_at": "999999999999999"}')
    catalogue, told = change_fitting_items(BARE, [wrong, ItemChange("b", '{"item_id": "b", "title": "t"}')])
    assert ("a" in catalogue.vocabulary, "b" in catalogue.vocabulary) == (False, True)
    assert len(told) == 1
    assert "created_at" in told[0]


def test_an_item_alone_that_breaks_a_rule_is_set_aside() -> None:
    _, rejections = item_rows([{"item_id": "a", "title": "t", "created_at": "yesterday"}])
    assert rejections.rows["column"].to_list() == ["created_at"]


KINDS = {
    "whole": pl.Series("x", [1, 2]),
    "number": pl.Series("x", [1.5, 2.0]),
    "text": pl.Series("x", ["2024-05-01", "b"]),
    "category": pl.Series("x", ["a", "b"], pl.Categorical),
    "enum": pl.Series("x", ["a", "c"], pl.Enum(["a", "c"])),
    "flag": pl.Series("x", [True, False]),
    "numbers": pl.Series("x", [[1], [2]]),
    "texts": pl.Series("x", [["a"], ["b"]]),
    "object": pl.Series("x", [{"a": 1}, {"a": 2}]),
    "another object": pl.Series("x", [{"b": 1}, {"b": 2}]),
    "moment": pl.Series("x", [datetime(2024, 1, 1, tzinfo=UTC)] * 2),
    "moment of no zone": pl.Series("x", [datetime(2024, 1, 1)] * 2),
    "day": pl.Series("x", [date(2024, 1, 1)] * 2),
    "clock": pl.Series("x", [clock(1)] * 2),
}


@pytest.mark.parametrize(("before", "now"), list(permutations(KINDS, 2)))
def test_a_column_of_items_that_are_gone_goes_with_any_other_type(before: str, now: str) -> None:
    gone = in_current_type(KINDS[before], KINDS[now].dtype)
    both = pl.concat([KINDS[now].to_frame(), gone.to_frame()], how="diagonal_relaxed")["x"]
    assert len(both) == 4
    assert {both.dtype, KINDS[now].dtype} in ({KINDS[now].dtype}, {pl.Int64(), pl.Float64()})
    assert both[:2].to_list() == KINDS[now].to_list()


@pytest.mark.parametrize(
    ("before", "now", "kept"),
    [
        ("number", "text", ["1.5", "2.0"]),
        ("text", "day", [date(2024, 5, 1), None]),
        ("category", "enum", ["a", None]),
        ("day", "moment", [datetime(2024, 1, 1, tzinfo=UTC)] * 2),
        ("whole", "day", [None, None]),
        ("flag", "whole", [None, None]),
        ("texts", "text", [None, None]),
    ],
)
def test_what_does_not_fit_the_type_of_today_is_missing(before: str, now: str, kept: list[Any]) -> None:
    assert in_current_type(KINDS[before], KINDS[now].dtype).to_list() == kept
