"""Conditions on columns of the catalogue."""

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import polars as pl
import pytest

from recsys.data.items.catalogue import ItemCatalogue
from recsys.errors import DataError
from recsys.policy.filters import Filters

CATALOGUE = ItemCatalogue(
    pl.DataFrame(
        {
            "item_id": ["i0", "i1", "i2", "i3"],
            "category": ["tea", "cup", None, "tea"],
            "price": [1.0, 20.0, float("nan"), None],
            "year": pl.Series([1999, 2000, None, 2001], dtype=pl.Int32),
            "serial": pl.Series([2**63, 7, None, 2**64 - 1], dtype=pl.UInt64),
            "tags": [["green", "hot"], ["hot"], [], None],
            "sizes": [[1.5, float("nan")], [3.0], None, []],
            "weight": pl.Series([0.1, 0.2, float("nan"), None], dtype=pl.Float32),
            "doses": pl.Series([[0.1], [0.2, 0.3], [], None], dtype=pl.List(pl.Float32)),
            "available": [True, False, None, True],
            "created_at": pl.Series(
                [datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 6, 1, 12, tzinfo=UTC), None, None],
                dtype=pl.Datetime("us", "UTC"),
            ),
            "day": [date(2024, 1, 1), date(2024, 6, 1), None, None],
            "colour": pl.Series(["red", "blue", None, "red"], dtype=pl.Categorical),
            "shape": [{"w": 1}] * 4,
            "shelf": ["Home", "Home > Kitchen > (Knives)", "Homeware", None],
            "shelves": [["Home/Kitchen"], ["Garden", "Home"], [], None],
        }
    )
)


def met(**conditions: Any) -> list[int]:
    mask = np.ones(len(CATALOGUE), dtype=bool)
    Filters(conditions).narrow(mask, CATALOGUE)
    return np.flatnonzero(mask).tolist()


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"category": "tea"}, [0, 3]),
        ({"category": ["tea", "cup"]}, [0, 1, 3]),
        ({"category": []}, []),
        ({"category": None}, [2]),
        ({"category": ["cup", None]}, [1, 2]),
        ({"category": "coffee"}, []),
        ({"price": {"gte": 1, "lt": 20}}, [0]),
        ({"price": {"gt": 1}}, [1]),
        ({"price": {"lte": 20.0}}, [0, 1]),
        ({"price": 20}, [1]),
        ({"price": None}, [2, 3]),
        ({"weight": 0.1}, [0]),
        ({"weight": [0.2, None]}, [1, 2, 3]),
        ({"weight": {"gte": 0.1, "lte": 0.2}}, [0, 1]),
        ({"weight": {"gt": 0.1}}, [1]),
        ({"weight": {"lt": 0.2}}, [0]),
        ({"doses": 0.3}, [1]),
        ({"year": 2000}, [1]),
        ({"year": 2000.0}, [1]),
        ({"year": [0.0, None]}, [2]),
        ({"year": [1999, 2000.5, 10**12]}, [0]),
        ({"year": {"gte": 1999.5}}, [1, 3]),
        ({"serial": {"gte": 1}}, [0, 1, 3]),
        ({"serial": 7}, [1]),
        ({"price": {"lt": 1e308}}, [0, 1]),
        ({"price": [1e308, 1.0]}, [0]),
        ({"weight": {"lte": 1e308}}, [0, 1]),
        ({"year": {"lt": 1e308}}, [0, 1, 3]),
        ({"year": [1e308, 2000]}, [1]),
        ({"tags": "hot"}, [0, 1]),
        ({"tags": ["green", "cold"]}, [0]),
        ({"tags": None}, [3]),
        ({"tags": ["green", None]}, [0, 3]),
        ({"sizes": {"gt": 2}}, [1]),
        ({"sizes": [1.5, 3]}, [0, 1]),
        ({"available": True}, [0, 2, 3]),
        ({"available": False}, [1]),
        ({"created_at": {"gte": "2024-06-01"}}, [1]),
        ({"created_at": {"lt": "2024-06-01T14:00:00+02:00"}}, [0]),
        ({"created_at": "2024-06-01T12:00:00Z"}, [1]),
        ({"created_at": {"gt": "2024-05-31T24:00:00Z"}}, [1]),
        ({"created_at": "2023-12-31T24:00"}, [0]),
        ({"created_at": "2023-12-31T240000+00:00"}, [0]),
        ({"day": {"gt": "2024-01-01"}}, [1]),
        ({"day": "2024-01-01"}, [0]),
        ({"colour": "red"}, [0, 3]),
        ({"colour": ["blue", "unheard-of"]}, [1]),
        ({"item_id": ["i1", "i9"]}, [1]),
        ({"shelf": {"within": "Home"}}, [0, 1]),
        ({"shelf": {"within": "Home>Kitchen"}}, [1]),
        ({"shelf": {"within": "Home > Kitchen > (Knives)"}}, [1]),
        ({"shelf": {"within": "Home > Kit"}}, []),
        ({"shelf": {"within": ["Homeware", "Kitchen"]}}, [2]),
        ({"shelf": {"within": []}}, []),
        ({"shelf": {"within": "x" * 10_000_000}}, []),
        ({"shelves": {"within": "Home"}}, [0, 1]),
        ({"colour": {"within": "red"}}, [0, 3]),
        ({"category": "tea", "available": True, "price": {"lt": 5}}, [0]),
    ],
)
def test_items_meet_a_condition_on_their_column(conditions: dict[str, Any], expected: list[int]) -> None:
    assert met(**conditions) == expected


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        ({"prize": 3}, r"no column 'prize'; the nearest one is 'price'"),
        ({"price": {"above": 3}}, r"'price': unknown operator 'above'; the nearest one is"),
        ({"price": {}}, r"'price': no bounds"),
        ({"price": {"gte": None}}, r"'price': None does not fit"),
        ({"price": "cheap"}, r"'price': 'cheap' does not fit a column of type Float64"),
        ({"created_at": {"gte": 946684800}}, r"946684800 does not fit a column of type Datetime; write a time in"),
        ({"price": True}, r"'price': True does not fit"),
        ({"price": float("nan")}, r"'price': nan does not fit"),
        ({"year": 10**30}, r"does not fit"),
        ({"category": 3}, r"'category': 3 does not fit"),
        ({"category": [["tea"]]}, r"does not fit"),
        ({"available": 1}, r"'available': 1 does not fit"),
        ({"tags": {"gte": 3}}, r"'tags': 3 does not fit"),
        ({"created_at": {"gte": "yesterday"}}, r"'yesterday' is not an ISO 8601 time"),
        ({"created_at": {"gte": "0001-01-01T00:00:00+14:00"}}, r"'0001-.*' is not an ISO 8601 time"),
        ({"created_at": {"gte": "2024-05-31T24:00:01"}}, r"'2024-05-31T24:00:01' is not an ISO 8601 time"),
        ({"created_at": {"gte": "9999-12-31T24:00"}}, r"'9999-.*' is not an ISO 8601 time"),
        ({"price": {"within": "1"}}, r"'price': within takes a text, or a list of texts, for a column of text"),
        ({"shelf": {"within": 3}}, r"'shelf': within takes a text"),
        ({"shelf": {"within": ["Home", None]}}, r"'shelf': within takes a text"),
        ({"shape": 3}, r"'shape': a column of type Struct.* cannot be filtered"),
    ],
)
def test_wrong_conditions_say_what_is_wrong(conditions: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Filters(conditions).narrow(np.ones(len(CATALOGUE), dtype=bool), CATALOGUE)


def test_no_conditions_forbid_nothing() -> None:
    assert met() == [*range(len(CATALOGUE))]
