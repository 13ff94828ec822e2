"""Popularity and habit: the contract, and values worked by hand."""

from pathlib import Path

import numpy as np
import pytest
from scorer_contract import CONFIG, ScorerContract, dense, make_histories, make_log

from recsys.cf.popular import Popular
from recsys.cf.prediction import best_half_life
from recsys.cf.revisits import Revisits
from recsys.config import CfConfig


class TestPopular(ScorerContract):
    model = Popular

    def test_an_event_counts_half_after_the_half_life(self):
        model = Popular.fit(make_log([(0, 1, 0), (0, 2, 30), (1, 2, 30)], 4), CfConfig(half_life_days=30.0))
        np.testing.assert_allclose(dense(model, make_histories([], [1]), 4), [[0, 0.5, 2, 0]] * 2)

    def test_what_does_not_fade_is_kept(self, tmp_path: Path):
        model = Popular.fit(make_log([(0, 1, 0), (0, 2, 30), (1, 2, 30)], 4), CONFIG)
        model.save(tmp_path)
        loaded = Popular.load(tmp_path)
        assert model.past is not None
        assert loaded.past is not None
        assert loaded.past.counts.tolist() == model.past.counts.tolist() == [0, 1, 2, 0]
        np.testing.assert_array_equal(loaded.past.lasts, model.past.lasts)
        (tmp_path / "past.npy").unlink()
        assert Popular.load(tmp_path).past is None, "a version of an earlier release"

    def test_an_event_that_comes_years_after_the_others_leaves_their_order(self):
        """As one with a wrong time, or the first one of a shop that opens again."""
        log = make_log([(0, 1, 0), (0, 2, 30), (1, 2, 30), (2, 3, 30 + 20 * 365)], 4)
        model = Popular.fit(log, CfConfig(half_life_days=30.0))
        np.testing.assert_allclose(dense(model, make_histories([]), 4), [[0, 0.5 / 1024, 2 / 1024, 1]])


@pytest.mark.parametrize(("lasting", "expected"), [(False, [3.0]), (True, [90.0, 365.0, 3650.0])])
def test_the_half_life_is_as_long_as_things_stay_popular(lasting: bool, expected: list[float]) -> None:
    # Each item has its week, or the same ones are popular for years.
    rng, days = np.random.default_rng(0), range(400)
    taste = rng.dirichlet(np.full(100, 0.3))
    drawn = [rng.choice(100, 20, p=taste) if lasting else rng.integers(0, 3, 3) + day // 7 for day in days]
    rows = [(int(item) % 7, int(item), day) for day, items in zip(days, drawn, strict=True) for item in items]
    assert best_half_life(make_log(rows, 100)) in expected


@pytest.mark.parametrize("rows", [[], [(0, 1, 0)], [(0, item, 0) for item in range(30)]])
def test_the_half_life_is_the_usual_one_where_none_predicts_better(rows: list[tuple[int, int, int]]) -> None:
    assert best_half_life(make_log(rows, 30)) == 30.0


class TestRevisits(ScorerContract):
    model = Revisits

    def test_newer_events_count_more(self):
        model = Revisits.fit(make_log([], 3), CONFIG)
        scores = dense(model, make_histories([1, 0, 1]), 3)
        np.testing.assert_allclose(scores, [[2**-0.5, 1 + 3**-0.5, 0]], rtol=1e-6)
