"""Coverage, percentiles and drift on values worked by hand."""

import numpy as np
import pytest

from features.statistics import stability_index, statistics


def test_the_same_window_has_no_drift() -> None:
    values = np.arange(1000, dtype=np.float32)
    assert stability_index(values, values) == 0
    assert stability_index(values, values[::-1]) == 0


def test_the_drift_of_a_flag_is_its_stability_index() -> None:
    older = np.array([0] * 50 + [1] * 50, dtype=np.float32)
    newer = np.array([0] * 25 + [1] * 75, dtype=np.float32)
    assert stability_index(older, newer) == pytest.approx(0.25 * np.log(1.5) - 0.25 * np.log(0.5))


def test_values_that_go_missing_are_a_drift() -> None:
    older = np.ones(100, dtype=np.float32)
    assert stability_index(older, np.full(100, np.nan, dtype=np.float32)) > 1
    assert np.isnan(stability_index(older, older[:0]))


def test_statistics_are_those_of_the_values_that_are_there() -> None:
    older = np.array([[0, np.nan], [50, np.nan], [100, np.nan], [np.nan, np.nan]], dtype=np.float32)
    first, second = statistics(("a", "b"), older, older[:3])
    assert (first.name, first.coverage, first.newer_coverage, first.median) == ("a", 0.75, 1.0, 50)
    assert (first.low, first.high) == pytest.approx((5, 95))
    assert second.coverage == 0
    assert np.isnan(second.median)
