"""Position debiasing: what it recovers from biased clicks, and that it cannot be had without positions."""

from dataclasses import replace

import numpy as np
import pytest

from recsys.config import RankerConfig
from recsys.errors import DataError
from recsys.rank.lambdarank import Ranker
from recsys.rank.rows import RankerRows

NAMES = ("worth", "what the shown lists were ordered by")
CONFIG = RankerConfig(trees=60, leaves=7, min_rows_per_leaf=50, early_stopping=20)


def clicks(n_requests: int, seed: int, size: int = 10) -> tuple[RankerRows, np.ndarray]:
    """Lists ordered by the second column, clicks that the first column earns and the place lets happen."""
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(n_requests, size, 2)).astype(np.float32)
    positions = np.argsort(np.argsort(-table[:, :, 1], axis=1), axis=1)
    relevance = 1 / (1 + np.exp(-2 * table[:, :, 0]))
    clicked = rng.random((n_requests, size)) < relevance / (1 + positions)
    grades = clicked.ravel().astype(np.int32)
    sizes, times = np.full(n_requests, size, dtype=np.int64), np.arange(n_requests, dtype=np.int64)
    nothing = np.zeros(len(grades), dtype=np.uint16)
    rows = RankerRows(
        table.reshape(-1, 2), grades, grades > 1, sizes, times, nothing, positions.ravel().astype(np.int16)
    )
    return rows, relevance


def agreement(config: RankerConfig) -> float:
    """How well the scores order items by what they are worth: mean rank correlation."""
    (train, _), (validation, _), (test, relevance) = clicks(800, 0), clicks(100, 1), clicks(200, 2)
    scores = Ranker.fit(train, validation, NAMES, config, 0).score(test.table).reshape(relevance.shape)
    ranks = [np.argsort(np.argsort(values, axis=1), axis=1) for values in (scores, relevance)]
    return float(np.mean([np.corrcoef(first, second)[0, 1] for first, second in zip(*ranks, strict=True)]))


def test_debiased_clicks_tell_more_of_what_is_wanted() -> None:
    assert agreement(CONFIG.model_copy(update={"debias": True})) > agreement(CONFIG) + 0.1


def test_without_positions_it_is_refused() -> None:
    rows, _ = clicks(20, 0)
    config = CONFIG.model_copy(update={"debias": True})
    for positions in (None, np.full(len(rows.grades), -1, dtype=np.int16)):
        with pytest.raises(DataError, match="needs impressions with positions"):
            Ranker.fit(replace(rows, positions=positions), rows, NAMES, config, 0)


def test_only_what_was_shown_has_a_part() -> None:
    rows, _ = clicks(30, 0)
    assert rows.positions is not None
    half = replace(rows, positions=np.where(rows.positions < 5, rows.positions, -1).astype(np.int16))
    shown = half.shown()
    assert shown.positions is not None
    assert shown.positions.max() == 4
    assert (shown.sizes == 5).all()
    joined = RankerRows.joined([shown, shown])
    assert joined.positions is not None
    assert len(joined.positions) == len(joined.grades)
    assert RankerRows.joined([shown, replace(shown, positions=None)]).positions is None
