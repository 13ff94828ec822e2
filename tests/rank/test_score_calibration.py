"""Scores become probabilities that come true."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from recsys.rank.score_calibration import ScoreCalibration


def test_known_probabilities_are_recovered() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(0, 3, size=20_000).astype(np.float32)
    truth = expit(0.5 * scores - 2)
    found = ScoreCalibration.fit(scores, rng.random(len(scores)) < truth)
    assert found.slope == pytest.approx(0.5, abs=0.03)
    assert found.intercept == pytest.approx(-2, abs=0.1)
    np.testing.assert_allclose(found.probability(scores), truth, atol=0.03)


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_the_scale_of_the_scores_does_not_matter(scale: float) -> None:
    rng = np.random.default_rng(1)
    scores = rng.normal(size=5_000).astype(np.float32)
    happened = rng.random(len(scores)) < expit(scores)
    reference = ScoreCalibration.fit(scores, happened).probability(scores)
    scaled = scores * np.float32(scale)
    np.testing.assert_allclose(ScoreCalibration.fit(scaled, happened).probability(scaled), reference, atol=1e-3)


def test_no_positives_is_improbable_but_not_impossible() -> None:
    scores = np.linspace(-1, 1, 500, dtype=np.float32)
    found = ScoreCalibration.fit(scores, np.zeros(500, dtype=bool)).probability(scores)
    assert (found > 0).all()
    assert found.mean() == pytest.approx(1 / 502, rel=0.05)


def test_constant_scores_give_the_rate() -> None:
    happened = np.arange(1_000) % 10 == 0
    found = ScoreCalibration.fit(np.full(1_000, 7, dtype=np.float32), happened)
    assert found.probability(np.array([7], dtype=np.float32))[0] == pytest.approx(0.1, abs=0.01)


def test_without_rows_a_low_probability_is_assumed() -> None:
    found = ScoreCalibration.fit(np.zeros(0, dtype=np.float32), np.zeros(0, dtype=bool))
    assert 0 < found.probability(np.zeros(1, dtype=np.float32))[0] < 0.5


@settings(max_examples=30)
@given(st.lists(st.tuples(st.floats(-50, 50, width=32), st.booleans()), min_size=1, max_size=40))
def test_the_order_of_the_scores_is_kept(pairs: list[tuple[float, bool]]) -> None:
    scores = np.array([score for score, _ in pairs], dtype=np.float32)
    found = ScoreCalibration.fit(scores, np.array([happened for _, happened in pairs]))
    probabilities = found.probability(np.sort(scores))
    assert (np.diff(probabilities) >= 0).all()
    assert ((probabilities >= 0) & (probabilities <= 1)).all()


def test_scores_against_the_truth_are_worth_nothing_rather_than_turned_round() -> None:
    scores = np.linspace(-1, 1, 100, dtype=np.float32)
    found = ScoreCalibration.fit(scores, scores < 0)
    assert found.slope == pytest.approx(0, abs=1e-6)


def test_requests_whose_rows_are_missing_make_all_less_probable() -> None:
    rng = np.random.default_rng(2)
    scores = rng.normal(size=20_000).astype(np.float32)
    happened = rng.random(len(scores)) < expit(scores - 3)
    found = ScoreCalibration.fit(scores, happened, 0.25).probability(scores)
    nothing = np.zeros(3 * len(scores), dtype=bool)
    whole = ScoreCalibration.fit(np.tile(scores, 4), np.append(happened, nothing)).probability(scores)
    np.testing.assert_allclose(found, whole, rtol=0.01)
    assert found.mean() == pytest.approx(happened.mean() / 4, rel=0.05)


def test_carried_to_scores_of_another_level_and_spread() -> None:
    scores = np.random.default_rng(3).normal(size=1_000).astype(np.float32)
    first = ScoreCalibration(0.7, -2.0)
    other = first.rescaled(scores, 4 * scores - 7)
    np.testing.assert_allclose(other.probability(4 * scores - 7), first.probability(scores), rtol=1e-4)
    assert first.rescaled(scores[:0], scores[:0]) == first


def test_who_is_hardly_known_chooses_less() -> None:
    """The same scores for all; people with longer histories choose more of what is listed, newcomers least."""
    rng = np.random.default_rng(3)
    scores = rng.normal(size=40_000).astype(np.float32)
    n_acts = rng.choice(np.array([0, 1, 9, 99], dtype=np.float32), size=len(scores))
    truth = expit(scores - 3 + 0.4 * np.log1p(n_acts) - 1.0 * (n_acts == 0))
    happened = rng.random(len(scores)) < truth
    found = ScoreCalibration.fit(scores, happened, n_acts=n_acts)
    np.testing.assert_allclose(found.probability(scores, n_acts=n_acts), truth, atol=0.03)
    one_for_all = ScoreCalibration.fit(scores, happened).probability(scores)
    new = n_acts == 0
    assert one_for_all[new].mean() > 2 * truth[new].mean()
    carried = found.rescaled(scores, 2 * scores + 1).probability(2 * scores + 1, n_acts=n_acts)
    np.testing.assert_allclose(carried, found.probability(scores, n_acts=n_acts), rtol=1e-3)


def test_two_events_show_little_of_users_and_histories_of_one_length_nothing() -> None:
    scores = np.linspace(-1, 1, 40, dtype=np.float32)
    happened = np.isin(np.arange(40), (3, 24))
    plain = ScoreCalibration.fit(scores, happened).probability(scores)
    n_acts = (np.arange(40) % 4).astype(np.float32)
    few = ScoreCalibration.fit(scores, happened, n_acts=n_acts).probability(scores, n_acts=n_acts)
    np.testing.assert_allclose(few, plain, rtol=0.6)
    alike = np.full(40, 7, dtype=np.float32)
    same = ScoreCalibration.fit(scores, happened, n_acts=alike).probability(scores, n_acts=alike)
    np.testing.assert_allclose(same, plain, rtol=0.02)
