"""A request says at once what cannot be one."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from recsys.data.requests.request import Request
from recsys.errors import DataError


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"n": 0}, "n must be a whole number from 1, not 0"),
        ({"n": 2.5}, "n must be a whole number from 1, not 2.5"),
        ({"time": 1.7e15}, "time must be a whole number of microseconds since 1970 UTC"),
        ({"user_id": 7}, "user_id must be text, not 7"),
        ({"history": "i1"}, "history must be a tuple of item ids, each of them text, not 'i1'"),
        ({"candidates": (1, 2)}, "candidates must be a tuple of item ids"),
        ({"exclude": ("i1", None)}, "exclude must be a tuple of item ids"),
        ({"history": 7}, "history must be a tuple of item ids"),
        ({"filters": {5: "a"}}, "filters must be a mapping from columns"),
        ({"shown": -1}, "shown must be a whole number from 0, not -1"),
        ({"shown": "1"}, "shown must be a whole number from 0, not '1'"),
        ({"filters": "category"}, "filters must be a mapping from columns"),
        ({"policy": "seen"}, "policy must be a mapping"),
        ({"context": "garden hose"}, 'context must be a mapping, such as {"query"'),
    ],
)
def test_a_request_that_cannot_be_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=f"request 'r': {said}"):
        Request(request_id="r", **fields)


def test_the_id_of_a_request_is_text() -> None:
    with pytest.raises(DataError, match="request 7: request_id must be text, not 7"):
        Request(request_id=7)  # type: ignore[arg-type]


def test_ids_may_be_in_an_array_and_none_stands_for_nothing() -> None:
    for ids in (np.array(["i1", "i2"]), pl.Series(["i1", "i2"]), ["i1", "i2"]):
        assert Request(history=ids, candidates=ids).history == ("i1", "i2")  # type: ignore[arg-type]
    empty = Request(context=None, filters=None, policy=None, exclude=None)  # type: ignore[arg-type]
    assert empty == Request()


def test_numbers_of_numpy_are_numbers() -> None:
    assert Request(n=np.int64(3), time=np.int64(5), history=("i1",)).n == 3  # type: ignore[arg-type]
