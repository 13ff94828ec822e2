"""A catalogue that is too large to be scored as a whole: nothing is lost where the nearest items are all items."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pipeline_world import AFTER, click

from recsys.data.item_changes import ItemChange
from recsys.data.requests import Request
from recsys.pipeline.bundle import Bundle
from recsys.pipeline.candidates import Candidates
from recsys.pipeline.recommend import Recommender
from recsys.pipeline.stage_one import StageOne

REQUESTS = (
    *(Request(f"user {number}") for number in range(30)),
    Request("nobody"),
    Request("user 3", context={"query": "tomato seeds"}),
    Request("user 4", filters={"category": "books"}, exclude=("books-1-small",)),
    Request(history=("coffee-0-small", "garden-1-large")),
    Request("user 5", candidates=("books-0-small", "no such item")),
)


def change(item: str, title: str = "large espresso beans") -> ItemChange:
    return ItemChange(item, json.dumps({"item_id": item, "title": title, "description": f"A {title} for people."}))


@pytest.fixture
def both(bundle: Bundle) -> tuple[Recommender, Recommender]:
    """The bundle as it is, and with indices."""
    return Recommender(bundle), Recommender(replace(bundle, stage=bundle.stage.indexed()))


def candidates(recommender: Recommender) -> Candidates:
    block = recommender.block(REQUESTS)
    return recommender.scoring.candidates(block, 20)


def check_same(exact: Recommender, indexed: Recommender) -> None:
    found, expected = candidates(indexed), candidates(exact)
    for part in ("rows", "items", "proposed_by", "fused"):
        np.testing.assert_array_equal(getattr(found, part), getattr(expected, part))
    for source, values in expected.scores.items():
        np.testing.assert_allclose(found.scores[source], values, rtol=1e-4, atol=1e-5, err_msg=source)
    lists = zip(indexed.recommend_many(REQUESTS), exact.recommend_many(REQUESTS), strict=True)
    for one, other in lists:
        assert one.ids == other.ids


def test_the_same_lists(both: tuple[Recommender, Recommender]) -> None:
    exact, indexed = both
    assert indexed.scoring.stage.interest is not None
    assert indexed.scoring.stage.interest.recall() == 1
    check_same(exact, indexed)


def test_new_and_changed_items_are_found(both: tuple[Recommender, Recommender]) -> None:
    changes = [change("new-1"), change("books-0-small"), change("new-2")]
    changed = [recommender.over(recommender.scoring.updated(changes)) for recommender in both]
    for recommender in changed:
        recommender.observe([click("user 1", "new-2", AFTER)])
    check_same(*changed)
    again = [change("new-1", "crime novel"), change("new-3")]
    check_same(*(recommender.over(recommender.scoring.updated(again)) for recommender in changed))


def test_saved_with_its_indices(both: tuple[Recommender, Recommender], tmp_path: Path) -> None:
    exact, indexed = both
    indexed.bundle.stage.save(tmp_path)
    loaded = StageOne.load(tmp_path)
    assert loaded.interest is not None
    assert loaded.interest.nearest is not None
    check_same(exact, Recommender(replace(exact.bundle, stage=loaded)))
