"""A version is judged by how it orders what was shown, not by what only its predecessor could have shown."""

from dataclasses import replace

import numpy as np
import pytest
from pipeline_world import AFTER, DAY, past_of

from recsys.data.dataset import Dataset
from recsys.data.events.event import Event
from recsys.data.loading import append_events
from recsys.data.requests.request import Request
from recsys.eval.protocol import Measurement
from recsys.eval.results import MeasuredReport, Measurements
from recsys.pipeline.evaluation.shown import METRIC, dcg_of_shown
from recsys.pipeline.past.requests import PastRequests
from recsys.pipeline.past.scoring import PastPipeline
from recsys.pipeline.recommender.bundle import Bundle
from recsys.pipeline.recommender.recommend import Recommender
from recsys.pipeline.retraining.gate import compare

LATE = AFTER + 90 * DAY


def listed(user: str, items: list[str], clicked: str, start: int) -> list[Event]:
    """A list that was shown, and a click in it."""
    request = f"{user} {start}"
    shown = [
        Event(f"{request} {position}", user, item, "impression", start, request_id=request, position=position)
        for position, item in enumerate(items)
    ]
    return [*shown, Event(f"{request} click", user, clicked, "click", start + 1, request_id=request)]


def judged(plain: Bundle, dataset: Dataset) -> Measurement | None:
    requests = PastRequests.of(dataset.log, LATE, LATE + DAY)
    return dcg_of_shown(PastPipeline(past_of(plain, dataset), plain.features, plain.rankers), requests, seed=0)


def test_a_click_counts_by_its_position_in_the_log_and_in_the_order(plain: Bundle, early: Dataset) -> None:
    recommender = Recommender(plain)
    chosen = recommender.recommend(Request("user 1", n=6, request_id="a")).ids
    asked = Request("user 1", n=6, candidates=chosen, time=LATE)
    order = list(recommender.recommend(asked).ids)
    for position, item in enumerate(order[:3]):
        items = [item, *(other for other in order if other != item)][::-1]  # shown at the last of six positions
        dataset = append_events(early, listed("user 1", items, item, LATE), plain.config)
        found = judged(plain, dataset)
        assert found is not None
        assert found.values[METRIC] == pytest.approx([6**0.5 / np.log2(position + 2)])
        assert [plain.catalogue.frame["item_id"][int(number)] for number in found.items[0][:6]] == order


def test_without_lists_nothing_is_judged(plain: Bundle, early: Dataset) -> None:
    dataset = append_events(early, [Event("c", "user 1", "books-1-small", "click", LATE)], plain.config)
    assert judged(plain, dataset) is None


def test_lists_of_few_requests_judge_nothing(plain: Bundle, early: Dataset) -> None:
    items = ["books-1-small", "coffee-0-small"]
    events = listed("user 1", items, items[0], LATE)
    clicks = [Event(f"c{number}", f"user {number}", items[0], "click", LATE + 10) for number in range(2, 4)]
    assert judged(plain, append_events(early, [*events, clicks[0]], plain.config)) is not None
    assert judged(plain, append_events(early, [*events, *clicks], plain.config)) is None


def test_the_gate_asks_about_what_was_shown_where_most_requests_have_lists(plain: Bundle) -> None:
    report = plain.report
    full = Measurement(10, {"ndcg@10": np.linspace(0, 1, 40)}, np.zeros((40, 10), dtype=np.int32), 30)
    ahead = replace(full, values={METRIC: np.ones(40)})
    behind = replace(full, values={METRIC: np.zeros(40)})
    best = replace(full, values={"ndcg@10": np.ones(40)})

    def measured(full: Measurement, shown: Measurement | None) -> MeasuredReport:
        return replace(report, measurements=Measurements(full, {}, {}, {}, shown))

    metric, found = compare(measured(full, ahead), measured(best, behind), seed=0)
    assert metric == METRIC
    assert found.difference == pytest.approx(1.0)
    metric, found = compare(measured(full, None), measured(best, None), seed=0)
    assert metric == "ndcg@10"
    assert found.difference == pytest.approx(-0.5)
