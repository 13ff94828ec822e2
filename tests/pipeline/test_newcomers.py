"""Items that nobody has chosen yet: who lends to them, and how a ranker learns what they are worth."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from pipeline_world import AFTER, DAY, PURCHASE, click, make_log

from recsys.config import Config
from recsys.data.dataset import Dataset
from recsys.data.history import HistoryBatch
from recsys.data.item_changes import ItemChange, change_items
from recsys.data.requests import Request
from recsys.pipeline.novices import with_newcomers
from recsys.pipeline.recommend import Recommender
from recsys.pipeline.stage_one import StageOne

NEW = ItemChange("fresh", '{"item_id": "fresh", "title": "espresso beans from Ethiopia, freshly roasted"}')


def test_a_share_of_the_items_has_no_past() -> None:
    log = make_log([(0, item, PURCHASE, day * DAY, -1) for item in range(200) for day in (1, 2, 3)], n_items=200)
    changed = with_newcomers(log, 2 * DAY, seed=1)
    past, later = changed.before(2 * DAY), changed.after(2 * DAY - 1)
    assert len(later) == 400
    assert 160 < len(np.unique(past.items)) < 198
    assert np.array_equal(with_newcomers(log, 2 * DAY, seed=1).items, changed.items)
    assert not np.array_equal(with_newcomers(log, 2 * DAY, seed=2).items, changed.items)


@pytest.fixture(scope="module")
def stage(world: Dataset, quick_config: Config) -> StageOne:
    """Sources that saw no event of two items."""
    log = world.log.select(~np.isin(world.log.items, unlearned(world)))
    return StageOne.fit(
        world.catalogue, log, quick_config, seed=0, text_minutes=0.0, cache=None, warm=None, progress=lambda _: None
    )


def unlearned(world: Dataset) -> np.ndarray:
    return world.catalogue.vocabulary.numbers(["coffee-0-small", "books-1-large"])


def history(world: Dataset, items: Sequence[str]) -> HistoryBatch:
    numbers = world.catalogue.vocabulary.numbers(items)
    n = len(numbers)
    times = AFTER - DAY * np.arange(n, 0, -1)
    weights, events = np.full(n, 4.0, dtype=np.float32), np.zeros(n, dtype=np.int8)
    return HistoryBatch(np.array([0, n]), numbers, events, times, weights, np.array([AFTER]))


def test_models_lend_to_what_they_have_not_seen(world: Dataset, stage: StageOne, tmp_path: Path) -> None:
    past = history(world, ["coffee-0-large", "coffee-1-small"])
    beans, poems = unlearned(world)
    stage.save(tmp_path)
    for one in (stage, StageOne.load(tmp_path)):
        rows, items = np.zeros(2, dtype=np.int64), np.array([beans, poems], dtype=np.int32)
        for source, scores in one.scores(past).items():
            for_beans, for_poems = scores.of(rows, items)
            if source in ("popular", "history"):
                assert (for_beans, for_poems) == (0.0, 0.0)
            else:
                assert for_beans > for_poems, source
            everything = np.ones((1, len(world.catalogue)), dtype=bool)
            assert (beans in scores.best(everything, 30)) == (source not in ("popular", "history")), source
            everything[0, beans] = False
            assert beans not in scores.best(everything, 30)


def test_what_a_new_item_lacks_is_guessed(world: Dataset, stage: StageOne) -> None:
    n = len(world.catalogue)
    stage = stage.updated(n, n + 1, np.array([n], dtype=np.int32), ["large espresso beans, for people who love coffee"])
    facts = stage.facts(change_items(world.catalogue, [NEW])[0])
    coffee = world.catalogue.vocabulary.number("coffee-0-large")
    assert facts.categories[n] == facts.categories[coffee]
    assert facts.brands[n] in facts.brands[:n]
    assert 5 <= facts.prices[n] <= 20
    assert np.isnan(facts.created[n])


def test_a_new_item_is_wanted_by_those_who_like_what_it_is_about(recommender: Recommender) -> None:
    recommender = recommender.over(recommender.scoring.updated([NEW]))
    shelves = {
        taste: [f"{taste}-{kind}-{size}" for kind in range(3) for size in ("small", "large")]
        for taste in ("coffee", "books", "garden")
    }
    recommender.observe(
        [
            click(taste, item, AFTER + n, event="purchase")
            for taste, own in shelves.items()
            for n, item in enumerate(own)
        ]
    )
    places = {taste: recommender.recommend(Request(taste, n=30)).ids.index("fresh") for taste in shelves}
    assert places["coffee"] < 10, places  # there are nine available things for coffee
    assert places["coffee"] < min(places["books"], places["garden"]), places
