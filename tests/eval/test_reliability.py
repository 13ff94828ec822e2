"""Reliability bins and the calibration error."""

import numpy as np
import pytest

from recsys.eval.metrics.reliability import Reliability, reliability


def test_two_bins_by_hand() -> None:
    found = reliability(np.array([0.1, 0.9, 0.3, 0.7], dtype=np.float32), np.array([False, True, True, True]), bins=2)
    np.testing.assert_allclose(found.predicted, [0.2, 0.8], rtol=1e-6)
    np.testing.assert_allclose(found.observed, [0.5, 1.0])
    np.testing.assert_array_equal(found.counts, [2, 2])
    assert found.expected_calibration_error == pytest.approx((0.3 + 0.2) / 2)
    assert found.ratio == pytest.approx(2 / 3), "2 of 4 were promised, 3 happened"


def test_the_predictions_of_two_models_together() -> None:
    honest = reliability(np.array([0.5, 0.5], dtype=np.float32), np.array([True, False]))
    bold = reliability(np.array([0.9, 0.1], dtype=np.float32), np.array([False, False]), bins=2)
    both = Reliability.joined([honest, bold])
    np.testing.assert_allclose(both.predicted, [0.1, 0.5, 0.9], rtol=1e-6)
    np.testing.assert_array_equal(both.counts, [1, 2, 1])
    assert both.expected_calibration_error == pytest.approx((0.1 + 0.9) / 4)
    assert np.isnan(Reliability.joined([reliability(np.zeros(0, np.float32), np.zeros(0, bool))]).ratio)


def test_bins_hold_equal_mass() -> None:
    skewed = np.random.default_rng(0).random(1_000).astype(np.float32) ** 8
    np.testing.assert_array_equal(reliability(skewed, skewed > 2, bins=10).counts, [100] * 10)


def test_equal_predictions_are_not_parted_by_their_order() -> None:
    constant = np.full(6, 0.5, dtype=np.float32)
    found = reliability(constant, np.array([0, 0, 0, 1, 1, 1], dtype=bool), bins=3)
    np.testing.assert_array_equal(found.counts, [6])
    assert found.expected_calibration_error == 0.0


def test_honest_probabilities_have_a_small_error() -> None:
    rng = np.random.default_rng(1)
    honest = rng.random(20_000).astype(np.float32)
    happened = rng.random(20_000) < honest
    assert reliability(honest, happened).expected_calibration_error < 0.015
    assert reliability(honest**3, happened).expected_calibration_error > 0.2


def test_a_rare_thing_promised_three_times_too_often_shows_in_the_ratio() -> None:
    happened = np.arange(10_000) % 100 == 0
    found = reliability(np.full(10_000, 0.03, dtype=np.float32), happened)
    assert found.expected_calibration_error < 0.05, "within what a retraining allows"
    assert found.ratio == pytest.approx(3.0)
    assert found.ratio_in_words == "3.00 times as many predicted as happened"
    nothing = reliability(np.full(4, 0.5, dtype=np.float32), np.zeros(4, dtype=bool))
    assert nothing.ratio == np.inf
    assert nothing.ratio_in_words == "none of it happened"


def test_without_predictions_there_is_no_calibration_error() -> None:
    nothing = reliability(np.empty(0, dtype=np.float32), np.empty(0, dtype=bool))
    assert np.isnan(nothing.expected_calibration_error)
    assert np.isnan(nothing.ratio)
