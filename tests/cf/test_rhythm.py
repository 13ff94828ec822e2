"""Popularity at this time of the day and on this day of the week."""

import numpy as np
import pytest
from logs_by_hand import log_of
from scorer_contract import CONFIG, ScorerContract, dense, make_histories

from recsys.cf.model import CollaborativeModel
from recsys.cf.popular import Popular
from recsys.cf.rhythm import Rhythm
from recsys.data.log.history import HistoryBatch
from recsys.data.log.interactions import NO_TIME, InteractionLog
from recsys.moments import DAY

HOUR = DAY // 24
MONDAY = 19_800 * DAY
NO_KINDS = np.full(4, -1, dtype=np.int32)
PORRIDGE, PIZZA, TOAST, WATER = range(4)


def meals(n_days: int = 28, seed: int = 0) -> InteractionLog:
    """Porridge is for 8 o'clock, and toast once; pizza is for 19 o'clock, above all on Saturday; water is for both."""
    rng = np.random.default_rng(seed)
    rows = [(MONDAY + 5 * DAY + 8 * HOUR, TOAST)]
    for day in range(n_days):
        start = MONDAY + day * DAY
        rows += [(start + 8 * HOUR + int(rng.integers(HOUR)), food) for food in [PORRIDGE] * 4 + [WATER] * 2]
        pizzas = [PIZZA] * (12 if day % 7 == 5 else 2)
        rows += [(start + 19 * HOUR + int(rng.integers(HOUR)), food) for food in pizzas + [WATER] * 2]
    times, items = np.array(sorted(rows), dtype=np.int64).T
    users = rng.integers(20, size=len(times))
    columns = {"users": users, "items": items, "times": times}
    return log_of(columns, users=[f"u{user}" for user in range(20)], names=["purchase"], n_items=4)


def at(*hours: float, day: int = 0) -> HistoryBatch:
    """Requests of users without a history, some hours after midnight."""
    histories = make_histories(*([] for _ in hours))
    histories.now[:] = [MONDAY + day * DAY + int(hour * HOUR) for hour in hours]
    return histories


def times_as_likely(model: Rhythm, log: InteractionLog, histories: HistoryBatch) -> np.ndarray:  # type: ignore[type-arg]
    """(n_requests, n_items) the score over the popularity."""
    return dense(model, histories, 4) / Popular.fit(log, CONFIG).popularity


class TestRhythm(ScorerContract):
    model = Rhythm

    def fit(self, log: InteractionLog) -> CollaborativeModel:
        return Rhythm.of(np.arange(log.n_items, dtype=np.int32) % 3 - 1, log, CONFIG)

    def test_what_is_for_this_hour_comes_first(self):
        log = meals()
        scores = dense(Rhythm.of(NO_KINDS, log, CONFIG), at(8.5, 19.0), 4)
        assert scores[0].argmax() == PORRIDGE
        assert scores[1].argmax() == PIZZA
        np.testing.assert_allclose(scores.sum(axis=1), Popular.fit(log, CONFIG).popularity.sum(), rtol=1e-5)

    def test_the_hours_beside_are_as_this_one_and_hours_without_events_say_nothing(self):
        log = meals()
        likely = times_as_likely(Rhythm.of(NO_KINDS, log, CONFIG), log, at(8, 7, 9.9, 3))
        assert (likely[:3, PORRIDGE] > 1.3).all()
        assert (likely[:3, PIZZA] < 0.5).all()
        assert likely[3, PIZZA] / likely[3, WATER] > likely[0, PIZZA] / likely[0, WATER]

    def test_a_day_of_the_week_counts_as_well(self):
        log = meals()
        model = Rhythm.of(NO_KINDS, log, CONFIG)
        monday, saturday = (times_as_likely(model, log, at(19, day=day))[0] for day in (0, 5))
        assert saturday[PIZZA] > monday[PIZZA]
        assert saturday[WATER] < monday[WATER]

    def test_a_list_for_any_time_goes_by_popularity(self):
        log = meals()
        moments, now = np.array([NO_TIME, MONDAY]), np.array([MONDAY, MONDAY])
        at_any_time = Rhythm.of(NO_KINDS, log, CONFIG).scores_at(moments, now)
        found = at_any_time.of(np.zeros(4, dtype=np.int64), np.arange(4, dtype=np.int32))
        np.testing.assert_allclose(found, Popular.fit(log, CONFIG).popularity)

    def test_what_is_hardly_known_is_taken_as_its_category_is(self):
        log, breakfast = meals(), np.array([0, 1, 0, -1], dtype=np.int32)
        alone, among = (times_as_likely(Rhythm.of(kinds, log, CONFIG), log, at(19)) for kinds in (NO_KINDS, breakfast))
        assert among[0, TOAST] < 0.5 * alone[0, TOAST]

    def test_in_a_large_catalogue_only_the_best_of_an_hour_have_a_score(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("recsys.cf.periodic._MOST_OF_A_TIME_INDEXED", 1)
        scores = dense(Rhythm.of(NO_KINDS, meals(), CONFIG).indexed(), at(8, 19), 4)
        assert [np.flatnonzero(own).tolist() for own in scores] == [[PORRIDGE], [PIZZA]]


def test_hours_of_the_week_count_from_monday_midnight() -> None:
    moments = np.array([0, MONDAY, MONDAY - 1, MONDAY + 7 * DAY, MONDAY + DAY + HOUR - 1])
    assert Rhythm.times_of(moments).tolist() == [3 * 24, 0, 167, 0, 24]  # 1970 began on a Thursday


def moved(log: InteractionLog, times: np.ndarray) -> InteractionLog:  # type: ignore[type-arg]
    columns = {"users": log.users, "items": log.items, "times": np.sort(times)}
    return log_of(columns, users=[f"u{user}" for user in range(20)], names=["purchase"], n_items=4)


def test_whether_the_time_of_the_week_predicts_what_is_chosen() -> None:
    log, rng = meals(), np.random.default_rng(1)
    assert Rhythm.is_informative(NO_KINDS, log, CONFIG)
    shuffled = log_of(
        {"users": log.users, "items": rng.permutation(log.items), "times": log.times},
        users=[f"u{user}" for user in range(20)],
        names=["purchase"],
        n_items=4,
    )
    assert not Rhythm.is_informative(NO_KINDS, shuffled, CONFIG)
    assert not Rhythm.is_informative(NO_KINDS, moved(log, np.full(len(log), MONDAY)), CONFIG), "one time for everything"
    assert not Rhythm.is_informative(NO_KINDS, log.select(slice(0, 8)), CONFIG), "too little to tell"
    assert not Rhythm.is_informative(NO_KINDS, log.select(slice(0, 0)), CONFIG)


def test_what_one_user_does_is_one_opinion() -> None:
    log = meals()
    one = log_of(
        {"users": np.zeros(len(log)), "items": log.items, "times": log.times}, users=["u0"], names=["a"], n_items=4
    )
    assert not Rhythm.is_informative(NO_KINDS, one, CONFIG)
