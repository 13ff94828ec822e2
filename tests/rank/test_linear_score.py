"""A weighted sum of opinions learns how much each counts, never against its direction, and explains itself."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rank_world import rows_of

from recsys.config import RankerConfig
from recsys.errors import BundleError
from recsys.rank.columns import Columns
from recsys.rank.lambdarank import Ranker
from recsys.rank.linear import LinearScore
from recsys.rank.row_metrics import mean_ndcg
from recsys.rank.rows import RankerRows

NAMES = ("opinion", "against", "unknown", "constant")
CONSTRAINTS = (1, -1, 0, 1)
COLUMNS = Columns(NAMES, CONSTRAINTS)


def make_rows(n_requests: int, seed: int, size: int = 8) -> RankerRows:
    """Wanted is what is high in the first column and low in the second and third; the second is on a scale of its own,
    a tenth of the first is missing, the last is the same for all."""
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(n_requests * size, 4)).astype(np.float32)
    worth = 2 * table[:, 0] - table[:, 1] - table[:, 2] + rng.gumbel(size=len(table))
    table[:, 1] *= 1_000
    table[:, 3] = 7
    table[rng.random(len(table)) < 0.1, 0] = np.nan
    chosen = np.zeros(len(table), dtype=np.float32)
    chosen[worth.reshape(n_requests, size).argmax(axis=1) + np.arange(n_requests) * size] = 1
    return rows_of(table, chosen, size)


def test_weights_are_what_the_choices_follow() -> None:
    found = LinearScore.fit(make_rows(2_000, 0), CONSTRAINTS)
    assert found.weights[0] / found.weights[1] == pytest.approx(2, rel=0.2)
    assert (found.scales[:2] * [1, -1] > 0).all()
    assert found.scales[3] == 0  # all alike: it orders nothing


def test_a_column_of_unknown_direction_may_go_either_way() -> None:
    rows = make_rows(2_000, 0)
    found, told = (LinearScore.fit(rows, (1, -1, third, 1)) for third in (0, -1))
    assert found.weights[2] * found.scales[2] < 0
    assert abs(found.weights[2]) < told.weights[2], "and must be plainer to count as much"


def test_an_opinion_that_misleads_is_left_out_and_never_turned_round() -> None:
    found = LinearScore.fit(make_rows(500, 0), (-1, -1, -1, 1))
    assert found.weights[0] == pytest.approx(0, abs=1e-6)
    assert found.weights[1] > 0.1


def test_missing_values_are_means() -> None:
    rows = make_rows(50, 0)
    found = LinearScore.fit(rows, CONSTRAINTS)
    missing, mean = np.full((1, 4), np.nan, dtype=np.float32), np.zeros((1, 4), dtype=np.float32)
    mean[:] = found.means
    np.testing.assert_allclose(found.score(missing), 0)
    np.testing.assert_allclose(found.score(mean), 0, atol=1e-6)


def test_loops_give_what_whole_tables_give() -> None:
    rows = make_rows(40, 0)
    found, table = LinearScore.fit(rows, CONSTRAINTS), rows.table
    np.testing.assert_allclose(found.means, np.nanmean(table, axis=0, dtype=np.float64))
    deviations = np.nan_to_num(table - found.means).reshape(40, -1, 4)
    spread = (deviations - deviations.mean(axis=1, keepdims=True)).std(axis=(0, 1))[:3]
    np.testing.assert_allclose(found.scales[:3], [1, -1, 1] / spread)
    table[0] = np.inf, -np.inf, np.nan, 0  # as far from the mean as counts, the mean, and what orders nothing
    parts = found.contributions(table)
    np.testing.assert_allclose(parts[0], [5, 5, 0, 0] * found.weights)
    np.testing.assert_allclose(found.score(table), parts.sum(axis=1))


def test_few_requests_give_it_a_part_and_many_do_not(tmp_path: Path) -> None:
    config = RankerConfig(trees=20)
    few, more, many = (Ranker.fit(make_rows(n, 1), make_rows(20, 2), COLUMNS, config, 0) for n in (40, 400, 2_500))
    assert few.linear is not None
    assert more.linear is not None
    assert few.linear.weights[0] > more.linear.weights[0]
    assert many.linear is None
    test = make_rows(300, 3)
    by_trees = few.booster.predict(test.table)
    assert mean_ndcg(test, few.score(test.table)) > mean_ndcg(test, np.asarray(by_trees, dtype=np.float32)) + 0.02
    table = test.table[:50]
    base = few.booster.predict(table[:1], pred_contrib=True)[0, -1]
    np.testing.assert_allclose(few.contributions(table).sum(axis=1) + base, few.score(table), atol=1e-4)
    few.save(tmp_path / "ranker.txt")
    np.testing.assert_array_equal(Ranker.load(tmp_path / "ranker.txt").score(table), few.score(table))
    (tmp_path / "ranker.linear.json").write_text("[]")
    with pytest.raises(BundleError, match="no linear part of a ranker"):
        Ranker.load(tmp_path / "ranker.txt")


def test_clicks_that_must_be_told_from_positions_are_left_to_the_trees() -> None:
    rows = make_rows(40, 1)
    shown = replace(rows, positions=np.tile(np.arange(8, dtype=np.int16), 40))
    config = RankerConfig(trees=5, debias=True)
    assert Ranker.fit(shown, shown, COLUMNS, config, 0).linear is None
