"""Lists for requests that bring their history, and in the midst of a visit, follow what is in the cart."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from recsys.config import Config, load_config
from recsys.data.dataset import Dataset
from recsys.data.events.event import Event
from recsys.data.loading import dataset_from_frames
from recsys.data.requests.request import Request
from recsys.pipeline.candidates.request_block import RequestKind
from recsys.pipeline.evaluation.evaluate import evaluate
from recsys.pipeline.recommender.bundle import Bundle
from recsys.pipeline.recommender.recommend import Recommender
from recsys.pipeline.training.continued import continue_training, renumbered
from recsys.pipeline.training.train import train
from recsys.registry import Registry

START = datetime(2024, 3, 4, tzinfo=UTC)
KINDS, ITEMS, GUESTS = 10, 6, 600


def checkouts(come_back: float, guests: int = GUESTS, seed: int = 0) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Each basket holds three items of one kind, and all kinds are bought alike."""
    rng = np.random.default_rng(seed)
    items = [{"item_id": f"{kind}-{item}", "title": f"item {item}"} for kind in range(KINDS) for item in range(ITEMS)]
    events = []
    for guest in range(guests):
        kind, user = rng.integers(KINDS), guest if rng.random() >= come_back else rng.integers(guest + 1)
        events += [
            {
                "user_id": f"guest {user}",
                "item_id": f"{kind}-{item}",
                "event": "purchase",
                "timestamp": START + timedelta(hours=guest),
            }
            for item in rng.choice(ITEMS, 3, replace=False)
        ]
    return pl.DataFrame(items), pl.DataFrame(events)


@pytest.fixture(scope="module")
def config(plain_settings: tuple[str, ...]) -> Config:
    sources = 'candidates.sources=["popular", "neighbours"]'
    return load_config(None, (*plain_settings, sources, "policy.seen=exclude", "ranker.trees=50"))


@pytest.fixture(scope="module")
def shop(config: Config) -> Bundle:
    return train(dataset_from_frames(*checkouts(come_back=0.0), config), config)


def microseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1e6)


def kinds_listed(recommender: Recommender, request: Request) -> set[str]:
    return {item.split("-")[0] for item in recommender.recommend(request).ids}


@pytest.mark.parametrize("come_back", [0.0, 0.4])
def test_a_list_for_a_cart_goes_with_what_is_in_it(config: Config, come_back: float) -> None:
    shop = train(dataset_from_frames(*checkouts(come_back), config), config)
    recommender = Recommender(shop)
    for kind in range(KINDS):
        assert kinds_listed(recommender, Request(history=(f"{kind}-0",), n=ITEMS - 1)) == {str(kind)}


def test_a_list_in_the_midst_of_a_visit_goes_with_what_is_in_the_cart(shop: Bundle) -> None:
    recommender = Recommender(shop)
    now = START + timedelta(hours=GUESTS)
    for kind in range(KINDS):
        added = Event(
            f"cart {kind}",
            user_id=f"new guest {kind}",
            item_id=f"{kind}-0",
            event="purchase",
            timestamp=microseconds(now),
        )
        recommender.observe([added])
        asked = Request(f"new guest {kind}", n=ITEMS - 1, time=microseconds(now + timedelta(minutes=1)))
        assert kinds_listed(recommender, asked) == {str(kind)}


def test_given_histories_have_a_ranker_of_their_own_where_it_orders_them_better(config: Config, plain: Bundle) -> None:
    """Here most come back for something else, after days: what was chosen days ago tells nothing, and a cart all."""
    shop = train(dataset_from_frames(*checkouts(come_back=0.8, guests=2_000), config), config)
    assert shop.rankers.given is not None
    assert "have a ranker of their own" in shop.report.facts["given histories"]
    assert plain.rankers.given is None, "times tell nothing in the small world"
    assert "given histories" not in plain.report.facts


@pytest.fixture(scope="module")
def with_own(shop: Bundle, config: Config) -> Bundle:
    """The shop, where requests that bring their history are ranked by a ranker of another seed."""
    other = train(dataset_from_frames(*checkouts(come_back=0.0), config), config, seed=1)
    return replace(shop, rankers=replace(shop.rankers, given=other.rankers))


def test_a_loaded_version_ranks_given_histories_as_before(with_own: Bundle, tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    version = registry.publish(with_own)
    requests = [Request(history=("3-0",)), Request(history=()), Request("guest 5"), Request(history=("3-0", "4-1"))]
    recommenders = Recommender(with_own), Recommender.load(registry, version)
    before, after = (one.recommend_many(requests, explain=True) for one in recommenders)
    for one, other in zip(before, after, strict=True):
        assert one.ids == other.ids
        np.testing.assert_array_equal(one.scores, other.scores)
        np.testing.assert_array_equal(one.p_click, other.p_click)
        assert one.explain() == other.explain()


def test_a_training_that_continues_keeps_the_ranker_of_given_histories(with_own: Bundle, config: Config) -> None:
    newer = dataset_from_frames(*checkouts(come_back=0.0, guests=GUESTS + 100), config)
    test_start = microseconds(START + timedelta(hours=GUESTS + 50))
    continued = continue_training(with_own, renumbered(newer, with_own), test_start=test_start)
    assert continued.rankers.given is with_own.rankers.given


def test_only_requests_that_bring_items_are_ranked_as_such(shop: Bundle, with_own: Bundle) -> None:
    requests = [Request(history=("3-0",)), Request(history=()), Request("guest 5"), Request(history=("unknown",))]
    one, other = (Recommender(bundle).recommend_many(requests) for bundle in (shop, with_own))
    alike = [np.array_equal(a.scores, b.scores) for a, b in zip(one, other, strict=True)]
    assert alike == [False, True, True, True]


def test_requests_that_bring_their_history_are_not_held_against_ablations_of_the_other_ranker(with_own: Bundle) -> None:
    rankers = replace(with_own.rankers, without={"text": with_own.rankers.full})
    ablated, dataset = replace(with_own, rankers=rankers), Dataset(with_own.catalogue, with_own.log)
    bringing = evaluate(ablated, dataset, [Request(history=("3-0",), targets=("3-1",))])
    assert not bringing.ablation
    assert bringing.importances == with_own.rankers.of(RequestKind.BRINGS_HISTORY).full.importance
    assert any("a ranker of their own" in caveat for caveat in bringing.caveats)


def test_each_row_is_ranked_and_calibrated_by_the_ranker_of_its_request(with_own: Bundle) -> None:
    rankers, rng = with_own.rankers, np.random.default_rng(0)
    table = rng.random((40, len(with_own.features.names)), dtype=np.float32)
    kinds = rng.integers(0, len(RequestKind), 40).astype(np.int8)
    scores = rankers.score(table, kinds)
    found = rankers.probabilities(scores, table, kinds)
    for kind in RequestKind:
        asked, alone = kinds == kind, replace(rankers.of(kind), given=None)
        np.testing.assert_array_equal(scores[asked], alone.full.score(table[asked]))
        for own, expected in zip(found, alone.probabilities(scores[asked], table[asked], kinds[asked]), strict=True):
            np.testing.assert_array_equal(own[asked], expected)
