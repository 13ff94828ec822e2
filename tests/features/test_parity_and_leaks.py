"""Live gives what columnar gives, and neither knows what comes at or after the request."""

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from feature_world import DAY, MOMENTS, N_ITEMS, N_USERS, ROWS, SOURCES, START, Row, make_facts, make_log, pairs_of
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from features.declarations import FEATURES, Feature
from features.feature_set import FeatureSet
from features.kinds.base import IMPRESSIONS, UNEQUAL_WEIGHTS
from features.kinds.matches import UserItemSinceEvent
from features.segment_files import load_segment, save_segment
from features.state import EventState, compacted
from recsys.config import FeatureGroup

OWN = tuple(
    Feature(f"user_item_{event}_days", "behaviour", UserItemSinceEvent(event), event) for event in ("click", "rating")
)
ALL = FeatureSet((*FEATURES, *OWN))
LIMIT = 4
"""Fewer than some users have, so that the cut of histories matters too."""

logs = st.lists(ROWS, max_size=40)
USERS = range(-1, N_USERS)


def table(state: EventState, times: list[int], users: Sequence[int] = USERS) -> NDArray[np.float32]:
    """Every declared feature of every user and item at every time."""
    asked = [(user, now) for now in times for user in users]
    pairs = pairs_of(state, [user for user, _ in asked], [now for _, now in asked], limit=LIMIT)
    return ALL.compute(pairs)


def test_all_declared_features_are_there() -> None:
    facts = make_facts()
    assert FeatureSet.choose(
        get_args(FeatureGroup), {*SOURCES, *facts.vectors, *facts.links, UNEQUAL_WEIGHTS, IMPRESSIONS}
    ) == FeatureSet(FEATURES)


@settings(max_examples=40)
@given(logs, st.lists(st.tuples(st.integers(0, 8), MOMENTS), max_size=8))
def test_live_is_columnar(log: list[Row], steps: list[tuple[int, int]]) -> None:
    """Some events come, one moment is asked about, more events come, ...: each time the answers are those for a block
    of several moments, from all events in one go. The order of arrival is not that of time: late events are normal, and
    so are requests about an earlier moment than the one before."""
    live, n_known = EventState(make_log(log[: len(log) // 4])), len(log) // 4
    for size, now in steps:
        live.append(make_log(log[n_known : n_known + size]))
        n_known = min(n_known + size, len(log))
        expected = table(EventState(make_log(log[:n_known])), [now, now + 1])[: len(USERS) * N_ITEMS]
        np.testing.assert_allclose(table(live, [now]), expected, rtol=1e-6, atol=1e-6, equal_nan=True)


def test_what_has_faded_away_is_there_again_at_an_earlier_moment() -> None:
    log = make_log([(0, 0, 0, START), (1, 1, 0, START + DAY)])
    live, soon = EventState(log), START + 2 * DAY
    table(live, [soon + 10_000 * DAY])
    expected = table(EventState(log), [soon, soon + 1])[: len(USERS) * N_ITEMS]
    np.testing.assert_allclose(table(live, [soon]), expected, rtol=1e-6, atol=1e-6, equal_nan=True)


@settings(max_examples=15)
@given(logs, st.lists(st.tuples(st.integers(1, 20), MOMENTS), max_size=5))
def test_mapped_segments_answer_alike(
    tmp_path_factory: pytest.TempPathFactory, log: list[Row], steps: list[tuple[int, int]]
) -> None:
    """Written, mapped and gone on from, again and again."""
    folder = tmp_path_factory.mktemp("segments")
    live, n_known = EventState(make_log([])), 0
    for step, (size, now) in enumerate(steps):
        live.append(make_log(log[n_known : n_known + size]))
        n_known = min(n_known + size, len(log))
        segments = []
        for place, group in enumerate(compacted(live.segments)):
            if group[0].name and len(group) == 1:
                segments += group
            else:
                name = str(folder / f"{step}-{place}")
                Path(name).mkdir()
                save_segment(Path(name), group, ALL.measures)
                newest = group[-1].log
                known = newest.user_vocabulary, newest.event_names, newest.n_items
                segments.append(load_segment(Path(name), name, *known))
        live = EventState(*segments)
        assert (len(live), live.in_memory) == (n_known, 0)
        expected = table(EventState(make_log(log[:n_known])), [now])
        np.testing.assert_allclose(table(live, [now]), expected, rtol=1e-6, atol=1e-6, equal_nan=True)
        for segment in segments:
            for events in (segment.item_acts, segment.item_impressions):
                assert isinstance(events.columns(()).running_sums.base, np.memmap), "no sum was made anew"


@settings(max_examples=40)
@given(logs, st.lists(st.tuples(st.integers(0, 8), MOMENTS, st.integers(0, N_USERS - 1)), max_size=6))
def test_live_is_columnar_when_users_are_forgotten(log: list[Row], steps: list[tuple[int, int, int]]) -> None:
    """What a forgotten user did counts for items, and is nobody's history: who comes back has another number."""
    live, known, numbers = EventState(make_log([])), [], list(range(N_USERS))
    for size, now, forgotten in steps:
        new = [(numbers[user], *rest) for user, *rest in log[len(known) : len(known) + size]]
        live.append(make_log(new))
        known += new
        numbers[forgotten] = max(numbers) + 1
        found = table(live, [now], numbers)
        expected = table(EventState(make_log(known)), [now, now + 1], numbers)[: len(found)]
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6, equal_nan=True)
        np.testing.assert_array_equal(table(live, [now], [numbers[forgotten]]), table(live, [now], [-1]))


@settings(max_examples=40)
@given(logs, logs, MOMENTS)
def test_the_future_changes_nothing(log: list[Row], other: list[Row], now: int) -> None:
    past = [row for row in log if row[3] < now]
    future = [row for row in log if row[3] >= now]
    another = [(user, item, event, now + time - START) for user, item, event, time in other]  # from `now` on
    expected = table(EventState(make_log(past)), [now])
    for events in (future, another):
        np.testing.assert_array_equal(table(EventState(make_log(past + events)), [now]), expected)
        live = EventState(make_log(past))
        live.append(make_log(events))
        np.testing.assert_array_equal(table(live, [now]), expected)


def test_a_block_is_its_requests_one_by_one() -> None:
    rng = np.random.default_rng(3)
    log = [
        (
            int(rng.integers(N_USERS)),
            int(rng.integers(N_ITEMS)),
            int(rng.integers(4)),
            START + int(rng.integers(9)) * DAY,
        )
        for _ in range(60)
    ]
    state = EventState(make_log(log))
    score_free = FeatureSet(tuple(f for f in FEATURES if not hasattr(f.kind, "source") and f.name != "agreement"))
    asked = [(user, START + day * DAY) for day in (0, 3, 9) for user in USERS]
    together = score_free.compute(pairs_of(state, [u for u, _ in asked], [now for _, now in asked]))
    alone = [score_free.compute(pairs_of(state, [user], [now])) for user, now in asked]
    np.testing.assert_allclose(together, np.concatenate(alone), rtol=1e-6, equal_nan=True)
