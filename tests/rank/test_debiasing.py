"""Position debiasing: what it recovers from biased clicks, and that it cannot be had without positions."""

from dataclasses import replace

import numpy as np
import pytest
from rank_world import rows_of

from recsys.config import RankerConfig
from recsys.errors import DataError
from recsys.rank.columns import Columns
from recsys.rank.lambdarank import Ranker
from recsys.rank.rows import RankerRows
from recsys.rank.samples import with_positions

NAMES = ("worth", "what the shown lists were ordered by")
CONFIG = RankerConfig(trees=60, leaves=7, min_rows_per_leaf=50, early_stopping=20)


def clicks(n_requests: int, seed: int, size: int = 10) -> tuple[RankerRows, np.ndarray]:
    """Lists ordered by the second column, clicks that the first column earns and the position lets happen."""
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(n_requests, size, 2)).astype(np.float32)
    positions = np.argsort(np.argsort(-table[:, :, 1], axis=1), axis=1)
    relevance = 1 / (1 + np.exp(-2 * table[:, :, 0]))
    clicked = rng.random((n_requests, size)) < relevance / (1 + positions)
    gains = clicked.ravel().astype(np.float32)
    rows = rows_of(table.reshape(-1, 2), gains, size, positions=positions.ravel().astype(np.int16))
    return rows, relevance


def agreement(config: RankerConfig) -> float:
    """How well the scores order items by what they are worth: mean rank correlation."""
    (train, _), (validation, _), (test, relevance) = clicks(800, 0), clicks(100, 1), clicks(200, 2)
    scores = Ranker.fit(train, validation, Columns(NAMES), config, 0).score(test.table).reshape(relevance.shape)
    ranks = [np.argsort(np.argsort(values, axis=1), axis=1) for values in (scores, relevance)]
    return float(np.mean([np.corrcoef(first, second)[0, 1] for first, second in zip(*ranks, strict=True)]))


def test_debiased_clicks_show_more_of_what_is_wanted() -> None:
    assert agreement(CONFIG.model_copy(update={"debias": True})) > agreement(CONFIG) + 0.1


def test_without_positions_it_is_refused() -> None:
    rows, _ = clicks(20, 0)
    config = CONFIG.model_copy(update={"debias": True})
    for positions in (None, np.full(len(rows.gains), -1, dtype=np.int16)):
        with pytest.raises(DataError, match="needs impressions with positions"):
            Ranker.fit(replace(rows, positions=positions), rows, Columns(NAMES), config, 0)


def with_stale_candidates(rows: RankerRows, n_more: int, seed: int) -> RankerRows:
    """The lists, and beside each candidates of a kind that no list ever held, which a third column tells."""
    size, n = int(rows.sizes[0]), rows.n_requests
    assert rows.positions is not None
    drawn = np.random.default_rng(seed).normal(size=(n, n_more, 2))
    fresh = np.concatenate([rows.table.reshape(n, size, 2), np.zeros((n, size, 1))], axis=2)
    table = np.concatenate([fresh, np.concatenate([drawn, np.ones((n, n_more, 1))], axis=2)], axis=1)

    def widened(column: np.ndarray, value: int) -> np.ndarray:
        more = np.full((n, n_more), value, dtype=column.dtype)
        return np.concatenate([column.reshape(n, size), more], axis=1).ravel()

    return replace(
        rows,
        table=table.reshape(-1, 3).astype(np.float32),
        gains=widened(rows.gains, 0),
        bought=widened(rows.bought, 0),
        proposed_by=widened(rows.proposed_by, 1),
        positions=widened(rows.positions, -1),
        sizes=rows.sizes + n_more,
    )


def test_items_that_no_list_ever_held_stay_behind_those_that_lists_hold() -> None:
    config = CONFIG.model_copy(update={"debias": True, "early_stopping": 0})
    train = with_stale_candidates(clicks(800, 0)[0], 50, 3)
    shown, relevance = clicks(200, 2)
    test = with_stale_candidates(shown, 50, 4)
    scores = Ranker.fit(train, train, Columns((*NAMES, "stale")), config, 0).score(test.table).reshape(200, 60)
    assert np.mean(np.argsort(-scores, axis=1)[:, :10] < 10) > 0.9
    ranks = [np.argsort(np.argsort(values, axis=1), axis=1) for values in (scores[:, :10], relevance)]
    among_shown = np.mean([np.corrcoef(first, second)[0, 1] for first, second in zip(*ranks, strict=True)])
    assert among_shown > agreement(CONFIG) + 0.05


def test_what_was_not_shown_stands_at_positions_of_its_list() -> None:
    rows, _ = clicks(300, 0)
    assert rows.positions is not None
    half = replace(rows, positions=np.where(rows.positions < 5, rows.positions, -1).astype(np.int16))
    assert half.positions is not None
    whole = with_positions(half, 0)
    assert whole.positions is not None
    counts = np.bincount(whole.positions)
    assert len(counts) == 5
    assert counts.min() > 0.8 * counts.max()
    beside = half.gains[half.positions < 0].sum()
    assert beside > 0
    assert whole.gains.sum() == half.gains.sum() - beside
    assert np.all(np.bincount(whole.requests, weights=whole.positive) > 0)


def test_positions_that_one_part_does_not_know_are_known_of_none() -> None:
    rows, _ = clicks(30, 0)
    joined = RankerRows.joined([rows, rows])
    assert joined.positions is not None
    assert len(joined.positions) == len(joined.gains)
    assert RankerRows.joined([rows, replace(rows, positions=None)]).positions is None
