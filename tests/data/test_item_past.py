"""How long items were there, by when they were wanted and by their dates."""

import numpy as np
import polars as pl
import pytest

from recsys.data.item_past import ItemPast
from recsys.data.loading import dataset_from_frames


def past_of(wanted: dict[str, list[int]], n_items: int) -> ItemPast:
    """Of items i0, i1, ... that were clicked at these seconds."""
    items = pl.DataFrame({"item_id": [f"i{number}" for number in range(n_items)], "title": "a thing"})
    rows = [("u", item, "click", time) for item, times in wanted.items() for time in times]
    events = pl.DataFrame(rows, ["user_id", "item_id", "event", "timestamp"], orient="row")
    return ItemPast.of(dataset_from_frames(items, events).log)


def test_items_are_there_around_the_time_when_they_are_wanted() -> None:
    begin, second = 1_700_000_000, 1_000_000
    past = past_of({"i0": [begin, begin + 100], "i1": [begin + 20, begin + 30, begin + 40]}, 6)
    moments = np.array([np.nan, np.nan, np.nan, 50, 120, 0])
    gone = np.array([np.inf, np.inf, np.inf, np.inf, np.inf, 40])
    there = past.time_there((begin + moments) * second, (begin + gone) * second)
    usual = (100 + 30) / 5
    assert there.tolist() == pytest.approx([1, 0.3 + usual / 100, 1, 0.5, 0, 0.4])
    assert past.counts.tolist() == past.worths.tolist() == [2, 3, 0, 0, 0, 0]


def test_an_item_with_a_date_is_there_from_then_on() -> None:
    begin, second = 1_700_000_000, 1_000_000
    past = past_of({"i0": [begin, begin + 100], "i1": [begin + 80]}, 2).extended(3)
    there = past.time_there((begin + np.array([np.nan, 40, np.nan])) * second, np.full(3, np.inf))
    assert there.tolist() == pytest.approx([1, 0.6, 1])
    assert past.time_there((begin + np.array([np.nan, 90, np.nan])) * second, np.full(3, np.inf))[1] < 0.6


def test_nobody_wanted_anything() -> None:
    past = past_of({"i0": [1_700_000_000]}, 1)
    assert past.time_there(np.array([np.nan]), np.array([np.inf])).tolist() == [0]
    nobody = ItemPast(np.zeros(2), np.zeros(2), np.full(2, np.nan), np.full(2, np.nan))
    assert nobody.time_there(np.full(2, np.nan), np.full(2, np.inf)).tolist() == [0, 0]
