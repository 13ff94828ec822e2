"""The one path from a request to a list."""

import copy
import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from pipeline_world import AFTER, DAY, click
from promised_lists import USER, check, ids, same

from recsys.data.items.item_changes import ItemChange
from recsys.data.requests.request import Request
from recsys.errors import BundleError, ConfigError, DataError
from recsys.pipeline.ranking.ranker_calibration import RankerCalibration
from recsys.pipeline.recommender.bundle import Bundle
from recsys.pipeline.recommender.item_list import LIST_SCHEMA
from recsys.pipeline.recommender.recommend import Recommender
from recsys.pipeline.recommender.user_lookup import history_of
from recsys.rank.score_calibration import ScoreCalibration
from recsys.registry import Registry


@pytest.mark.parametrize(
    "request_",
    [
        Request(user_id=USER),
        Request(user_id="nobody"),
        Request(),
        Request(history=()),
        Request(history=("coffee-0-small",)),
        Request(history=("no such item", "coffee-0-small", "nor this")),
        Request(history=("no such item",)),
        Request(user_id="", history=("coffee-0-small",) * 500),
    ],
)
def test_everybody_gets_a_list(recommender: Recommender, request_: Request) -> None:
    check(recommender.recommend(request_), 10)


def test_no_requests_give_no_lists(recommender: Recommender) -> None:
    assert recommender.recommend_many([]) == []


def test_a_list_longer_than_the_catalogue_holds_all_that_may_be_listed(recommender: Recommender) -> None:
    available = int(recommender.catalogue.available.sum())
    assert available < len(recommender.catalogue)
    found = recommender.recommend(Request(user_id=USER, n=10_000))
    check(found, available)


def test_lists_follow_the_taste(recommender: Recommender) -> None:
    for taste in ("coffee", "garden", "books"):
        found = ids(recommender, history=(f"{taste}-0-small", f"{taste}-1-small"), n=5)
        assert sum(item.startswith(taste) for item in found) >= 3


def test_unknown_items_of_a_history_change_nothing(recommender: Recommender) -> None:
    known = recommender.recommend(Request(history=("books-1-small", "books-2-small")))
    same(recommender.recommend(Request(history=("x", "books-1-small", "y", "books-2-small", "z"))), known)


def test_a_given_history_stands_in_for_the_stored_one(recommender: Recommender) -> None:
    history = ("books-1-small", "books-2-small")
    same(recommender.recommend(Request(USER, history=history)), recommender.recommend(Request(history=history)))


def test_only_the_given_candidates_are_listed_in_the_order_of_the_full_list(recommender: Recommender) -> None:
    wanted = ("books-0-small", "coffee-3-large", "garden-1-small")
    found = recommender.recommend(Request(USER, candidates=(*wanted, "no such item", wanted[0])))
    check(found, 3)
    assert set(found.ids) == set(wanted)
    assert found.unknown_items == ("no such item",)
    everything = recommender.recommend(Request(USER, n=100))
    assert [item for item in everything.ids if item in wanted] == list(found.ids), "the order of the full list"


def _excluding(bundle: Bundle) -> Recommender:
    """One whose config leaves out what the user knows."""
    return Recommender(replace(bundle, config=bundle.config.changed(policy={"seen": "exclude", "discovery": 0.0})))


def test_candidates_may_be_seen_but_must_be_available(recommender: Recommender) -> None:
    available = recommender.catalogue.available
    items = recommender.catalogue.vocabulary
    seen = next(item for item, _, _ in history_of(recommender, USER) if available[items.number(item)])
    assert ids(_excluding(recommender.bundle), user_id=USER, candidates=(seen,)) == (seen,)
    gone = items.ids(np.flatnonzero(~available))
    assert ids(recommender, user_id=USER, candidates=tuple(gone)) == ()
    assert ids(recommender, user_id=USER, candidates=()) == ()


def test_excluded_items_are_in_no_list(recommender: Recommender) -> None:
    first = ids(recommender, user_id=USER)
    found = ids(recommender, user_id=USER, exclude=(*first[:3], "no such item"), n=30)
    assert not set(found) & set(first[:3])
    assert set(first[3:]) <= set(found)


def test_a_list_meets_its_filters(recommender: Recommender) -> None:
    books = ids(recommender, user_id=USER, filters={"category": "books", "price": {"lt": 12}}, n=30)
    assert books
    assert all(item.startswith("books") for item in books)
    nothing = recommender.recommend(Request(USER, filters={"category": "none of this"}), explain=True)
    check(nothing, 0)
    assert nothing.explain() == ()
    assert nothing.to_polars().height == 0
    with pytest.raises(DataError, match="nearest one is 'category'"):
        ids(recommender, user_id=USER, filters={"categori": "books"})


def test_seen_items_are_left_out_put_behind_or_kept(recommender: Recommender) -> None:
    seen = {item for item, _, _ in history_of(recommender, USER)}
    assert not seen & set(ids(recommender, user_id=USER, n=30, policy={"seen": "exclude"}))
    demoted = ids(recommender, user_id=USER, n=30, policy={"seen": "demote"})
    are_seen = [item in seen for item in demoted]
    assert any(are_seen)
    assert are_seen == sorted(are_seen), "behind all that is new"
    kept = ids(recommender, user_id=USER, n=30, policy={"seen": "keep"})
    assert ids(recommender, user_id=USER, n=30, policy={"seen": "auto"}) == kept, "as training resolved it"
    assert ids(recommender, user_id=USER, n=30) == kept


def test_of_given_candidates_the_known_are_kept_unless_the_request_says_otherwise(recommender: Recommender) -> None:
    excluding = _excluding(recommender.bundle)
    seen = list(dict.fromkeys(item for item, _, _ in history_of(recommender, USER)))[:3]
    new = [item for item in ids(excluding, user_id=USER, n=30) if item not in seen][:3]
    given = (*seen, *new)
    for policy in ({}, {"seen": "auto"}, {"seen": "keep"}):
        assert set(ids(excluding, user_id=USER, candidates=given, policy=policy)) == set(given)
    assert set(ids(recommender, user_id=USER, candidates=given, policy={"seen": "exclude"})) == set(new)
    assert set(ids(recommender, user_id=USER, candidates=given, policy={"seen": "demote"})[:3]) == set(new)


def test_diversity_mixes_the_tastes(recommender: Recommender) -> None:
    request = Request(history=("books-0-small", "books-1-small", "books-2-small"), n=6)
    plain = recommender.recommend(request).ids
    mixed = recommender.recommend(replace(request, policy={"diversity": 0.9})).ids
    assert mixed[0] == plain[0]
    assert len({item.split("-")[0] for item in mixed}) >= len({item.split("-")[0] for item in plain})
    assert mixed != plain


def test_discovery_lifts_a_new_item_until_it_is_known(plain: Bundle) -> None:
    recommender = Recommender(plain)
    change = ItemChange("new", json.dumps({"item_id": "new", "title": "espresso beans", "category": "coffee"}))
    recommender = recommender.with_scoring(recommender.scoring.updated([change]))
    request = Request(user_id=USER, n=30, time=AFTER + DAY)

    def lifted() -> int:
        usual = recommender.recommend(request).ids
        found = recommender.recommend(replace(request, policy={"discovery": 1.0}), explain=True)
        assert "discovery" in [change.step for change in found.changes]
        assert sorted(found.scores.tolist()) == found.scores.tolist()[::-1], "what discovery adds is in the scores"
        return usual.index("new") - found.ids.index("new")

    assert (
        recommender.recommend(replace(request, policy={"discovery": "auto"})).ids == recommender.recommend(request).ids
    )
    before = lifted()
    recommender.observe([click(f"user {user}", "new", AFTER + user) for user in range(20)])
    assert lifted() <= 0 < before


def test_a_request_may_pin_cap_and_explore_for_its_own_list(recommender: Recommender) -> None:
    request = Request(user_id=USER, n=6, request_id="r1")
    plain = recommender.recommend(request)
    assert plain.propensities is None
    last = list(recommender.catalogue.vocabulary)[-1]
    ruled = recommender.recommend(replace(request, policy={"pins": {last: 1}, "caps": {"category": 2}}), explain=True)
    assert ruled.ids[0] == last
    assert [change.step for change in ruled.changes] == ["available", "seen", "pins", "cap"]
    later = replace(request, exclude=plain.ids, shown=6, policy={"pins": {last: 8}})
    assert recommender.recommend(later).ids[1] == last
    assert "pins" not in [
        change.step for change in recommender.recommend(replace(later, shown=8), explain=True).changes
    ]
    explored = [recommender.recommend(replace(request, policy={"exploration": 1.0})) for _ in range(2)]
    assert explored[0].ids[:3] == plain.ids[:3]
    assert not set(explored[0].ids[3:]) & set(plain.ids)
    assert explored[0].ids == explored[1].ids  # the same request_id, the same draws
    assert explored[0].propensities is not None
    assert (explored[0].propensities[:3] == 1).all()
    assert (explored[0].propensities[3:] < 1).all()


@pytest.mark.parametrize("policy", [{"diversty": 0.3}, {"diversity": 2}, {"discovery": 2}, {"seen": "sometimes"}])
def test_a_wrong_policy_is_reported_with_the_known_keys(recommender: Recommender, policy: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=rf"policy\.{next(iter(policy))}: .*known are seen, boosts, discovery"):
        ids(recommender, user_id=USER, policy=policy)


def test_a_list_begins_with_what_the_query_asks_for(recommender: Recommender) -> None:
    """The text model prefers what the query asks for, and the list begins with it."""
    block = recommender.block([Request(), Request(context={"query": "tomato seeds for the garden"})])
    candidates = recommender.rank(block, [10, 10]).candidates
    interest = [candidates.scores["text"][candidates.rows == row] for row in (0, 1)]
    assert not np.array_equal(*interest)
    best = candidates.items[candidates.rows == 1][np.argmax(interest[1])]
    assert recommender.catalogue.vocabulary.id(int(best)).startswith("garden-0")
    for user in (None, USER):
        plain, asked = (
            recommender.recommend(Request(user, n=30, context=context, policy={"seen": "keep"}))
            for context in ({}, {"query": "tomato seeds"})
        )
        assert {id_.rpartition("-")[0] for id_ in asked.ids[:2]} == {"garden-0"}
        assert asked.ids != plain.ids
        assert sorted(asked.scores.tolist()) == asked.scores.tolist()[::-1], "the query is in the scores"
        of_item = dict(zip(plain.ids, plain.p_click.tolist(), strict=True))
        assert asked.p_click.tolist() != sorted(asked.p_click.tolist(), reverse=True), "probabilities are the ranker's"
        assert set(asked.ids) == set(of_item)
    with pytest.raises(ConfigError, match="query must be text, not int"):
        ids(recommender, context={"query": 3})


def test_the_parts_of_an_explanation_sum_to_the_score(recommender: Recommender) -> None:
    requests = [Request(USER), Request("nobody"), Request(history=("coffee-0-small",)), Request(candidates=("?",))]
    lists = recommender.recommend_many(requests, explain=True)
    bases = []
    for found in lists:
        assert len(found.explain()) == len(found)
        for score, one in zip(found.scores.tolist(), found.explain(), strict=True):
            assert one.reasons
            assert all(reason.strip() for reason in one.reasons)
            bases.append(score - (one.text + one.collaborative + one.behaviour + one.context))
    # The groups and one constant, the ranker's mean score, make the score.
    np.testing.assert_allclose(bases, bases[0], atol=1e-4)
    same(recommender.recommend(Request(USER)), lists[0])


def test_a_list_can_be_explained_afterwards(recommender: Recommender) -> None:
    asked = recommender.recommend(Request(USER), explain=True)
    found = recommender.recommend(Request(USER))
    assert found.explanations is None
    assert found.explain() == asked.explain()
    assert recommender.similar("coffee-0-small").explain() == ()
    sent = copy.deepcopy(found)  # as to another process, which the version does not go with
    assert sent.ids == found.ids
    assert sent.explain() == ()


def test_what_is_bought_was_wanted(bundle: Bundle) -> None:
    """Two calibrations, each fitted by itself, may cross."""
    crossing = RankerCalibration(click=ScoreCalibration(0.5, -2.0), purchase=ScoreCalibration(2.0, -3.0))
    rankers = replace(bundle.rankers, calibration=crossing)
    nothing = np.zeros((50, len(bundle.features.names)), dtype=np.float32)
    click, purchase = rankers.probabilities(np.linspace(-4, 4, 50, dtype=np.float32), nothing, np.zeros(50, dtype=bool))
    assert (purchase <= click).all()
    assert (np.diff(purchase) > 0).all()
    crossed = Recommender(replace(bundle, rankers=rankers)).recommend(Request(USER))
    check(crossed, 10)


def test_lists_are_the_same_one_by_one_and_together(recommender: Recommender) -> None:
    """Also where one request is longer than another, or than its candidates."""
    each_taste = [{"where": {"category": taste}, "at_least": 1} for taste in ("coffee", "garden", "books")]
    requests = [
        Request(USER, request_id="a"),
        Request("nobody", n=500, request_id="b"),
        Request(history=("coffee-0-small",), n=3, request_id="c"),
        Request(USER, context={"query": "poetry"}, request_id="d"),
        Request("user 2", candidates=("books-0-small", "coffee-0-small"), request_id="e"),
        Request("user 3", time=AFTER - 60 * DAY, request_id="f"),
        Request("user 4", policy={"diversity": 0.5}, n=4, request_id="g"),
        Request("user 5", policy={"quotas": each_taste}, n=3, request_id="h"),
    ]
    together = recommender.recommend_many(requests)
    for request, found in zip(requests, together, strict=True):
        same(recommender.recommend(request), found)
        assert (found.request_id, found.user_id) == (request.request_id, request.user_id)
        assert found.model_version == recommender.version


def test_quotas_and_caps_are_kept_though_no_candidate_meets_them(bundle: Bundle) -> None:
    """Of a catalogue much larger than the candidates, these may all be of another kind."""
    recommender = Recommender(replace(bundle, config=bundle.config.changed(candidates={"n": 4})))
    books = Request(history=("books-0-small", "books-1-small"), n=4)
    assert all(item.startswith("books") for item in recommender.recommend(books).ids)
    cheap = {"where": {"category": "garden", "price": {"lt": 12}}, "at_least": 2}
    ruled = replace(books, policy={"quotas": [{"where": {"category": "coffee"}, "at_least": 1}, cheap]})
    lists = [*recommender.recommend_many([books, ruled, replace(ruled, n=3)])[1:], recommender.popular(ruled)]
    for found in lists:
        assert sum(item.startswith("coffee") for item in found.ids) >= 1
        assert sum(item.startswith("garden") for item in found.ids) >= 2
    same(lists[0], recommender.recommend(ruled))
    coffee = next(item for item in lists[0].ids if item.startswith("coffee"))
    demoting = replace(ruled, history=(*(books.history or ()), coffee), policy={**ruled.policy, "seen": "demote"})
    other = [item for item in recommender.recommend(demoting).ids if item.startswith("coffee")]
    assert other, "a demoted one does not serve it"
    assert coffee not in other
    named = replace(ruled, candidates=("books-2-small", "books-3-small"))
    assert set(recommender.recommend(named).ids) == set(named.candidates or ()), "the caller has chosen"
    one_each = recommender.recommend(replace(books, n=3, policy={"caps": {"category": 1}}))
    assert sorted(item.split("-")[0] for item in one_each.ids) == ["books", "coffee", "garden"]
    nothing = replace(books, policy={"quotas": [{"where": {"category": "tea"}, "at_least": 1}]})
    assert recommender.recommend(nothing).ids == recommender.recommend(books).ids


@pytest.mark.parametrize("query", ["", "   ", "\n\t", "\0"])
def test_a_query_without_a_letter_is_none(recommender: Recommender, query: str) -> None:
    same(recommender.recommend(Request(USER, context={"query": query})), recommender.recommend(Request(USER)))


def test_a_list_as_a_frame_keeps_its_order(recommender: Recommender) -> None:
    found = recommender.recommend(Request(USER, request_id="r"))
    frame = found.to_polars()
    assert dict(frame.schema) == LIST_SCHEMA
    assert frame["item_id"].to_list() == list(found.ids)
    assert frame["rank"].to_list() == list(range(1, 11))


def test_similar_items_are_others_most_alike_first(recommender: Recommender) -> None:
    for by in ("text", "collaborative", "both"):
        found = recommender.similar("coffee-0-small", 5, by=by)  # type: ignore[arg-type]
        assert 0 < len(found) <= 5
        assert "coffee-0-small" not in found.ids
        assert (np.diff(found.scores) <= 0).all()
    with pytest.raises(DataError, match="no item 'no such item'"):
        recommender.similar("no such item")
    with pytest.raises(ConfigError, match="write one of text, collaborative, both"):
        recommender.similar("coffee-0-small", by="colour")  # type: ignore[arg-type]


def test_a_version_without_text_lists_and_refuses_similarity_by_text(plain: Bundle) -> None:
    recommender = Recommender(plain)
    assert recommender.version == ""
    search, other = Request(USER, context={"query": "poetry"}, policy={"diversity": 0.5}, n=1), Request(USER, n=1)
    check(recommender.recommend(search), 1)
    assert [made.degraded for made in recommender.recommend_many([search, other])] == [("text",), ()]
    with pytest.raises(ConfigError, match="trained without text"):
        recommender.similar("coffee-0-small", by="text")
    collaborative = recommender.similar("coffee-0-small", by="collaborative")
    assert len(collaborative)
    assert recommender.similar("coffee-0-small").ids == collaborative.ids, "both is what there is"
    unlinked = {name: model for name, model in plain.sources.models.items() if model.links is None}
    neither = Recommender(replace(plain, sources=replace(plain.sources, models=unlinked)))
    with pytest.raises(ConfigError, match="without text, neighbours and transitions"):
        neither.similar("coffee-0-small")


def test_a_saved_version_gives_the_same_lists(plain: Bundle, plain_registry: Registry) -> None:
    loaded = Recommender.load(plain_registry.path)
    assert loaded.version == plain_registry.current()
    assert loaded.bundle.report.to_json() == {**plain.report.to_json(), "version": loaded.version}
    requests = [Request(f"user {user}", n=30) for user in range(20)] + [Request()]
    for one, other in zip(loaded.recommend_many(requests), Recommender(plain).recommend_many(requests), strict=True):
        assert (one.ids, one.sources) == (other.ids, other.sources)
        np.testing.assert_array_equal(one.scores, other.scores)
        np.testing.assert_array_equal(one.p_purchase, other.p_purchase)


def test_an_item_may_be_listed_before_the_next_event_comes(bundle: Bundle) -> None:
    """Also one that was made after the newest event; one that is to come may not, nor at a time before."""
    recommender = Recommender(bundle)
    now = datetime.now(UTC)
    contents = [
        {"item_id": name, "title": "espresso beans", "category": "coffee", "created_at": time.isoformat()}
        for name, time in (("new", now), ("to come", now + timedelta(days=1)))
    ]
    changes = [ItemChange(str(content["item_id"]), json.dumps(content)) for content in contents]
    recommender = recommender.with_scoring(recommender.scoring.updated(changes))

    def listed(**request: object) -> set[str]:
        return set(recommender.recommend(Request(candidates=("new", "to come"), **request)).ids)  # type: ignore[arg-type]

    assert listed() == {"new"}
    assert listed(time=AFTER) == set()
    assert "new" in recommender.similar("coffee-0-small", 40).ids
    assert "to come" not in recommender.similar("coffee-0-small", 40).ids


def test_an_item_is_in_no_list_from_when_on_it_is_gone(bundle: Bundle) -> None:
    """Its moment in the past is told by `available_until`, unlike that of what is merely not available."""
    recommender = Recommender(bundle)
    now = datetime.now(UTC)
    contents = [
        {"item_id": name, "title": "espresso beans", "category": "coffee", "available_until": until.isoformat()}
        for name, until in (("over", now - timedelta(hours=1)), ("open", now + timedelta(days=1)))
    ]
    changes = [ItemChange(str(content["item_id"]), json.dumps(content)) for content in contents]
    recommender = recommender.with_scoring(recommender.scoring.updated(changes))

    def listed(**request: object) -> set[str]:
        return set(recommender.recommend(Request(candidates=("over", "open"), **request)).ids)  # type: ignore[arg-type]

    assert listed() == {"open"}
    assert listed(time=AFTER) == {"over", "open"}
    assert listed(time=round((now + timedelta(days=2)).timestamp() * 1e6)) == set()
    assert "open" in recommender.similar("coffee-0-small", 40).ids
    assert "over" not in recommender.similar("coffee-0-small", 40).ids


def test_a_version_that_is_removed_while_it_is_loaded_is_said_to_be_gone(
    trained_registry: Path, tmp_path: Path
) -> None:
    class Removed(Registry):
        def path_of(self, version: str) -> Path:
            folder = super().path_of(version)
            shutil.rmtree(folder)
            return folder

    shutil.copytree(trained_registry, tmp_path / "reg")
    with pytest.raises(BundleError, match="has no version"):
        Bundle.load(Removed(tmp_path / "reg"))


def test_a_version_of_a_release_before_discovery_keeps_the_order_of_its_ranker(
    trained_registry: Path, tmp_path: Path
) -> None:
    """Only training decides what `auto` is, and it is done: no list could be made."""
    shutil.copytree(trained_registry, tmp_path / "reg")
    registry = Registry(tmp_path / "reg")
    file = registry.path_of(registry.resolve(None)) / "manifest.json"
    manifest = json.loads(file.read_bytes())
    del manifest["config"]["policy"]["discovery"]
    manifest["schema_version"], manifest["checksum"] = 5, ""
    file.write_text(json.dumps(manifest))
    recommender = Recommender.load(registry)
    assert recommender.bundle.config.policy.discovery == 0
    check(recommender.recommend(Request(user_id=USER)), 10)
