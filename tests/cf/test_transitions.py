"""Transitions: the contract, and values worked by hand."""

import numpy as np
from scorer_contract import CONFIG, LinksContract, make_log

from recsys.cf.transitions import Transitions
from recsys.config import CfConfig


class TestTransitions(LinksContract):
    model = Transitions

    def test_worked_by_hand(self):
        # 0 -> 1 -> 2 on three days: distance 1, 1 and 2; the way back counts half. Each item is in one basket.
        model = Transitions.fit(make_log([(0, 0, 0), (0, 1, 1), (0, 2, 2)], 4), CfConfig(transition_horizon=5))
        expected = np.array([[0, 1, 1 / 2, 0], [1 / 2, 0, 1, 0], [1 / 4, 1 / 2, 0, 0], [0, 0, 0, 0]]) / 21
        np.testing.assert_allclose(model.matrix.toarray(), expected, rtol=1e-6)

    def test_the_horizon_ends(self):
        model = Transitions.fit(make_log([(0, 0, 0), (0, 1, 1), (0, 2, 2)], 3), CfConfig(transition_horizon=1))
        assert model.matrix[0, 2] == 0

    def test_users_are_not_mixed(self):
        model = Transitions.fit(make_log([(0, 0, 0), (1, 1, 1), (0, 2, 2)], 3), CONFIG)
        assert model.matrix[0, 1] == 0
        assert model.matrix[1].nnz == 0

    def test_a_basket_counts_both_ways_and_is_split(self):
        # One basket {0, 1}, then {2}: within the basket each way 1 / 2; to 2 it is 1; back from 2 it is 1/2 * 1/2.
        model = Transitions.fit(make_log([(0, 0, 0), (0, 1, 0), (0, 2, 1)], 3), CONFIG)
        expected = np.array([[0, 1 / 2, 1], [1 / 2, 0, 1], [1 / 4, 1 / 4, 0]]) / 21
        np.testing.assert_allclose(model.matrix.toarray(), expected, rtol=1e-6)

    def test_an_item_that_comes_back_follows_itself(self):
        model = Transitions.fit(make_log([(0, 0, 0), (0, 0, 0), (0, 0, 1)], 1), CONFIG)
        np.testing.assert_allclose(model.matrix.toarray(), [[1.5 / 22]], rtol=1e-6)
