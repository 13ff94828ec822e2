"""A catalogue that is too large to be scored as a whole: nothing is lost where the nearest items are all items."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from pipeline_world import AFTER, click

from recsys.config import load_config
from recsys.data.dataset import Dataset
from recsys.data.items.item_changes import ItemChange
from recsys.data.loading import dataset_from_frames
from recsys.data.requests.request import Request
from recsys.pipeline.candidates.merging import Candidates
from recsys.pipeline.candidates.sources import Sources
from recsys.pipeline.evaluation.evaluate import evaluate
from recsys.pipeline.recommender.bundle import Bundle
from recsys.pipeline.recommender.recommend import Recommender
from recsys.pipeline.training.train import train
from recsys.text.interest import InterestModel
from recsys.text.nearest import NearestItems
from recsys.text.scoring import Scorer

REQUESTS = (
    *(Request(f"user {number}") for number in range(30)),
    Request("nobody"),
    Request("user 3", context={"query": "tomato seeds"}),
    Request("user 4", filters={"category": "books"}, exclude=("books-1-small",)),
    Request(history=("coffee-0-small", "garden-1-large")),
    Request("user 5", candidates=("books-0-small", "no such item")),
)


N = 20
"""Candidates of a request."""


TITLES = {
    "new-1": "large espresso pods",
    "new-2": "small oat drink",
    "new-3": "large seed tray",
    "books-0-small": "large espresso beans",
}
"""One for each item: those with the same text have all but the same score, and rounding would decide."""


def change(item: str, title: str | None = None) -> ItemChange:
    title = TITLES[item] if title is None else title
    return ItemChange(item, json.dumps({"item_id": item, "title": title, "description": f"A {title} for people."}))


@pytest.fixture
def both(bundle: Bundle) -> tuple[Recommender, Recommender]:
    """The bundle as it is, and with indices."""
    return Recommender(bundle), Recommender(replace(bundle, sources=bundle.sources.indexed()))


def clear(recommender: Recommender) -> NDArray[np.bool_]:
    """(n_requests,) False where two of the best items have all but the same score: there rounding decides, and scores
    of all items are not summed in the order in which those of pairs are."""
    block, n_items = recommender.block(REQUESTS), len(recommender.catalogue)
    rows, items = np.repeat(np.arange(len(block)), n_items), np.tile(np.arange(n_items, dtype=np.int32), len(block))
    found = np.ones(len(block), dtype=bool)
    for source in ("text", "als"):
        scores = recommender.scoring.sources.scores_of(source, block).of(rows, items)
        best = -np.sort(-scores.reshape(len(block), n_items), axis=1)[:, : N + 1]
        gaps = best[:, :-1] - best[:, 1:]
        found &= ~((gaps > 0) & (gaps < 5e-5)).any(axis=1)
    return found


def candidates(recommender: Recommender) -> Candidates:
    block = recommender.block(REQUESTS)
    return recommender.scoring.candidates(block, N)


def check_same(exact: Recommender, indexed: Recommender) -> None:
    compared = clear(exact)
    assert compared.mean() > 0.7
    found, expected = (own.keep(compared[own.rows]) for own in (candidates(indexed), candidates(exact)))
    for part in ("rows", "items", "proposed_by", "fused"):
        np.testing.assert_array_equal(getattr(found, part), getattr(expected, part))
    for source, values in expected.scores.items():
        np.testing.assert_allclose(found.scores[source], values, rtol=1e-4, atol=1e-5, err_msg=source)
    requests = [request for request, one in zip(REQUESTS, compared, strict=True) if one]
    lists = zip(indexed.recommend_many(requests), exact.recommend_many(requests), strict=True)
    for one, other in lists:
        assert one.ids == other.ids


def test_indices_give_the_same_lists_where_all_nearest_are_found(both: tuple[Recommender, Recommender]) -> None:
    exact, indexed = both
    assert indexed.scoring.sources.interest is not None
    assert indexed.scoring.sources.interest.recall() == 1
    check_same(exact, indexed)


def test_new_and_changed_items_are_found(both: tuple[Recommender, Recommender]) -> None:
    changes = [change("new-1"), change("books-0-small"), change("new-2")]
    changed = [recommender.with_scoring(recommender.scoring.updated(changes)) for recommender in both]
    for recommender in changed:
        recommender.observe([click("user 1", "new-2", AFTER)])
    check_same(*changed)
    again = [change("new-1", "crime novel"), change("new-3")]
    check_same(*(recommender.with_scoring(recommender.scoring.updated(again)) for recommender in changed))


def test_sources_saved_with_their_indices_list_the_same(both: tuple[Recommender, Recommender], tmp_path: Path) -> None:
    exact, indexed = both
    indexed.bundle.sources.save(tmp_path)
    loaded = Sources.load(tmp_path, ())
    assert loaded.interest is not None
    assert loaded.interest.nearest is not None
    mapped = Recommender(replace(exact.bundle, sources=loaded))
    check_same(exact, mapped)
    changes = [change("new-1"), change("books-0-small")]
    check_same(*(one.with_scoring(one.scoring.updated(changes)) for one in (exact, mapped)))
    assert mapped.with_scoring(mapped.scoring.updated(changes)).recommend_many([]) == []
    for file in ("text/targets.halves.npy", "cf/als/cells/factors.npy"):  # as earlier code wrote it
        (tmp_path / file).unlink()
    earlier = Sources.load(tmp_path, ())
    assert earlier.interest is not None
    assert earlier.interest.float16 is None
    check_same(exact, Recommender(replace(exact.bundle, sources=earlier)))


def test_nearest_texts_are_sought_once_while_texts_say_the_same(
    world: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    sought: list[int] = []
    of = NearestItems.of

    def counted(scorer: Scorer, seed: int) -> NearestItems:
        sought.append(seed)
        return of(scorer, seed)

    monkeypatch.setattr(NearestItems, "of", counted)
    settings = ("text.budget_minutes=0", "candidates.exact_items=10", "ranker.ablation=false", "ranker.trees=5")
    bundle = train(world, load_config(None, settings))
    assert len(sought) == 1
    interest = bundle.sources.interest
    assert interest is not None
    other = InterestModel(
        interest.settings,
        replace(interest.scorer, items=replace(interest.scorer.items, biases=interest.scorer.items.biases + 1)),
        interest.base_vectors,
        interest.reader,
    )
    other.indexed(earlier=interest)
    assert len(sought) == 2


def test_a_source_alone_is_measured_on_all_items_that_a_request_names() -> None:
    """It looks up the items that are nearest to the history, and those that are named may be far away."""
    words = [a + b for a in ("red", "blue", "old", "new", "long", "wet", "hot") for b in ("hat", "car", "sea", "pen")]
    titles = [f"{one} {other}" for one in words[:20] for other in words[8:]]
    items = pl.DataFrame({"item_id": [f"i{n}" for n in range(len(titles))], "title": titles})
    rng = np.random.default_rng(0)
    acts = [(f"u{user}", f"i{item}") for user in range(150) for item in rng.choice(len(titles), 2, replace=False)]
    events = pl.DataFrame(
        [(*act, "click", 1_700_000_000 + 60 * n) for n, act in enumerate(acts)],
        schema=["user_id", "item_id", "event", "timestamp"],
        orient="row",
    )
    settings = ("text.budget_minutes=0", "candidates.exact_items=10", "ranker.ablation=false", "ranker.trees=5")
    config = load_config(None, (*settings, 'candidates.sources=["text","popular"]'))
    dataset = dataset_from_frames(items, events, config)
    bundle = train(dataset, config)
    named = tuple(f"i{item}" for item in rng.choice(len(titles), 10, replace=False))
    requests = [Request(f"u{user}", candidates=named, targets=(named[0],)) for user in range(20)]
    found = evaluate(bundle, dataset, requests).baselines["text, interest model alone"]
    assert found["recall@10"]["mean"] == 1.0
