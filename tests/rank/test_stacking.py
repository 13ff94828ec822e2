"""Parts of a ranker count as much as requests say that taught none of them."""

from pathlib import Path

import numpy as np
import pytest
from rank_world import rows_of

from recsys.config import RankerConfig
from recsys.rank.columns import Columns
from recsys.rank.lambdarank import Ranker
from recsys.rank.row_metrics import mean_ndcg
from recsys.rank.rows import RankerRows
from recsys.rank.stacking import REQUESTS_FOR_TREES_ALONE, PartWeights

N_COLUMNS, SIZE = 30, 60
NAMES = tuple(f"c{column}" for column in range(N_COLUMNS))
RISING = (1,) + (0,) * (N_COLUMNS - 1)
CONFIG = RankerConfig(negatives=SIZE)


def noisy_rows(n_requests: int, seed: int) -> RankerRows:
    """What is wanted is drawn in proportion to exp of the first column; the others are noise, many of few values."""
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(n_requests * SIZE, N_COLUMNS)).astype(np.float32)
    table[:, 10:] = np.round(table[:, 10:])
    odds = np.exp(table[:, 0].astype(np.float64)).reshape(n_requests, SIZE)
    wanted = [rng.choice(SIZE, p=own / own.sum()) for own in odds]
    gains = np.zeros(len(table), dtype=np.float32)
    gains[np.arange(n_requests) * SIZE + wanted] = 1
    return rows_of(table, gains, SIZE)


@pytest.fixture(scope="module")
def parts() -> Ranker:
    return Ranker.fit(noisy_rows(300, 0), noisy_rows(1, 9), Columns(NAMES, RISING), CONFIG, 0, PartWeights.even())


def test_where_trees_learn_noise_the_list_is_nearly_as_good_as_the_one_column_that_knows(parts: Ranker) -> None:
    judging, test = noisy_rows(75, 1), noisy_rows(2_000, 2)
    weights = PartWeights.fit(parts.parts(judging.table), judging, PartWeights.usual(300))
    best, trees = mean_ndcg(test, test.table[:, 0]), mean_ndcg(test, parts.parts(test.table)[-2].astype(np.float32))
    assert trees < 0.9 * best
    assert mean_ndcg(test, parts.weighted(weights).score(test.table)) > 0.95 * best


def test_weights_are_what_the_requests_say(parts: Ranker) -> None:
    rows = noisy_rows(3_000, 3)
    nothing, known = np.random.default_rng(0).normal(size=len(rows.gains)), rows.table[:, 0].astype(np.float64)
    found = PartWeights.fit(np.array([nothing, -known, nothing[::-1], known / 2]), rows, PartWeights.usual(100))
    np.testing.assert_allclose([*found.trees, found.linear], [0, 0, 0, 2], atol=0.15)


def test_few_requests_leave_the_usual_weights(parts: Ranker) -> None:
    rows, usual = noisy_rows(2, 3), PartWeights.usual(100)
    found = PartWeights.fit(parts.parts(rows.table), rows, usual)
    np.testing.assert_allclose([*found.trees, found.linear], [*usual.trees, usual.linear], atol=0.2)


def test_many_requests_leave_the_trees_alone() -> None:
    assert PartWeights.usual(REQUESTS_FOR_TREES_ALONE) == PartWeights((0.0, 0.0, 1.0), 0.0)
    assert PartWeights.usual(1).linear > PartWeights.usual(900).linear > 0


def test_a_weighted_ranker_says_the_weighted_sum_of_its_parts(parts: Ranker) -> None:
    table, weights = noisy_rows(5, 4).table, PartWeights((0.5, 0.0, 0.25), 0.75)
    expected = np.array([*weights.trees, weights.linear]) @ parts.parts(table)
    weighted = parts.weighted(weights)
    np.testing.assert_allclose(weighted.score(table), expected, rtol=1e-4, atol=1e-5)
    spread = weighted.contributions(table).sum(axis=1) - expected
    np.testing.assert_allclose(spread, spread[0], atol=1e-4)  # but for what all rows share
    assert weighted.columns == Columns(NAMES, RISING)


def test_trees_that_count_nothing_are_left_out(parts: Ranker) -> None:
    assert parts.weighted(PartWeights((1.0, 0.0, 0.0), 0.0)).n_trees == CONFIG.trees // 10
    none = parts.weighted(PartWeights((0.0, 0.0, 0.0), 1.0))
    table = noisy_rows(5, 4).table
    assert none.n_trees == 1
    assert parts.linear is not None
    np.testing.assert_allclose(none.score(table), parts.linear.score(table), rtol=1e-5)


def test_a_weighted_ranker_survives_a_file(parts: Ranker, tmp_path: Path) -> None:
    table, weighted = noisy_rows(5, 4).table, parts.weighted(PartWeights((0.5, 0.1, 0.25), 0.75))
    weighted.save(tmp_path / "ranker.txt")
    np.testing.assert_array_equal(Ranker.load(tmp_path / "ranker.txt").score(table), weighted.score(table))
