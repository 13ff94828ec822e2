"""Neighbours: the contract, and values worked by hand."""

import numpy as np
from scorer_contract import CONFIG, LinksContract, dense, make_histories, make_log, random_log

from recsys.cf.neighbours import Neighbours
from recsys.config import CfConfig


class TestNeighbours(LinksContract):
    model = Neighbours

    def test_worked_by_hand(self):
        # User 0 wants items 0, 1, 2 and counts 1 / sqrt(4); user 1 wants 0, 1 and counts 1 / sqrt(3).
        model = Neighbours.fit(make_log([(0, 0, 0), (0, 1, 1), (1, 0, 1), (0, 2, 2), (1, 1, 2)], 4), CONFIG)
        both, only = 1 / 2 + 1 / 3**0.5, 1 / 2
        near, far = both / (both + 5), only / ((both * only) ** 0.5 + 5)
        expected = [[0, near, far, 0], [near, 0, far, 0], [far, far, 0, 0], [0, 0, 0, 0]]
        np.testing.assert_allclose(model.matrix.toarray(), expected, rtol=1e-6)
        scores = dense(model, make_histories([2, 0]), 4)
        np.testing.assert_allclose(scores, [[far / 2**0.5, near + far / 2**0.5, far, 0]], rtol=1e-6)

    def test_keeps_the_nearest_only(self):
        model = Neighbours.fit(random_log(), CfConfig(neighbours=3))
        full = Neighbours.fit(random_log(), CfConfig(neighbours=100)).matrix.toarray()
        assert np.diff(model.matrix.indptr).max() == 3
        kept = model.matrix.toarray()
        np.testing.assert_allclose(np.sort(kept, axis=1)[:, -3:], np.sort(full, axis=1)[:, -3:])
