"""From measurements to a report: what it compares, what it warns of, and several windows as one."""

from dataclasses import replace

import numpy as np
import pytest
from measured import N_REQUESTS, measurement

from recsys.errors import DataError
from recsys.eval.metrics.reliability import reliability
from recsys.eval.results import EvaluationReport, Window
from recsys.eval.summary import join_reports, summarise


def test_a_simpler_ranking_that_is_better_where_something_was_bought_is_reported() -> None:
    """Few requests end in a purchase: those of all others hide that."""
    ours, theirs, bought = measurement(0.5), measurement(0.3), np.arange(N_REQUESTS) < 60
    other = replace(theirs, values={name: np.where(bought, 0.9, values) for name, values in theirs.values.items()})
    masks = {"slices": {"heavy": bought}, "events": {"purchase": bought}}
    report = summarise(ours, baselines={"popularity": other}, ablation={}, **masks)
    told = [line for line in report.caveats if "popularity, is better" in line]
    assert len(told) == 1
    assert "on the 60 requests with the event purchase" in told[0]
    assert "raise its weight in events.weights" in told[0]
    level = summarise(ours, baselines={"popularity": theirs}, ablation={}, **masks)
    assert not any("is better" in line for line in level.caveats)


def test_a_user_with_many_of_the_requests_is_reported() -> None:
    many = measurement(0.5)
    assert many.users is not None
    for n_of_one, told in ((70, 1), (30, 0)):
        users = many.users.copy()
        users[:n_of_one] = 500
        report = summarise(replace(many, users=users), baselines={}, ablation={}, slices={})
        assert sum("70 of the 300 requests (23%) are of 1 of" in line for line in report.caveats) == told


def test_anonymous_requests_make_nobody_busy() -> None:
    many = measurement(0.5)
    users = np.full(N_REQUESTS, -1, dtype=np.int32)
    users[:2] = 0, 1
    for guests in (users, np.full_like(users, -1)):
        report = summarise(replace(many, users=guests), baselines={}, ablation={}, slices={})
        assert not any("mostly show" in line for line in report.caveats)


def test_a_few_users_with_half_of_the_requests_are_reported() -> None:
    many = measurement(0.5)
    users = np.arange(N_REQUESTS, dtype=np.int32)
    users[:162] = np.arange(162) % 3
    report = summarise(replace(many, users=users), baselines={}, ablation={}, slices={})
    assert sum("162 of the 300 requests (54%) are of 3 of 141 users" in line for line in report.caveats) == 1


def test_rankings_must_be_of_the_same_requests() -> None:
    full = measurement(0.5)
    other = full.select(np.arange(N_REQUESTS) < 10)
    with pytest.raises(DataError, match="same requests"):
        summarise(full, baselines={"other": other}, ablation={}, slices={})


def window(name: str, skill: float, rivals: tuple[str, ...], caveats: tuple[str, ...]) -> EvaluationReport:
    """The report of one window, with a baseline for each rival, and further caveats."""
    mask = np.arange(N_REQUESTS) < 40
    found = summarise(
        measurement(skill),
        baselines={rival: measurement(0.0) for rival in rivals},
        ablation={},
        slices={"cold_item": mask, name: mask},
    )
    happened = np.array([True, False])
    return replace(
        found,
        windows=(Window(name, 0, 1, N_REQUESTS, "is measured"),),
        caveats=(*found.caveats, *caveats),
        calibration={"p_click": reliability(np.array([0.9, 0.2], dtype=np.float32), happened)},
    )


def test_windows_are_joined_over_what_all_of_them_have() -> None:
    first = window("first", 0.5, ("popularity", "ease"), ("of both", "of the first"))
    second = window("second", 0.3, ("popularity",), ("of both",))
    whole = join_reports([first, second])
    assert whole.n_requests == 2 * N_REQUESTS
    means = [report.metrics["ndcg@10"]["mean"] for report in (first, second, whole)]
    assert means[2] == pytest.approx((means[0] + means[1]) / 2)
    assert [part.name for part in whole.windows] == ["first", "second"]
    assert whole.baselines.keys() == whole.comparisons.keys() == {"popularity"}
    assert {name: part.n_requests for name, part in whole.slices.items()} == {"cold_item": 80}
    assert whole.calibration["p_click"].counts.sum() == 4
    assert whole.caveats[:2] == ("of both", "In first: of the first")


def test_what_is_said_of_the_size_of_a_window_is_not_said_of_all() -> None:
    few = np.arange(N_REQUESTS) < 200
    parts = []
    for name in ("first", "second"):
        report = summarise(measurement(0.5).select(few), baselines={}, ablation={}, slices={})
        assert any("Only 200 requests" in line for line in report.caveats)
        parts.append(replace(report, windows=(Window(name, 0, 1, 200, "is measured"),)))
    assert not any("Only" in line for line in join_reports(parts).caveats)
