"""In a shop of guests, of whom the log has one basket each, lists follow what is in the cart."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from recsys.config import Config, load_config
from recsys.data.loading import dataset_from_frames
from recsys.data.requests import Request
from recsys.pipeline.past.requests import PastRequests
from recsys.pipeline.recommender.bundle import Bundle
from recsys.pipeline.recommender.recommend import Recommender
from recsys.pipeline.training.train import train

START = datetime(2024, 3, 4, tzinfo=UTC)
KINDS, ITEMS, GUESTS = 10, 6, 600


def checkouts(come_back: float, seed: int = 0) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Each basket holds three items of one kind, and all kinds are bought alike."""
    rng = np.random.default_rng(seed)
    items = [{"item_id": f"{kind}-{item}", "title": f"item {item}"} for kind in range(KINDS) for item in range(ITEMS)]
    events = []
    for guest in range(GUESTS):
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


def test_a_list_for_a_cart_goes_with_what_is_in_it(shop: Bundle) -> None:
    recommender = Recommender(shop)
    for kind in range(KINDS):
        listed = recommender.recommend(Request(history=(f"{kind}-0",), n=ITEMS - 1)).ids
        assert {item.split("-")[0] for item in listed} == {str(kind)}


@pytest.mark.parametrize(("come_back", "teach"), [(0.0, True), (0.4, False)])
def test_carts_teach_only_where_hardly_anybody_has_a_history(
    config: Config, monkeypatch: pytest.MonkeyPatch, come_back: float, teach: bool
) -> None:
    asked: list[int] = []
    half_chosen = PastRequests.half_chosen

    def counted(requests: PastRequests, weight: float, seed: int) -> PastRequests:
        asked.append(len(requests))
        return half_chosen(requests, weight, seed)

    monkeypatch.setattr(PastRequests, "half_chosen", counted)
    train(dataset_from_frames(*checkouts(come_back), config), config)
    assert len(asked) == 2, "the ranker window and the test window"
    assert all(bool(n) is teach for n in asked)
