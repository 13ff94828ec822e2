"""ALS: the contract, the fold-in against implicit, warm starts."""

from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from implicit.cpu.als import AlternatingLeastSquares
from scorer_contract import CONFIG, ScorerContract, make_histories, random_log
from threadpoolctl import threadpool_limits

from recsys.cf.als import Als
from recsys.config import CfConfig


class TestAls(ScorerContract):
    model = Als

    @pytest.mark.parametrize("length", [3, 14])  # solved in the history's size, and in the factors' size
    def test_the_fold_in_equals_implicit(self, length: int):
        model = Als.fit(random_log(), CONFIG)
        items = np.arange(length)
        peer = AlternatingLeastSquares(factors=8, regularization=CONFIG.regularization)
        peer.item_factors = model.item_factors
        confidence = np.full(length, 1 + CONFIG.alpha, dtype=np.float32)
        row = sp.csr_matrix((confidence, items, [0, length]), shape=(1, 20))
        with threadpool_limits(limits=1, user_api="blas"):
            expected = peer.recalculate_user(0, row)
        folded = model.user_factors(make_histories(items.tolist()))[0]
        np.testing.assert_allclose(folded, expected, rtol=1e-3, atol=1e-4)

    def test_a_repeated_item_is_wanted_more_surely(self):
        scores = Als.fit(random_log(), CONFIG).score(make_histories([1], [1, 1, 1, 1]))
        assert scores[1, 1] > scores[0, 1]

    def test_an_empty_history_knows_nothing(self):
        assert not Als.fit(random_log(), CONFIG).score(make_histories([])).any()

    def test_warm_factors_save_iterations(self):
        short, long = CfConfig(factors=8, iterations=1), CfConfig(factors=8, iterations=30)
        log, histories = random_log(), make_histories([1, 2, 3], [4, 5])
        settled = Als.fit(log, long)
        target = settled.score(histories)
        warm = np.abs(Als.fit(log, short, earlier=settled).score(histories) - target).max()
        cold = np.abs(Als.fit(log, short).score(histories) - target).max()
        assert warm < cold / 2

    def test_a_warm_start_takes_a_smaller_catalogue_and_ignores_factors_of_another_width(self):
        earlier = Als.fit(random_log(n_items=12), CONFIG)
        assert Als.fit(random_log(), CONFIG, earlier=earlier).item_factors.shape == (20, 8)
        narrow = CfConfig(factors=4, iterations=5)
        fresh = Als.fit(random_log(), narrow)
        np.testing.assert_array_equal(Als.fit(random_log(), narrow, earlier=earlier).item_factors, fresh.item_factors)


def test_cells_find_what_all_items_would(tmp_path: Path) -> None:
    """In a small catalogue the nearest cells are all of them."""
    model, histories = Als.fit(random_log(), CONFIG), make_histories([1, 2, 3], [], [7, 7, 8])
    eligible = np.ones((3, 20), dtype=bool)
    eligible[:, ::3] = False
    model.indexed().save(tmp_path / "indexed")
    for indexed in (model.indexed(), Als.load(tmp_path / "indexed")):
        said, dense = indexed.scores(histories), model.scores(histories)
        np.testing.assert_array_equal(said.best(eligible, 6), dense.best(eligible, 6))
        rows, items = np.arange(3), np.array([4, 5, 6], dtype=np.int32)
        np.testing.assert_allclose(said.of(rows, items), dense.of(rows, items), rtol=1e-5)
