"""How long items were there, by when they were wanted and by their dates."""

import numpy as np
import polars as pl
import pytest

from recsys.data.items.item_past import ItemPast
from recsys.data.loading import dataset_from_frames

BEGIN, SECOND = 1_700_000_000, 1_000_000


def past_of(*wanted: list[int], n_more: int = 0) -> ItemPast:
    """Of items i0, i1, ... that were clicked at these seconds, and more that were not."""
    items = pl.DataFrame({"item_id": [f"i{number}" for number in range(len(wanted) + n_more)], "title": "a thing"})
    rows = [("u", f"i{item}", "click", BEGIN + time) for item, times in enumerate(wanted) for time in times]
    events = pl.DataFrame(rows, ["user_id", "item_id", "event", "timestamp"], orient="row")
    return ItemPast.of(dataset_from_frames(items, events).log)


def share_there(past: ItemPast, created: list[float], gone: list[float] | None = None) -> list[float]:
    ends = np.array(gone) if gone else np.full(len(created), np.inf)
    return past.share_there((BEGIN + np.array(created)) * SECOND, (BEGIN + ends) * SECOND).tolist()


def test_items_are_there_around_the_time_when_they_are_wanted() -> None:
    past = past_of(list(range(101)), [20, 30, 40], [15], n_more=4)
    nan, inf = np.nan, np.inf
    found = share_there(past, [nan, nan, 10, nan, 50, 120, nan], [inf, inf, inf, inf, inf, inf, 40])
    assert found == pytest.approx([1, 0.4, 0.1, 1, 0.5, 0, 0.4], abs=0.03)
    assert past.counts.tolist() == past.weights.tolist() == [101, 3, 1, 0, 0, 0, 0]
    assert share_there(past.extended(8), [nan] * 8)[7] == 1


def test_time_is_counted_by_what_everybody_wants() -> None:
    """A shop that is ten times as busy in its second half."""
    past = past_of([*range(0, 100, 10), *range(100, 200)], n_more=1)
    assert share_there(past, [np.nan, 100]) == pytest.approx([1, 0.91], abs=0.01)


def test_hardly_anything_was_wanted() -> None:
    assert share_there(past_of([5]), [np.nan]) == [1]
    nobody = ItemPast(np.zeros(2), np.zeros(2), np.full(2, np.nan), np.full(2, np.nan), np.zeros(1))
    assert share_there(nobody, [np.nan, 3]) == [0, 0]
