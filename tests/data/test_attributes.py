"""Further columns of items: whatever type a file gives them, JSON can say what is kept."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import orjson
import polars as pl
import pytest

from recsys.data.files import frame_table
from recsys.data.items_table import read_items
from recsys.errors import DataError


def kept(values: Any, dtype: Any) -> pl.Series:
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


@pytest.mark.parametrize(
    ("values", "dtype", "message"),
    [
        ([b"\xff", None], pl.Binary, "items: column 'extra' holds bytes that are not UTF-8; leave it out"),
        ([object(), None], pl.Object, "items: column 'extra' holds Object; leave it out"),
        ([[timedelta(1)], None], pl.List(pl.Duration), r"items: column 'extra' holds List\(Duration.*leave it out"),
    ],
)
def test_what_has_no_word_is_refused(values: Any, dtype: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        kept(values, dtype)
