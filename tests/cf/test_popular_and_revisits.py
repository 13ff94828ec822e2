"""Popularity and habit: the contract, and values worked by hand."""

import numpy as np
from scorer_contract import CONFIG, ScorerContract, dense, make_histories, make_log

from recsys.cf.popular import Popular
from recsys.cf.revisits import Revisits
from recsys.config import CfConfig


class TestPopular(ScorerContract):
    model = Popular

    def test_an_event_counts_half_after_the_half_life(self):
        model = Popular.fit(make_log([(0, 1, 0), (0, 2, 30), (1, 2, 30)], 4), CfConfig(half_life_days=30.0))
        np.testing.assert_allclose(dense(model, make_histories([], [1]), 4), [[0, 0.5, 2, 0]] * 2)


class TestRevisits(ScorerContract):
    model = Revisits

    def test_newer_events_count_more(self):
        model = Revisits.fit(make_log([], 3), CONFIG)
        scores = dense(model, make_histories([1, 0, 1]), 3)
        np.testing.assert_allclose(scores, [[2**-0.5, 1 + 3**-0.5, 0]], rtol=1e-6)
