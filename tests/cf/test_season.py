"""Popularity at this time of the year."""

from datetime import UTC, datetime

import numpy as np
from logs_by_hand import log_of
from scorer_contract import CONFIG, ScorerContract, dense, make_histories

from recsys.cf.model import CollaborativeModel
from recsys.cf.season import Season
from recsys.data.log.history import HistoryBatch
from recsys.data.log.interactions import InteractionLog
from recsys.moments import DAY

NO_KINDS = np.full(3, -1, dtype=np.int32)
BREAD, GIFT, PARASOL = range(3)


def moment(year: int, month: int, day: int) -> int:
    return round(datetime(year, month, day, 12, tzinfo=UTC).timestamp() * 1e6)


def shop(n_days: int, seed: int = 0) -> InteractionLog:
    """Bread is bought every day, gifts in December, parasols in July."""
    rng, start = np.random.default_rng(seed), moment(2021, 3, 1)
    rows = []
    for day in range(n_days):
        now = start + day * DAY
        month = datetime.fromtimestamp(now / 1e6, UTC).month
        for item, n in ((BREAD, 2), (GIFT, 6 * (month == 12)), (PARASOL, 6 * (month == 7))):
            rows += [(now + int(rng.integers(DAY // 4)), item)] * n
    times, items = np.array(sorted(rows), dtype=np.int64).T
    columns = {"users": rng.integers(40, size=len(times)), "items": items, "times": times}
    return log_of(columns, users=[f"u{user}" for user in range(40)], names=["purchase"], n_items=3)


def asked_at(*moments: int) -> HistoryBatch:
    histories = make_histories(*([] for _ in moments))
    histories.now[:] = moments
    return histories


class TestSeason(ScorerContract):
    model = Season

    def fit(self, log: InteractionLog) -> CollaborativeModel:
        return Season.of(np.arange(log.n_items, dtype=np.int32) % 3 - 1, log, CONFIG)

    def test_what_is_for_this_time_of_the_year_comes_first(self):
        found = Season.of(NO_KINDS, shop(2 * 365), CONFIG)
        scores = dense(found, asked_at(moment(2023, 12, 10), moment(2023, 7, 15), moment(2023, 4, 10)), 3)
        assert scores.argmax(axis=1).tolist() == [GIFT, PARASOL, BREAD]
        assert scores[2, BREAD] > 10 * scores[2, GIFT]

    def test_what_is_said_of_a_category_holds_for_an_item_of_which_little_is_known(self):
        log, kinds = shop(2 * 365), np.array([0, 1, 1], dtype=np.int32)
        once = np.flatnonzero(log.items == PARASOL)[1:]
        log = log.select(~np.isin(np.arange(len(log)), once))
        scores = dense(Season.of(kinds, log, CONFIG), asked_at(moment(2023, 12, 10), moment(2023, 4, 10)), 3)
        assert scores[0, PARASOL] > 2 * scores[1, PARASOL]


def test_weeks_are_counted_from_the_first_of_january():
    days = [(2022, 1, 1), (2022, 1, 7), (2022, 1, 8), (2022, 12, 23), (2022, 12, 31), (2024, 12, 31)]
    moments = np.array([moment(*day) for day in days])
    assert Season.times_of(moments).tolist() == [0, 0, 1, 50, 51, 51]


def test_the_time_of_the_year_predicts_what_is_chosen_after_more_than_a_year():
    through_christmas = shop(365 + 300)
    assert Season.is_informative(NO_KINDS, through_christmas, CONFIG)
    assert not Season.is_informative(NO_KINDS, shop(300), CONFIG), "in a log of less than a year each week is new"
    shuffled = np.random.default_rng(1).permutation(through_christmas.items)
    assert not Season.is_informative(NO_KINDS, log_with_items(through_christmas, shuffled), CONFIG)
    assert not Season.is_informative(NO_KINDS, through_christmas.select(slice(0, 0)), CONFIG)


def log_with_items(log: InteractionLog, items: np.ndarray) -> InteractionLog:  # type: ignore[type-arg]
    columns = {"users": log.users, "items": items, "times": log.times}
    return log_of(columns, users=list(log.user_vocabulary), names=["purchase"], n_items=log.n_items)
