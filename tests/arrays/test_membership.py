"""Numbers among others are found as numpy finds them."""

import numpy as np
import pytest

from recsys.arrays.membership import are_among


@pytest.mark.parametrize("few", [[], [3], [7, -1, 3, 3], list(range(-5, 15))])
def test_what_is_among_a_few(few: list[int]) -> None:
    numbers, others = np.random.default_rng(0).integers(-2, 10, (6, 4)), np.array(few, dtype=np.int64)
    np.testing.assert_array_equal(are_among(numbers, others), np.isin(numbers, others))
    assert are_among(numbers[:0], others).shape == (0, 4)
