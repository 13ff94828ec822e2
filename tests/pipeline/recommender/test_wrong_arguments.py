"""First mistakes with the Python API are answered in a sentence that says what to write."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest
from pipeline_world import AFTER, click

from recsys import (
    Bundle,
    ConfigError,
    DataError,
    Recommender,
    Registry,
    Request,
    dataset_from_frames,
    load_dataset,
    train,
)
from recsys.data.dataset import Dataset
from recsys.moments import DAY
from recsys.pipeline.recommender.user_lookup import history_of

Call = Callable[[Any, Path], object]
"""What is called with a recommender and a folder."""


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda r, _: r.recommend("user 1"), r"a Request, such as Request\(user_id='u1', n=10\), not a builtins.str"),
        (lambda r, _: r.recommend({"user_id": "u1"}), "not a builtins.dict"),
        (lambda r, _: r.recommend_many(["user 1"]), "a list is made for a Request"),
        (lambda r, _: r.recommend_many(Request("user 1")), "recommend_many takes a list"),
        (lambda r, _: history_of(r, 1), "the id of a user is text, such as '1', not a builtins.int"),
        (lambda r, _: r.similar(1), "the id of an item is text, such as '1', not a builtins.int"),
        (lambda r, _: r.similar("books-0-small", -3), "n is a whole number from 1, not -3"),
        (lambda r, _: r.similar("books-0-small", 2.5), "n is a whole number from 1, not a builtins.float"),
        (lambda *_: Registry(None), "a registry is the path of its folder, such as 'reg/', not a builtins.NoneType"),  # type: ignore[arg-type]
        (lambda r, _: r.observe([{"user_id": "u1"}]), "observe takes a list of Events"),
        (lambda _, folder: Recommender(folder), r"Recommender.load\('reg/'\) reads one"),  # type: ignore[arg-type]
        (lambda _, folder: train(folder), r"a Dataset, such as load_dataset\('my-data/'\)"),  # type: ignore[arg-type]
        (lambda r, folder: train(Dataset(r.catalogue, r.bundle.log), {"text": {}}), "train takes a Config"),  # type: ignore[arg-type]
        (lambda _, folder: load_dataset(folder, {"text": {}}), "load_dataset takes a Config"),  # type: ignore[arg-type]
        (lambda r, folder: Registry(folder).publish(r), "a registry takes a Bundle, as train makes one"),
        (
            lambda *_: dataset_from_frames(pd.DataFrame({"item_id": ["i1"]}), pl.DataFrame()),  # type: ignore[arg-type]
            "items must be a polars frame, such as polars.from_pandas.* not a pandas",
        ),
    ],
)
def test_an_argument_of_another_kind_is_refused_where_it_is_given(
    recommender: Recommender, tmp_path: Path, call: Call, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        call(recommender, tmp_path)


@pytest.mark.parametrize(("unit", "microseconds"), [("seconds", 1_000_000), ("milliseconds", 1_000)])
def test_a_time_in_another_unit_is_refused(recommender: Recommender, unit: str, microseconds: int) -> None:
    """It would be one of January 1970, when nobody had chosen anything."""
    last = int(recommender.bundle.log.times[-1])
    said = rf"time \d+ is 1970-01-.* before the first known event; if it counts {unit}, multiply it by {microseconds}$"
    with pytest.raises(DataError, match=said):
        recommender.recommend(Request("u1", time=last // microseconds))
    with pytest.raises(DataError, match=f"^event 'u1.*': timestamp{said.removeprefix('time')}"):
        recommender.observe([click("u1", "books-0-small", last), click("u1", "books-0-small", last // microseconds)])
    assert history_of(recommender, "u1") == [], "all or none"
    for time in (last, 0, 1_000, int(recommender.bundle.log.times[0]) - 365 * DAY):  # early, and not by mistake
        recommender.recommend(Request("u1", time=time))
        recommender.observe([click("u1", "books-0-small", time)])


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"timestamp": 1.7e9}, "timestamp is a whole number of microseconds since 1970 UTC.*, not a builtins.float"),
        ({"timestamp": datetime(2026, 11, 30, tzinfo=UTC)}, "timestamp is a whole number .*, not a datetime.datetime"),
        ({"user_id": 7}, "user_id is text, not a builtins.int"),
        ({"position": "1"}, "position is a whole number from 0, not a builtins.str"),
        ({"value": "dear"}, "value is a number, not a builtins.str"),
        ({"context": {"query": "tea"}}, "context is text, not a builtins.dict"),
    ],
)
def test_a_field_of_an_event_of_another_kind_is_refused(
    recommender: Recommender, wrong: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        recommender.observe([replace(click("u1", "books-0-small", AFTER), **wrong)])


def test_a_bundle_is_loaded_from_a_path_too(trained_registry: Path) -> None:
    assert Bundle.load(trained_registry).version == Registry(trained_registry).current()
    assert Bundle.load(str(trained_registry)).version == Registry(trained_registry).current()
