"""Intervals and paired comparisons."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.errors import DataError
from recsys.eval.confidence import compare, compare_all, intervals


def column(values: object) -> np.ndarray:
    return np.asarray(values, dtype=np.float64)[:, None]


def test_interval_matches_the_normal_one_of_many_draws() -> None:
    values = np.random.default_rng(1).random(2_000)
    (interval,) = intervals(column(values))
    half = 1.96 * values.std() / np.sqrt(len(values))
    assert interval["mean"] == pytest.approx(values.mean())
    assert interval["low"] == pytest.approx(values.mean() - half, abs=half / 8)
    assert interval["high"] == pytest.approx(values.mean() + half, abs=half / 8)


def test_interval_covers_the_true_mean_19_times_in_20() -> None:
    rng = np.random.default_rng(2)
    found = intervals((rng.random((300, 400)) < 0.3).astype(np.float64))
    covered = np.mean([interval["low"] <= 0.3 <= interval["high"] for interval in found])  # type: ignore[operator]
    assert 0.91 <= covered <= 0.98


@pytest.mark.parametrize("n_users", [10, 30])
def test_intervals_of_few_users_who_ask_unequally_often_are_wide_enough(n_users: int) -> None:
    rng = np.random.default_rng(9)
    n_requests = np.minimum(rng.geometric(0.1, n_users), 60)
    users = np.repeat(np.arange(n_users, dtype=np.int32), n_requests)
    tastes = np.repeat(rng.random((n_users, 1_000)), n_requests, axis=0)  # requests of one user are alike
    found = intervals(tastes + rng.random(tastes.shape), clusters=users)
    covered = np.mean([interval["low"] <= 1.0 <= interval["high"] for interval in found])  # type: ignore[operator]
    assert covered >= 0.92
    verdicts = [
        compare(*pair, clusters=users, resamples=400).verdict
        for pair in zip(tastes.T[::2], tastes.T[1::2], strict=True)
    ]
    assert np.mean([verdict != "no difference shown" for verdict in verdicts]) <= 0.07


def test_copies_of_a_user_do_not_narrow_the_interval() -> None:
    values = np.random.default_rng(3).random(60)
    users = np.arange(60, dtype=np.int32)
    (once,) = intervals(column(values), clusters=users)
    (copied,) = intervals(column(np.repeat(values, 9)), clusters=np.repeat(users, 9))
    (naive,) = intervals(column(np.repeat(values, 9)))
    assert copied["low"] == pytest.approx(once["low"])
    assert copied["high"] == pytest.approx(once["high"])
    assert naive["high"] - naive["low"] < 0.5 * (once["high"] - once["low"])  # type: ignore[operator]


def test_anonymous_requests_are_users_of_their_own() -> None:
    values = column(np.random.default_rng(4).random(40))
    (anonymous,) = intervals(values, clusters=np.full(40, -1, dtype=np.int32))
    (single,) = intervals(values)
    assert anonymous["high"] - anonymous["low"] == pytest.approx(  # type: ignore[operator]
        single["high"] - single["low"],  # type: ignore[operator]
        rel=0.2,
    )


def test_undefined_values_are_left_out() -> None:
    found = intervals(np.array([[np.nan, np.nan, 2.0], [1.0, np.nan, 2.0]]))
    assert found[0]["mean"] == 1.0
    assert found[1] == {"mean": None, "low": None, "high": None}
    assert found[2] == {"mean": 2.0, "low": 2.0, "high": 2.0}


def test_without_requests_there_is_no_interval() -> None:
    assert intervals(np.empty((0, 2))) == [{"mean": None, "low": None, "high": None}] * 2


@settings(max_examples=50)
@given(st.lists(st.tuples(st.floats(0, 1), st.integers(-1, 4)), min_size=1, max_size=30), st.integers(0, 99))
def test_interval_holds_its_mean_and_repeats_with_its_seed(rows: list[tuple[float, int]], seed: int) -> None:
    values, clusters = column([value for value, _ in rows]), np.array([user for _, user in rows], dtype=np.int32)
    (interval,) = intervals(values, clusters=clusters, seed=seed, resamples=200)
    assert interval["low"] <= interval["mean"] <= interval["high"]  # type: ignore[operator]
    assert [interval] == intervals(values, clusters=clusters, seed=seed, resamples=200)


def test_a_small_paired_gain_is_found_that_two_intervals_would_hide() -> None:
    rng = np.random.default_rng(5)
    theirs = rng.random(500)
    ours = theirs + rng.normal(0.01, 0.02, 500)
    found = compare(ours, theirs)
    assert found.verdict == "better"
    assert found.p_value < 0.001
    assert found.difference == pytest.approx(0.01, abs=0.003)
    assert compare(theirs, ours).verdict == "worse"
    mine, other = intervals(np.stack([ours, theirs], axis=1))
    assert mine["low"] < other["high"]  # type: ignore[operator]


@pytest.mark.parametrize(
    ("n_users", "verdict"), [(1, "no difference shown"), (5, "no difference shown"), (12, "better")]
)
def test_a_handful_of_users_proves_nothing_however_many_requests_they_make(n_users: int, verdict: str) -> None:
    users = np.repeat(np.arange(n_users, dtype=np.int32), 100)
    found = compare(np.full(len(users), 0.3), np.full(len(users), 0.1), clusters=users)
    assert found.verdict == verdict
    assert found.p_value >= 2.0 ** (1 - n_users)
    assert (found.p_value < 0.01) == (n_users > 10)


def test_equal_rankings_show_no_difference() -> None:
    values = np.random.default_rng(6).random(50)
    found = compare(values, values)
    assert (found.difference, found.p_value, found.verdict) == (0.0, 1.0, "no difference shown")


def test_chance_is_called_a_difference_once_in_twenty() -> None:
    rng = np.random.default_rng(7)
    verdicts = [compare(*rng.random((2, 100)), seed=seed, resamples=400).verdict for seed in range(200)]
    assert 0.01 <= np.mean([verdict != "no difference shown" for verdict in verdicts]) <= 0.1


def test_comparison_leaves_out_undefined_requests() -> None:
    found = compare(np.array([1.0, np.nan, 1.0]), np.array([0.0, 1.0, np.nan]))
    assert (found.n_requests, found.difference) == (1, 1.0)


def test_comparison_needs_the_same_requests() -> None:
    with pytest.raises(DataError, match="same requests"):
        compare(np.ones(3), np.ones(4))
    with pytest.raises(DataError, match="at least one request"):
        compare(np.full(3, np.nan), np.ones(3))


def test_all_pairs_say_what_each_pair_says() -> None:
    rng = np.random.default_rng(8)
    values = {name: rng.random(60) + gain for name, gain in {"a": 0.3, "b": 0.0, "c": 0.0}.items()}
    users = rng.integers(0, 20, 60).astype(np.int32)
    found = compare_all(values, clusters=users, resamples=500)
    assert list(found) == [("a", "b"), ("a", "c"), ("b", "c")]
    for (first, second), comparison in found.items():
        assert comparison == compare(values[first], values[second], clusters=users, resamples=500)
