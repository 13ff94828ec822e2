"""Why an item is in a list, in sentences."""

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from pipeline_world import AFTER, DAY, click

from features.attributes import Attributes
from features.declarations import Feature
from features.feature_set import FeatureSet
from features.kinds.attributes import UserLineStep
from recsys.cf.links import ItemLinks
from recsys.data.items.catalogue import ItemCatalogue
from recsys.data.items.item_changes import ItemChange
from recsys.data.requests.request import Request
from recsys.pipeline.ranking.scoring import Scoring
from recsys.pipeline.recommender.reasons import Explainer
from recsys.pipeline.recommender.recommend import Recommender


def reasons(recommender: Recommender, item: str, *history: str) -> tuple[str, ...]:
    request = Request(history=history, candidates=(item,), policy={"seen": "keep"})
    (explanation,) = recommender.recommend(request, explain=True).explain()
    return explanation.reasons


def reasons_of(
    scoring: Scoring, item: int, liked: int, recommender: Recommender, again: bool = False
) -> tuple[str, ...]:
    """Those of an item for somebody who chose `liked`, and the item itself before where `again`."""
    ids, bundle = recommender.catalogue.vocabulary, recommender.bundle
    history = recommender.block([Request(history=tuple(ids.ids([item, liked] if again else [liked])))]).histories
    table = np.zeros((1, len(bundle.features.names)), dtype=np.float32)
    explainer = Explainer(scoring, history, -1, -1, max_history=100, learned_until=AFTER, event_names=("view",))
    (found,) = explainer.explain(bundle.features, bundle.rankers.full, table, np.array([item], dtype=np.int32))
    return found.reasons


def test_what_was_chosen_long_ago_is_not_called_new(recommender: Recommender) -> None:
    later = Request("nobody", candidates=("coffee-0-small",), time=AFTER + 200 * DAY)
    (explanation,) = recommender.recommend(later, explain=True).explain()
    (reason,) = explanation.reasons
    assert reason.startswith("chosen ")
    assert reason.endswith("times before")


def test_a_reason_names_the_volume_before(recommender: Recommender) -> None:
    frame = recommender.catalogue.frame
    volumes = frame.with_columns(
        series=pl.Series(["Sea" if item < 3 else None for item in range(len(frame))]),
        volume=pl.Series([item + 1 if item < 3 else None for item in range(len(frame))]),
    )
    scoring = replace(recommender.scoring)
    attributes = Attributes(ItemCatalogue(volumes))
    vars(scoring)["facts"] = replace(recommender.scoring.facts, attributes=attributes)
    step = Feature("step", "behaviour", UserLineStep("series", "volume"), "")
    features = FeatureSet((step, *recommender.bundle.features.features[1:]))

    def found(item: int, *history: int) -> list[str]:
        asked = Request(history=tuple(recommender.catalogue.vocabulary.ids(list(history))))
        explainer = Explainer(scoring, recommender.block([asked]).histories, -1, -1, 100, AFTER, ("view",))
        table = np.zeros((1, len(features.names)), dtype=np.float32)
        (told,) = explainer.explain(features, recommender.bundle.rankers.full, table, np.array([item], dtype=np.int32))
        return [reason for reason in told.reasons if reason.startswith("series")]

    titles = [f"“{title}”" for title in frame["title"][:3]]
    assert found(1, 0) == [f"series: the next one after {titles[0]}, which you chose"]
    assert found(2, 1, 0) == [f"series: the next one after {titles[1]}, which you chose"]
    for item, *history in ((2, 0), (1, 2), (1,), (4, 0)):
        assert found(item, *history) == []


@pytest.mark.parametrize("source", ["transitions", "neighbours"])
def test_a_reason_says_how_many_people_chose_both(recommender: Recommender, source: str) -> None:
    model, numbers = recommender.scoring.sources.models[source], recommender.catalogue.vocabulary
    assert isinstance(model, ItemLinks)
    liked = numbers.number("coffee-0-small")
    item = next(item for item in model.matrix[[liked]].indices.tolist() if item != liked)
    for people, told in ((3, True), (2, True), (1, False)):
        counted = type(model)(model.matrix, np.full(model.matrix.nnz, people, dtype=np.int32))
        sources = replace(recommender.scoring.sources, models={source: counted})
        found = reasons_of(replace(recommender.scoring, sources=sources), item, liked, recommender)
        assert (f"{people} people who chose “small espresso beans” chose it too" in found) == told
        again = reasons_of(replace(recommender.scoring, sources=sources), item, liked, recommender, again=True)
        assert again[0] == "you chose it 1 time before"
        # nobody has counted a guest
        assert (f"{people} people who chose “small espresso beans” chose it too" in again) == told


@pytest.mark.parametrize("brings_history", [True, False])
@pytest.mark.parametrize("known", [True, False])
def test_the_people_of_a_reason_are_others(recommender: Recommender, known: bool, brings_history: bool) -> None:
    """Somebody who chose both after training is none of those that were counted; nor is one who only says so."""
    log, ids, titles = recommender.bundle.log, recommender.catalogue.vocabulary, recommender.catalogue.frame["title"]
    choosers = [set(log.users[(log.items == item) & (log.weights > 0)].tolist()) for item in range(log.n_items)]
    model = recommender.scoring.sources.models["transitions"]
    assert isinstance(model, ItemLinks)
    pairs = [(first, other) for first, other in np.argwhere(model.matrix.toarray() > 0).tolist() if first != other]
    liked, item = max(pairs, key=lambda pair: len(choosers[pair[0]] & choosers[pair[1]]))
    both = choosers[liked] & choosers[item]
    user = log.user_vocabulary.id(min(both)) if known else "newcomer"
    recommender.observe([click(user, ids.id(number), AFTER + place) for place, number in enumerate((item, liked))])
    history = tuple(ids.ids([item, liked])) if brings_history else None
    request = Request(user, candidates=(ids.id(item),), history=history, policy={"seen": "keep"})
    (explanation,) = recommender.recommend(request, explain=True).explain()
    (told,) = [reason for reason in explanation.reasons if " people who chose " in reason]
    named = [number for number, title in enumerate(titles) if f"“{title}”" in told]
    counts = {len((choosers[number] & choosers[item]) - ({min(both)} if known else set())) for number in named}
    assert int(told.split()[0]) in counts


def test_a_reason_names_what_an_item_has_in_common_with_others(recommender: Recommender) -> None:
    found = reasons(recommender, "coffee-1-small", "coffee-0-small", "coffee-2-small", "coffee-0-small")
    assert "category “coffee”, like 2 items that you chose" in found
    longest = recommender.bundle.config.data.max_history
    long = ("coffee-0-small", *["garden-0-small"] * (longest - 1))
    assert "category “coffee”, like at least 1 item that you chose" in reasons(recommender, "coffee-1-small", *long)
    assert f"you chose it at least {longest - 1} times before" in reasons(recommender, "garden-0-small", *long)
    assert not [reason for reason in reasons(recommender, "coffee-1-small") if "category" in reason]
    assert not [reason for reason in reasons(recommender, "coffee-1-small", "garden-0-small") if "category" in reason]


def test_a_reason_names_what_items_have_in_common_by_now(recommender: Recommender) -> None:
    """Items may have been given another category since training."""
    contents = {id_: {"title": id_, "category": "tea"} for id_ in ("coffee-0-small", "coffee-1-small")}
    changes = [ItemChange(id_, json.dumps({"item_id": id_, **content})) for id_, content in contents.items()]
    changed = recommender.with_scoring(recommender.scoring.updated(changes))
    history = ("coffee-0-small", "coffee-2-small", "coffee-3-small")
    for item, told in (("coffee-1-small", []), ("coffee-4-small", ["category “coffee”, like 2 items that you chose"])):
        found = [reason for reason in reasons(changed, item, *history) if "category" in reason]
        assert found == told
