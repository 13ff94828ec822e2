"""Timeline and EventState against a reference that looks at every event."""

from typing import get_args

import numpy as np
import pytest
from feature_world import (
    CLICK,
    DAY,
    IMPRESSION,
    MOMENTS,
    N_ITEMS,
    N_USERS,
    PURCHASE,
    RATING,
    ROWS,
    START,
    Row,
    make_log,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from features.measures import Measure
from features.questions import Question, Questions
from features.state import Counted, EventState
from recsys.data.log.merging import merge_segments

logs = st.lists(ROWS, max_size=25)
windows = st.sampled_from([None, DAY // 2, DAY, 3 * DAY])


def counts_as(row: Row, counted: Counted) -> bool:
    event = row[2]
    return {
        "item_acts": event != IMPRESSION,
        "item_positives": event in (CLICK, PURCHASE),
        "item_impressions": event == IMPRESSION,
    }[counted]


def states(log: list[Row], sizes: list[int]) -> list[EventState]:
    """The whole log at once, and the same rows in their own order, which is not that of time, in chunks."""
    live, rest = EventState(make_log([])), list(log)
    for size in [*sizes, len(log)]:
        live.append(make_log(rest[:size]))
        rest = rest[size:]
    return [EventState(make_log(log)), live]


@pytest.mark.parametrize("counted", get_args(Counted))
@settings(max_examples=40)
@given(log=logs, sizes=st.lists(st.integers(0, 6), max_size=6), now=MOMENTS, window=windows)
def test_counts_first_and_last(
    counted: Counted, log: list[Row], sizes: list[int], now: int, window: int | None
) -> None:
    items = np.arange(N_ITEMS, dtype=np.int32)
    times = np.full(N_ITEMS, now)
    questions = Questions([Question(Measure(counted, "last")), Question(Measure(counted, "first"))])
    since = -np.inf if window is None else now - window
    before = [
        [t for row in log if row[1] == item and counts_as(row, counted) and (t := row[3]) < now] for item in items
    ]
    for state in states(log, sizes):
        found = state.counts(counted, items, times, window)
        assert found.tolist() == [sum(t >= since for t in own) for own in before]
        rows = np.zeros(N_ITEMS, dtype=np.int64)
        last, first = state.answers(questions, items, rows, np.array([now])).T
        np.testing.assert_array_equal(last, [now - max(own, default=np.nan) for own in before])
        np.testing.assert_array_equal(first, [now - min(own, default=np.nan) for own in before])


@settings(max_examples=60)
@given(log=logs, sizes=st.lists(st.integers(0, 6), max_size=6), asked=st.lists(MOMENTS, min_size=1, max_size=6))
def test_counts_of_many_pairs_in_the_order_of_time_are_those_of_any_order(
    log: list[Row], sizes: list[int], asked: list[int]
) -> None:
    """Found by going through the events; with one request before, or other questions, by a search for each pair."""
    counted = [Question(Measure(what), length) for what in get_args(Counted)[::2] for length in (None, DAY // 2, DAY)]
    counts, more = Questions(counted), Questions([*counted, Question(Measure("item_acts", "last"))])
    now = np.array(sorted(asked))
    items, rows = np.tile(np.arange(N_ITEMS, dtype=np.int32), len(now)), np.repeat(np.arange(len(now)), N_ITEMS)
    earlier = np.array([START, *now])  # and its pairs come last
    late_items, late_rows = np.concatenate([items, items[:1]]), np.concatenate([rows + 1, [0]])
    for state in states(log, sizes):
        found = state.answers(counts, items, rows, now)
        np.testing.assert_array_equal(found, state.answers(more, items, rows, now)[:, : len(counted)])
        np.testing.assert_array_equal(found, state.answers(counts, late_items, late_rows, earlier)[:-1])


@given(logs, st.lists(st.integers(0, 6), max_size=6), st.lists(MOMENTS, min_size=1, max_size=3), st.integers(1, 5))
def test_a_history_is_the_newest_acts_before_the_moment(
    log: list[Row], sizes: list[int], asked: list[int], limit: int
) -> None:
    requests = [(user, now) for now in asked for user in range(-1, N_USERS + 1)]
    users, times = np.array([u for u, _ in requests], dtype=np.int32), np.array([now for _, now in requests])
    in_order = sorted(log, key=lambda row: row[3])
    for state in states(log, sizes):
        batch = state.histories(users, times, limit)
        assert batch.now.tolist() == times.tolist()
        for place, (user, now) in enumerate(requests):
            own = [row for row in in_order if row[0] == user and row[3] < now and row[2] != IMPRESSION][-limit:]
            one = batch.block(place, place + 1)
            assert list(zip(one.items.tolist(), one.events.tolist(), one.times.tolist(), strict=True)) == [
                (item, event, time) for _, item, event, time in own
            ]


@given(logs, st.lists(st.integers(0, 6), max_size=6))
def test_events_that_come_in_parts_make_the_same_log(log: list[Row], sizes: list[int]) -> None:
    whole, live = states(log, sizes)
    assert live.latest == whole.latest == max((row[3] for row in log), default=0)
    ours, theirs = (merge_segments([part.log for part in state.segments]) for state in (live, whole))
    for column in ("users", "items", "events", "times", "weights"):
        np.testing.assert_array_equal(getattr(ours, column), getattr(theirs, column))


def test_an_act_of_weight_0_is_in_the_history_and_is_not_positive() -> None:
    state = EventState(make_log([(0, 1, RATING, START)]))
    item, now = np.array([1], dtype=np.int32), np.array([START + 1])
    assert state.counts("item_acts", item, now).tolist() == [1]
    assert state.counts("item_positives", item, now).tolist() == [0]
    assert state.histories(np.array([0], dtype=np.int32), now, 10).items.tolist() == [1]


def test_segments_stay_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("features.state._MERGE_RATIO", 2)
    state = EventState(make_log([]))
    for place in range(300):
        state.append(make_log([(0, 0, CLICK, START + place)]))
    assert len(state.segments) < 10
    assert sum(map(len, state.segments)) == 300


@settings(max_examples=40)
@given(log=logs, sizes=st.lists(st.integers(0, 6), max_size=6), now=st.lists(MOMENTS, max_size=4), n=st.integers(1, 12))
def test_the_newest_positives_are_those_before_each_moment(
    log: list[Row], sizes: list[int], now: list[int], n: int
) -> None:
    for state in states(log, sizes):
        found = state.newest_positives(np.array(now, dtype=np.int64), n, N_ITEMS)
        assert len(found.offsets) == len(now) + 1
        for row, moment in enumerate(now):
            before = sorted(row[3] for row in log if row[2] in (CLICK, PURCHASE) and row[3] < moment)
            own = slice(found.offsets[row], found.offsets[row + 1])
            items, values = found.items[own].tolist(), found.values[own]
            assert items == sorted(set(items))
            assert (values > 0).all()
            may = {item for _, item, event, time in log if event in (CLICK, PURCHASE) and time < moment}
            must = {
                item
                for _, item, event, time in log
                if event in (CLICK, PURCHASE) and time < moment and before.index(time) >= len(before) - n
            }  # none that happened at the same moment fell out
            assert must <= set(items) <= may
            assert len(items) <= n


def test_a_positive_event_counts_half_after_a_quarter_of_the_newest() -> None:
    clicks = [(0, item, CLICK, START + place) for place, item in enumerate([3, 1, 1, 2, 0])]
    views = [(0, 4, IMPRESSION, START + 10 + place) for place in range(9)]
    state, now = EventState(make_log([*clicks, *views])), np.array([START + 100])
    found = state.newest_positives(now, 4, N_ITEMS)
    assert found.items.tolist() == [0, 1, 2], "the oldest click is the fifth"
    weight = float(make_log(clicks).weights[0])
    np.testing.assert_allclose(found.values, weight * np.array([1, 0.25 + 0.125, 0.5]))
    fewer = state.newest_positives(now, 4, 2)
    assert fewer.items.tolist() == [0, 1], "a caller whose catalogue ends there"
    again = state.newest_positives(now, 4, N_ITEMS)
    np.testing.assert_array_equal(again.values, found.values)
    state.append(make_log([(0, 2, CLICK, START + 50)]))
    assert state.newest_positives(now, 4, N_ITEMS).values[-1] > found.values[-1], "what came since counts"


def test_worth_is_unequal_where_one_act_counts_more_than_another() -> None:
    clicks = [(0, 0, CLICK, START), (1, 1, CLICK, START + 1), (1, 2, IMPRESSION, START + 2)]
    assert not EventState().has_unequal_weights
    assert not EventState(make_log(clicks)).has_unequal_weights  # what was only shown is no act
    assert EventState(make_log([*clicks, (0, 1, PURCHASE, START + 3)])).has_unequal_weights
    assert EventState(make_log(clicks), make_log([(0, 1, RATING, START + 3)])).has_unequal_weights
