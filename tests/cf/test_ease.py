"""EASE: the contract, and the closed form."""

import numpy as np
import pytest
from scorer_contract import CONFIG, ScorerContract, make_log, random_log

from recsys.cf.ease import Ease
from recsys.config import CfConfig
from recsys.errors import DataError


class TestEase(ScorerContract):
    model = Ease

    def test_worked_by_hand(self):
        # Two users want 0 and 1 together; G + 2 I = [[4, 2], [2, 4]] has the inverse [[4, -2], [-2, 4]] / 12,
        # so each speaks for the other by -(-2 / 4) = 1 / 2.
        log = make_log([(0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)], 4)
        model = Ease.fit(log, CfConfig(ease_regularization=2.0))
        expected = np.zeros((4, 4))
        expected[0, 1] = expected[1, 0] = 0.5
        np.testing.assert_allclose(model.weights, expected, atol=1e-7)

    def test_equals_the_general_inverse(self):
        log = random_log()
        wanted = np.zeros((log.n_users, log.n_items))
        wanted[log.users, log.items] = 1
        inverse = np.linalg.inv(wanted.T @ wanted + 100 * np.eye(log.n_items))
        expected = -inverse / np.diag(inverse)
        np.fill_diagonal(expected, 0)
        np.testing.assert_allclose(Ease.fit(log, CONFIG).weights, expected, atol=1e-6)

    def test_a_catalogue_too_large_is_refused(self):
        with pytest.raises(DataError, match="ease_max_items"):
            Ease.fit(random_log(), CfConfig(ease_max_items=19))
