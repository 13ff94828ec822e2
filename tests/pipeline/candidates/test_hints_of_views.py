"""Where views have the weight 0, users who have only viewed items still get what they looked for."""

import numpy as np
import polars as pl
import pytest

from recsys.config import load_config
from recsys.data.loading import dataset_from_frames
from recsys.data.requests.request import Request
from recsys.moments import DAY
from recsys.pipeline.recommender.recommend import Recommender
from recsys.pipeline.training.train import train

_TASTES, _KINDS = 6, 20


def views_and_purchases(n_users: int = 90) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Every user keeps to one taste; a third only views."""
    rng = np.random.default_rng(0)
    tastes = [(taste, kind) for taste in range(_TASTES) for kind in range(_KINDS)]
    items = pl.DataFrame(
        [(f"{taste}-{kind}", f"thing {kind}", f"taste {taste}") for taste, kind in tastes],
        ["item_id", "title", "category"],
        orient="row",
    )
    rows = [
        (f"user {user}", f"{user % _TASTES}-{rng.integers(_KINDS)}", event, 1_700_000_000_000_000 + int(moment))
        for user in range(n_users)
        for moment in np.sort(rng.uniform(0, 60 * DAY, 20))
        for event in (("view",) if user < n_users // 3 or rng.random() < 0.6 else ("view", "purchase"))
    ]
    events = pl.DataFrame(rows, ["user_id", "item_id", "event", "timestamp"], orient="row")
    return items, events.with_columns(pl.col("timestamp").cast(pl.Datetime("us", "UTC"))).sort("timestamp")


@pytest.mark.parametrize("source", ["categories", "als", "neighbours"])
def test_users_who_only_viewed_get_what_they_looked_for(plain_settings: tuple[str, ...], source: str) -> None:
    sources = f'candidates.sources=["{source}", "popular", "history"]'
    config = load_config(None, (*plain_settings, sources, "events.weights={view=0.0,purchase=1.0}"))
    bundle = train(dataset_from_frames(*views_and_purchases(), config), config)
    assert bundle.sources.hints.weights.any()
    recommender = Recommender(bundle)
    for user in range(10):
        listed = recommender.recommend(Request(f"user {user}", n=5)).ids
        assert sum(item.startswith(f"{user % _TASTES}-") for item in listed) >= 4
    if source == "neighbours":  # which count people
        explained = recommender.recommend(Request("user 0", n=5), explain=True).explanations
        assert explained is not None
        assert any("people who chose" in reason for one in explained for reason in one.reasons)


def test_text_reads_hints_where_a_history_has_no_positive_event(plain_settings: tuple[str, ...]) -> None:
    config = load_config(None, (*plain_settings, "events.weights={view=0.0,purchase=1.0}"))
    recommender = Recommender(train(dataset_from_frames(*views_and_purchases(), config), config))
    block = recommender.block([Request("user 0"), Request("user 89"), Request("nobody")])
    views, known = block.histories.weights == 0, block.histories.rows == 1
    assert (block.read_as_text.weights[views & ~known] > 0).all()
    assert (block.read_as_text.weights[known] == block.histories.weights[known]).all()
    assert (block.evidence.weights[views] > 0).all()
