"""A version is measured on what it has not learned from, or not at all."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from pipeline_world import AFTER, CLICK, DAY, IMPRESSION, make_log, past_of

from recsys.config import Config
from recsys.data.dataset import Dataset
from recsys.data.loading import dataset_from_frames
from recsys.data.log.history import HistoryBatch
from recsys.data.log.interactions import InteractionLog
from recsys.data.requests.request import Request
from recsys.errors import DataError
from recsys.eval.offpolicy import LoggedPlacements, off_policy
from recsys.eval.ranking import Targets, pessimistic_hits
from recsys.eval.results import EvaluationReport
from recsys.pipeline.candidates.merging import Candidates
from recsys.pipeline.candidates.request_block import RequestBlock
from recsys.pipeline.evaluation.dial_curves import DIALS, DialCurves
from recsys.pipeline.evaluation.evaluate import evaluate
from recsys.pipeline.evaluation.logged import logged_placements
from recsys.pipeline.evaluation.rankings import best_of_source
from recsys.pipeline.past.scoring import PastPipeline
from recsys.pipeline.ranking.ordering import RankedBlock, rank_block
from recsys.pipeline.recommender.bundle import Bundle
from recsys.pipeline.training.train import train
from recsys.policy.policy import Policy
from recsys.retrieval.scores import DenseScores

Frames = tuple[pl.DataFrame, pl.DataFrame]


def tied(n: int) -> RankedBlock:
    """A request whose candidates, items 0 to n - 1, the ranker tells not apart."""
    nothing, rows = np.zeros(n, dtype=np.float32), np.zeros(n, dtype=np.int64)
    pairs = Candidates(rows, np.arange(n, dtype=np.int32), rows.astype(np.uint16), {}, nothing)
    table, order = np.zeros((n, 0), dtype=np.float32), np.arange(n)
    return RankedBlock(pairs, table, rows.astype(bool), nothing, (order,), (nothing,), (nothing,), ([],))


def asking_nothing() -> RequestBlock:
    """One request without rules."""
    none = np.zeros(0, dtype=np.int64)
    offsets, now = np.zeros(2, dtype=np.int64), np.zeros(1, dtype=np.int64)
    history = HistoryBatch(offsets, none.astype(np.int32), none.astype(np.int8), none, none.astype(np.float32), now)
    anybody = np.zeros(1, dtype=np.int32)
    return RequestBlock(
        anybody, history, history, np.ones((1, 60), dtype=bool), (Policy(()),), (None,), anybody, now, now
    )


def check(report: EvaluationReport) -> None:
    """What every report of the small world holds."""
    for name, figure in report.metrics.items():
        assert figure["low"] <= figure["mean"] <= figure["high"], name  # type: ignore[operator]
    assert {"popularity", "ALS", "transitions", "habit"} <= set(report.baselines)
    assert report.candidates is not None
    assert set(report.candidates.sources) == {"transitions", "als", "popular", "history"}
    for source, recall in report.candidates.sources.items():
        assert 0 <= recall <= report.candidates.merged <= 1, source
    assert sum(report.importances.values()) == pytest.approx(1)
    assert json.loads(json.dumps(report.to_json())) == EvaluationReport.from_json(report.to_json()).to_json()


def test_given_requests_are_measured_if_they_have_targets(plain: Bundle, early: Dataset) -> None:
    users = early.log.user_vocabulary.ids(range(20))
    requests = [Request(user, time=AFTER, targets=("coffee-0-small", "no such item")) for user in users]
    requests += [Request("nobody", targets=("books-0-small",)), Request("nobody too")]
    report = evaluate(plain, early, requests, name="by hand")
    check(report)
    assert (report.dataset, report.n_requests) == ("by hand", 21)
    assert "Left out: 1 request without a target." in report.caveats


def test_requests_know_the_newer_events_of_the_data_at_their_time(
    plain: Bundle, frames: Frames, plain_config: Config
) -> None:
    events = frames[1]
    late = events.tail(3).with_columns(user_id=pl.lit("late"), timestamp=events["timestamp"].max())
    whole = dataset_from_frames(frames[0], pl.concat([events, late]), plain_config)
    for time, known in ((AFTER + 90 * DAY, True), (None, False)):
        report = evaluate(plain, whole, [Request("late", time=time, targets=("coffee-0-small",))])
        assert report.slices["cold_user"].n_requests == (0 if known else 1)
        assert ("warm_user" in report.slices) == known
        assert report.facts["users"] == f"{plain.log.n_users}", "it has learned nothing of what is newer"


def test_figures_of_each_request_have_the_ids_of_the_file(plain: Bundle, early: Dataset) -> None:
    requests = [
        Request("user 1", request_id="without a target"),
        Request("user 2", request_id="a", targets=("coffee-0-small",)),
        Request("user 1", request_id="not listable", targets=("coffee-4-large",)),
        Request(request_id="b", targets=("no such item",)),
    ]
    figures = evaluate(plain, early, requests).per_request
    assert figures is not None
    assert figures.select("request_id", "user_id").rows() == [("a", "user 2"), ("b", None)]
    assert figures["ndcg@10"].to_list()[1] == 0


def test_requests_of_one_user_are_drawn_together_whom_the_version_does_not_know(plain: Bundle, early: Dataset) -> None:
    names = ("user 1", "new", "new", "newer", None, None)
    requests = [Request(name, request_id=f"r{at}", targets=("coffee-0-small",)) for at, name in enumerate(names)]
    found = evaluate(plain, early, requests).measurements.full
    assert found.users is not None
    assert found.users.tolist() == [0, 1, 1, 2, -1, -1]


def test_targets_that_no_list_can_hold_are_missed(plain: Bundle, early: Dataset) -> None:
    report = evaluate(plain, early, [Request("user 1", targets=("no such item",))])
    assert report.metrics["ndcg@10"]["mean"] == 0
    assert report.metrics["recall@10"]["mean"] == 0


def test_every_ranking_keeps_to_the_candidates_of_a_request(plain: Bundle, early: Dataset) -> None:
    wanted, given = "coffee-0-small", ("books-0-small", "books-1-small")
    requests = [Request("user 1", time=AFTER, candidates=given, targets=(wanted,))]
    report = evaluate(plain, early, requests)
    for name, metrics in {"full": report.metrics, **report.baselines, **report.ablation}.items():
        assert metrics["recall@10"]["mean"] == 0, name
    requests = [replace(requests[0], candidates=(wanted,))]
    report = evaluate(plain, early, requests)
    assert report.metrics["ndcg@10"]["mean"] == 1
    assert all(metrics["ndcg@10"]["mean"] in (0, 1) for metrics in report.baselines.values())
    assert any("one user" in caveat for caveat in report.caveats)
    report = evaluate(plain, early, [*requests, replace(requests[0], user_id="user 2", request_id="r2")])
    assert any("requests are of only 2 users" in caveat for caveat in report.caveats)


def test_every_ranking_orders_the_same_candidates_for_its_auc(early: Dataset, plain_config: Config) -> None:
    """Of a source that knows nothing all candidates are alike: no target stands before another item."""
    config = plain_config.changed(ranker={"ablation": True})
    users = early.log.user_vocabulary.ids(range(20))
    requests = [Request(user, time=AFTER, targets=("coffee-0-small", "books-1-small")) for user in users]
    requests += [Request("nobody", time=AFTER, targets=("garden-0-small",))]
    report = evaluate(train(early, config), early, requests)
    assert report.ablation
    known = ~np.isnan(report.measurements.full.values["auc"])
    assert known.any()
    for name, other in report.measurements.others.items():
        np.testing.assert_array_equal(~np.isnan(other.values["auc"]), known, err_msg=name)
    assert report.measurements.others["habit"].values["auc"][-1] == 0


def test_targets_that_no_list_can_hold_count_each(plain: Bundle, early: Dataset) -> None:
    requests = [
        Request("nobody", time=AFTER, candidates=("coffee-0-small",), targets=("coffee-0-small", "a", "b", "b"))
    ]
    report = evaluate(plain, early, requests)
    assert report.metrics["recall@10"]["mean"] == pytest.approx(1 / 3)
    assert any("66.7% of the items wanted are unknown" in caveat for caveat in report.caveats)


@pytest.mark.parametrize("candidates", [(), ("unheard of",)])
def test_a_request_that_nothing_can_be_listed_for_is_missed(
    plain: Bundle, early: Dataset, candidates: tuple[str, ...]
) -> None:
    wanted = early.catalogue.vocabulary.id(0)
    requests = [Request("user 1", time=AFTER, candidates=candidates, targets=(wanted,))]
    assert evaluate(plain, early, requests).metrics["recall@10"]["mean"] == 0.0


def test_rules_that_move_items_are_told(plain: Bundle, early: Dataset) -> None:
    requests = [Request("user 1", time=AFTER, targets=("coffee-0-small",))]
    assert not any("policy." in caveat for caveat in evaluate(plain, early, requests).caveats)
    ruled = replace(plain, config=plain.config.changed(policy={"caps": {"brand": 2}, "diversity": 0.3}))
    (caveat,) = (line for line in evaluate(ruled, early, requests).caveats if "policy." in line)
    assert "follow policy.diversity, policy.caps, which the simpler rankings do not" in caveat


def test_targets_that_the_rules_leave_out_are_counted_in_a_caveat(plain: Bundle, early: Dataset) -> None:
    gone = "coffee-4-large"  # not available
    requests = [Request("user 1", targets=(gone,)), Request("user 2", targets=(gone, "books-0-small"))]
    report = evaluate(plain, early, requests)
    assert report.n_requests == 1
    (caveat,) = (line for line in report.caveats if "may not be listed" in line)
    assert caveat.startswith("2 of the items wanted")
    assert "left out with them: 1 request that" in caveat
    (caveat,) = (line for line in evaluate(plain, early, requests[1:]).caveats if "may not be listed" in line)
    assert caveat.endswith("They are not counted.")
    with pytest.raises(DataError, match="no request wants an item that may be listed"):
        evaluate(plain, early, requests[:1])


def test_purchases_that_no_list_may_hold_are_told_of(
    plain: Bundle, early: Dataset, frames: Frames, plain_config: Config
) -> None:
    """Users buy what they have looked at before, and look at what is new to them."""
    items, events = frames
    seen = {user: set(own) for user, own in events.group_by("user_id").agg("item_id").iter_rows()}
    newest = events["timestamp"].max()
    rows = []
    for user, own in sorted(seen.items())[:40]:
        new = next(item for item in items["item_id"] if item not in own)
        rows += [(user, min(own), "purchase", newest), (user, new, "click", newest)]
    more = pl.DataFrame(rows, ["user_id", "item_id", "event", "timestamp"], orient="row").cast(events.schema)
    whole = dataset_from_frames(items, pl.concat([events, more]), plain_config)
    for mode, told in (("exclude", True), ("keep", False)):
        report = evaluate(replace(plain, config=plain.config.changed(policy={"seen": mode})), whole)
        assert any("items with the event purchase" in line for line in report.caveats) == told, report.caveats


def test_requests_without_targets_are_refused(plain: Bundle, early: Dataset) -> None:
    with pytest.raises(DataError, match="needs a column `target`"):
        evaluate(plain, early, [Request("user 1")])


def test_events_newer_than_the_version_are_measured(
    plain: Bundle, early: Dataset, frames: Frames, plain_config: Config
) -> None:
    """The version has learned from 40 days; the other 20 are new to it. New users and items are among them."""
    items, events = frames
    fresh = items.head(1).with_columns(item_id=pl.lit("fresh"))
    newest = events["timestamp"].max()
    more = events.tail(1).with_columns(user_id=pl.lit("newcomer"), item_id=pl.lit("fresh"), timestamp=newest)
    whole = dataset_from_frames(pl.concat([fresh, items]), pl.concat([events, more]), plain_config)
    report = evaluate(plain, whole, name="newer")
    check(report)
    (window,) = report.windows
    assert window.start > int(early.log.times[-1])
    n_newer = len(whole.log) - len(early.log)
    assert report.n_requests <= n_newer == window.n_events
    assert any("unknown to the version; they count as missed" in caveat for caveat in report.caveats)
    assert report.metrics["ndcg@10"]["mean"] > 0.2  # type: ignore[operator]
    clicks, purchases = report.calibration["p_click"], report.calibration["p_purchase"]
    assert clicks.counts.sum() == purchases.counts.sum() > 0
    wanted, bought = (round(float(bins.observed @ bins.counts)) for bins in (clicks, purchases))
    assert 0 < bought < wanted
    assert 0 < report.slices["event: purchase"].n_requests < report.n_requests


@pytest.mark.parametrize(("kept", "measured"), [("click", False), ("purchase", True)])
def test_p_purchase_is_measured_on_the_event_that_it_was_learned_from(
    plain: Bundle, early: Dataset, frames: Frames, plain_config: Config, kept: str, measured: bool
) -> None:
    """Newer days of clicks and likes tell nothing of purchases, those of nothing else all."""
    items, events = frames
    end = pl.lit(int(early.log.times[-1])).cast(pl.Datetime("us", "UTC"))
    newer = events.filter((pl.col("timestamp") > end) & (pl.col("event") == kept))
    likes = newer.head(40).with_columns(event=pl.lit("like")) if kept == "click" else newer.head(0)
    report = evaluate(plain, dataset_from_frames(items, pl.concat([newer, likes]), plain_config))
    assert set(report.calibration) == ({"p_click", "p_purchase"} if measured else {"p_click"})
    if measured:
        clicks, purchases = report.calibration["p_click"], report.calibration["p_purchase"]
        assert purchases.observed @ purchases.counts == pytest.approx(clicks.observed @ clicks.counts)


def test_on_its_own_data_a_version_shows_the_figures_of_its_training(plain: Bundle, early: Dataset) -> None:
    messages: list[str] = []
    report = evaluate(replace(plain, version="v1"), early, progress=messages.append)
    assert report.version == "v1"
    assert replace(report, version="").to_json() == plain.report.to_json()
    assert any("training measured" in message for message in messages)


def test_on_other_data_without_newer_events_nothing_is_measured(
    plain: Bundle, early: Dataset, plain_config: Config, frames: Frames
) -> None:
    items, events = frames
    other = dataset_from_frames(items, events.head(50), plain_config)
    with pytest.raises(DataError, match="learned by heart"):
        evaluate(plain, other)


def test_newer_events_without_any_interest_are_refused(plain: Bundle, frames: Frames, plain_config: Config) -> None:
    items, events = frames
    only_shown = events.tail(5).with_columns(event=pl.lit("impression"))
    with pytest.raises(DataError, match="hold no positive event"):
        evaluate(plain, dataset_from_frames(items, only_shown, plain_config))


def test_logged_propensities_tell_that_lists_of_the_own_taste_earn_more(
    plain: Bundle, early: Dataset, plain_config: Config
) -> None:
    """Lists of three positions, each item drawn from all thirty; a user clicks what is of the own taste."""
    rng, items = np.random.default_rng(0), plain.catalogue.frame["item_id"].to_list()
    rows = []
    for number in range(400):
        user, time = f"user {number % 60}", datetime(2024, 6, 1, tzinfo=UTC) + timedelta(hours=number)
        taste = ("coffee", "garden", "books")[number % 60 % 3]
        drawn = rng.choice(items, 3, replace=False)
        for position, item in enumerate(drawn):
            shown = {"user_id": user, "item_id": item, "event": "impression", "timestamp": time}
            rows.append(shown | {"request_id": f"r{number}", "position": position, "propensity": 1 / len(items)})
            if item.startswith(taste):
                clicked = {"event": "click", "timestamp": time + timedelta(seconds=9), "propensity": None}
                rows.append(rows[-1] | clicked)
    whole = dataset_from_frames(plain.catalogue.frame, pl.DataFrame(rows, infer_schema_length=None), plain_config)
    report = evaluate(plain, whole)
    check(report)
    found = report.off_policy
    assert found is not None
    assert 1_150 <= found.n_placements <= 1_200  # the window begins and ends with a click
    assert found.mean_weight == pytest.approx(1.0, abs=0.4)
    assert found.logged["mean"] == pytest.approx(1 / 3, abs=0.06)
    for estimate in (found.snips, found.dr):  # a list of the own taste earns nearly everything
        assert estimate["mean"] > 1.5 * found.logged["mean"]  # type: ignore[operator]
    for name, points in report.dials.items():
        assert [point.dial for point in points] == list(DIALS)
        assert points[-1].gain(name) >= points[0].gain(name)


def test_a_tie_across_the_last_position_counts_against_every_setting_of_the_dials() -> None:
    known = np.full(60, 9, dtype=np.float32)
    curves = DialCurves(np.ones((60, 1), dtype=np.float32), lambda items, _: known[items], 10)
    curves.add(tied(60), asking_nothing(), Targets.of([range(30)]))
    for points in curves.result().values():
        assert [point.ndcg for point in points] == [0] * len(DIALS)


def test_discovery_is_measured_without_vectors_too() -> None:
    curves = DialCurves(None, lambda items, now: np.where(items < 55, 9, now[items]).astype(np.float32), 10)
    curves.add(tied(60), asking_nothing(), Targets.of([range(30)]))
    points = curves.result()["discovery"]
    assert set(curves.result()) == {"discovery"}
    assert [point.hardly_known for point in points] == [0.0] + [0.5] * (len(DIALS) - 1)
    assert not any(point.diversity for point in points)


def test_a_tie_across_the_last_position_counts_against_a_simpler_ranking() -> None:
    wanted = Targets.of([range(30)])
    lists = best_of_source(DenseScores(np.ones((1, 60), dtype=np.float32)), np.ones((1, 60), dtype=bool), wanted)
    assert lists.items.shape == (1, 10)
    assert not pessimistic_hits(lists, wanted)[:, :10].any()


def placements(*rows: tuple[int, int, int, int, int]) -> InteractionLog:
    """User, item, event, microseconds after all that is known, position; all of one request_id, drawn by a coin."""
    times = [AFTER + row[3] for row in rows]
    log = make_log([(*row[:3], time, 0) for row, time in zip(rows, times, strict=True)], n_items=30)
    positions, fair = np.array([row[4] for row in rows], dtype=np.int16), np.full(len(rows), 0.5, dtype=np.float32)
    return replace(log, positions=positions, propensities=fair)


def logged(bundle: Bundle, window: InteractionLog) -> LoggedPlacements:
    found = logged_placements(PastPipeline(past_of(bundle, bundle), bundle.features, bundle.rankers), window, 100, 0)
    assert found is not None
    return found


def test_two_users_with_one_request_id_have_lists_of_their_own(plain: Bundle) -> None:
    shown = [(user, item, IMPRESSION, 0, position) for user in (0, 1) for position, item in enumerate((3, 4))]
    found = logged(plain, placements(*shown, (0, 3, CLICK, 1, -1), (1, 4, CLICK, 1, -1)))
    assert found.rewards.tolist() == [1, 0, 0, 1]
    assert found.requests.tolist() == [0, 0, 1, 1]


def test_a_stray_position_makes_no_other_list_longer(plain: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def ranked(*arguments: Any) -> RankedBlock:
        asked.extend(arguments[-1])
        return rank_block(*arguments)

    monkeypatch.setattr("recsys.pipeline.past.scoring.rank_block", ranked)
    shown = [
        (0, 3, IMPRESSION, 0, 0),
        (0, 4, IMPRESSION, 0, 1),
        (1, 3, IMPRESSION, 0, 0),
        (1, 5, IMPRESSION, 0, 32_000),
    ]
    found = logged(plain, placements(*shown))
    assert asked == [2, plain.config.candidates.n]
    assert (found.target[3], found.expected[3], found.n_behind) == (0, 0, 1)
    assert off_policy(found).n_behind == 1


def test_later_pages_are_left_out_where_lists_explore(plain: Bundle) -> None:
    """Their probabilities hold for what the first page has drawn."""
    first = [(0, 3, IMPRESSION, 0, 0), (0, 4, IMPRESSION, 0, 1)]
    later = [(1, 5, IMPRESSION, 0, 2), (1, 6, IMPRESSION, 0, 3)]
    found = logged(plain, placements(*first, *later))
    assert (len(found.rewards), found.n_later, off_policy(found).n_later) == (2, 2, 2)
    alone = logged(plain, placements(*later))  # a log whose positions begin elsewhere
    assert (len(alone.rewards), alone.n_later) == (2, 0)
    certain = placements(*first, *later)
    known = logged(plain, replace(certain, propensities=np.ones(len(certain), dtype=np.float32)))
    assert (len(known.rewards), known.n_later) == (4, 0)
