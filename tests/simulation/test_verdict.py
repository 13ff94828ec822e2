"""Verdicts over simulated weeks count users, not their weeks."""

import numpy as np
import pytest
from scipy.stats import ttest_ind

from recsys.simulation.arms import ARMS, Week
from recsys.simulation.verdict import verdict


def test_a_user_counts_once_however_many_weeks_there_are() -> None:
    week = {"retrained": {1: [4, 2], 2: [1]}, "frozen": {3: [2], 4: [1]}, "popularity": {5: [0], 6: [1, 1]}}
    found = verdict([Week(number, week, None) for number in range(1, 6)], shift_week=0)
    expected = ttest_ind([3, 1], [2, 1], equal_var=False, alternative="greater").pvalue
    assert found["against_frozen"] == {"retrained": 2.0, "frozen": 1.5, "p_value": pytest.approx(expected)}
    assert found["weeks"][0]["popularity"] == 0.5


def test_lists_of_all_weeks_make_one_figure_of_a_user() -> None:
    clicks = [{"retrained": {1: [4], 2: [0]}}, {"retrained": {1: [1, 1], 2: [3]}}]
    weeks = [
        Week(number, {**arms, "frozen": {3: [1], 4: [0]}, "popularity": {5: [1], 6: [0]}}, None)
        for number, arms in enumerate(clicks, 1)
    ]
    assert verdict(weeks, shift_week=0)["against_popularity"]["retrained"] == pytest.approx((2 + 1.5) / 2)


def test_who_is_ahead_and_who_recovers() -> None:
    random = np.random.default_rng(0)

    def week(number: int) -> Week:
        means = {"retrained": 5.0, "frozen": 5.0 if number < 3 else 1.5, "popularity": 2.5}
        return Week(number, {arm: dict(enumerate(random.poisson(means[arm], (50, 4)).tolist())) for arm in ARMS}, None)

    found = verdict([week(number) for number in range(1, 6)], shift_week=3)
    assert found["against_popularity"]["p_value"] < 0.01
    assert found["against_frozen_after_the_turn"]["p_value"] < 0.01
    assert found["recovery"]["retrained"] > 0.8 > 0.5 > found["recovery"]["frozen"]
    assert "recovery" not in verdict([week(1), week(2)], shift_week=0)
