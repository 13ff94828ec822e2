"""Live gives what columnar gives, and neither knows what comes at or after the request."""

import numpy as np
from feature_world import DAY, N_ITEMS, N_USERS, SOURCES, START, Row, make_facts, make_log, pairs_of
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from features.declarations import FEATURES
from features.feature_set import FeatureSet
from features.state import EventState

ALL = FeatureSet(FEATURES)
LIMIT = 4
"""Fewer than some users have, so that the cut of histories matters too."""

moments = st.integers(0, 8).map(lambda place: START + place * DAY // 2)
rows = st.tuples(st.integers(0, N_USERS - 1), st.integers(0, N_ITEMS - 1), st.integers(0, 3), moments)
logs = st.lists(rows, max_size=40)
USERS = range(-1, N_USERS)


def table(state: EventState, times: list[int]) -> NDArray[np.float32]:
    """Every declared feature of every user and item at every time."""
    asked = [(user, now) for now in times for user in USERS]
    pairs = pairs_of(state, [user for user, _ in asked], [now for _, now in asked], limit=LIMIT)
    return ALL.compute(pairs)


def test_all_declared_features_are_there() -> None:
    facts = make_facts()
    assert (
        FeatureSet.choose(("text", "collaborative", "behaviour", "context"), {*SOURCES, *facts.vectors, *facts.links})
        == ALL
    )


@settings(max_examples=40, deadline=None)
@given(logs, st.lists(st.integers(1, 8), max_size=12), st.lists(moments, min_size=1, max_size=3))
def test_live_is_columnar(log: list[Row], sizes: list[int], times: list[int]) -> None:
    """`log` is in order of arrival, which is not that of time: late events are normal."""
    live, rest = EventState(make_log(log[: len(log) // 4])), log[len(log) // 4 :]
    for size in [*sizes, len(log)]:
        live.append(make_log(rest[:size]))
        rest = rest[size:]
    columnar = EventState(make_log(log))
    np.testing.assert_allclose(table(live, times), table(columnar, times), rtol=1e-6, atol=1e-6, equal_nan=True)


@settings(max_examples=40, deadline=None)
@given(logs, logs, moments)
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
