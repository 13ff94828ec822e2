"""How far groups of items are believed to differ, on values worked by hand."""

import numpy as np
import pytest
import scipy.sparse as sp

from features.credibility import credible_rates

GROUPS = sp.csr_matrix(np.repeat(np.eye(2), 2, axis=0))
"""Two groups of two items each."""


@pytest.mark.parametrize(
    ("wanted", "exposures", "rates"),
    [
        ([4, 2, 1, 1], [1, 1, 1, 1], [1.25, 0.75]),  # rates 1.5 and .5, two usual items are added
        ([9, 3, 4, 0], [1, 1, 1, 1], [1.09375, 0.90625]),  # single items differ nearly as much: 8.7
        ([4, 0, 0, 4], [1, 1, 1, 1], [1, 1]),  # groups are alike
        ([5, 0, 0, 3], [1, 1, 1, 1], [1, 1]),  # no more unlike than single items make them
        ([3, 0, 1, 0], [1, 0, 1, 0], [7 / 6, 5 / 6]),  # two items were not there
        ([4, 4, 8, 0], [1, 1, 1, 0], [7 / 8, 7 / 6]),
        ([0, 0, 0, 0], [0, 0, 0, 0], [1, 1]),
    ],
)
def test_groups_are_drawn_to_what_is_usual(wanted: list[float], exposures: list[float], rates: list[float]) -> None:
    found = credible_rates(GROUPS, np.array(wanted, dtype=float), np.array(exposures, dtype=float))
    assert found.tolist() == pytest.approx(rates)
