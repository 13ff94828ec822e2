"""Leave-one-out and rolling windows: what is learned from, what is asked, and how the windows are joined."""

import json
from pathlib import Path

import numpy as np
import pytest
from pipeline_world import CLICK, DAY, IMPRESSION, make_log

from recsys.config import DataConfig
from recsys.data.dataset import Dataset
from recsys.errors import DataError
from recsys.eval.report.render import write_report
from recsys.eval.results import EvaluationReport
from recsys.pipeline.recommender.bundle import Bundle
from recsys.pipeline.training.splits import evaluate_splits, leave_one_out, rolling

ROWS = [
    (0, 1, CLICK, 1 * DAY, -1),
    (1, 2, CLICK, 2 * DAY, -1),
    (0, 3, CLICK, 3 * DAY, -1),  # the newest of user 0, of two things at one moment
    (0, 4, CLICK, 3 * DAY, -1),
    (0, 5, IMPRESSION, 4 * DAY, -1),
    (2, 1, CLICK, 5 * DAY, -1),
    (2, 1, IMPRESSION, 6 * DAY, -1),
    (2, 2, CLICK, 7 * DAY, -1),
]


def test_leave_one_out_takes_the_newest_request_of_who_has_two() -> None:
    cut = leave_one_out(make_log(ROWS))
    assert cut.test.users.tolist() == [0, 2]
    assert cut.test.targets.items.tolist() == [3, 4, 2]
    # User 1 has one request: it is learned from. What users 0 and 2 did at that moment or later is not.
    kept = list(zip(cut.train.users.tolist(), cut.train.items.tolist(), strict=True))
    assert kept == [(0, 1), (1, 2), (2, 1), (2, 1)]


def test_leave_one_out_keeps_the_share_of_lists_that_were_answered() -> None:
    shown = [(number % 4, 1, IMPRESSION, 10 * number, number) for number in range(400)]
    clicks = [(user, 1, CLICK, time + 1, number) for user, _, _, time, number in shown if number % 5 == 0]
    cut = leave_one_out(make_log([*shown, *clicks]))
    assert len(cut.test) == 4
    assert cut.test.share_answered == 0.2


def test_leave_one_out_needs_two_requests_of_one_user() -> None:
    with pytest.raises(DataError, match="two requests"):
        leave_one_out(make_log(ROWS[:2]))


def test_rolling_windows_follow_one_another() -> None:
    log = make_log([(day % 3, day % 8, CLICK, day * DAY, -1) for day in range(100)])
    cuts = rolling(log, DataConfig(test_fraction=0.3, ranker_fraction=0.3), 3)
    assert [len(cut.test) for cut in cuts] == [10, 10, 10]
    assert [len(cut.train) for cut in cuts] == [70, 80, 90]
    for cut in cuts:
        assert cut.train.times[-1] < cut.test.times[0]
    assert np.all(np.diff(np.concatenate([cut.test.times for cut in cuts])) > 0)
    with pytest.raises(DataError, match="give a smaller --windows"):
        rolling(log, DataConfig(test_fraction=0.02, ranker_fraction=0.3), 5)


def test_a_rolling_evaluation_is_one_report_of_all_windows(plain: Bundle, early: Dataset, tmp_path: Path) -> None:
    report = evaluate_splits(plain, early, "rolling", windows=2, name="small world")
    assert [window.name for window in report.windows] == ["window 1 of 2", "window 2 of 2"]
    assert report.windows[0].end <= report.windows[1].start
    assert report.per_request is not None
    assert len(report.per_request) == report.n_requests
    assert set(report.per_request["user_id"]) <= set(early.log.user_vocabulary)
    assert 0.1 < report.metrics["ndcg@10"]["mean"] <= 1  # type: ignore[operator]
    assert set(report.comparisons) == set(report.baselines)
    assert f"Only {report.n_requests} requests are measured, so the intervals are wide." in report.caveats
    assert sum("are measured" in line for line in report.caveats) == 1, "of all windows together"
    assert all(line.startswith("In window ") for line in report.caveats if "may not be listed" in line)
    clicks = np.count_nonzero(early.log.events == early.log.event_names.index("click"))
    assert f"{clicks:,} click" in report.facts["events"], "the facts are of the whole log"
    assert report.calibration["p_click"].counts.sum() > report.n_requests, "of the lists of both"
    tree = report.to_json()
    assert json.loads(json.dumps(tree)) == EvaluationReport.from_json(tree).to_json()
    write_report(tmp_path / "report.html", report)


def test_leave_one_out_evaluation(plain: Bundle, early: Dataset) -> None:
    report = evaluate_splits(plain, early, "leave-one-out")
    assert 40 < report.n_requests <= len(leave_one_out(early.log).test)  # who wants what was seen is not counted
    assert any("Leave one out" in caveat for caveat in report.caveats)
    assert report.metrics["ndcg@10"]["mean"] > 0.1  # type: ignore[operator]
