"""What was brought back counts nothing, from when that is known."""

import numpy as np
from logs_by_hand import log_of

from recsys.data.log.interactions import InteractionLog
from recsys.data.log.taken_back import without_taken_back

BUY, RETURN, VIEW = range(3)


def log(*rows: tuple[int, int, int]) -> InteractionLog:
    """User, item and event, in the order of time; views are worth 1, purchases 4."""
    users, items, events = np.array(rows, dtype=np.int32).reshape(-1, 3).T
    weights = np.array([4.0, 0.0, 1.0])[events]
    columns = {"users": users, "items": items, "events": events, "times": np.arange(len(rows)), "weights": weights}
    return log_of(columns, users=["u", "v"], names=["purchase", "return", "view"], n_items=3)


def worth(events: InteractionLog, *names: str) -> list[float]:
    return without_taken_back(events, names).weights.tolist()


def test_an_act_that_its_user_took_back_is_worth_nothing() -> None:
    events = log((0, 1, VIEW), (0, 1, BUY), (1, 1, BUY), (0, 2, BUY), (0, 1, RETURN))
    assert worth(events, "return", "refund") == [0, 0, 4, 4, 0]


def test_what_is_bought_anew_stands_until_that_is_taken_back_too() -> None:
    events = log((0, 1, BUY), (0, 1, RETURN), (0, 1, BUY))
    assert worth(events, "return") == [0, 0, 4]
    assert worth(log((0, 1, BUY), (0, 1, RETURN), (0, 1, BUY), (0, 1, RETURN)), "return") == [0] * 4


def test_before_it_was_taken_back_it_counts() -> None:
    events = log((0, 1, BUY), (0, 1, RETURN))
    assert worth(events.before(1), "return") == [4]


def test_other_events_take_nothing_back() -> None:
    events = log((0, 1, BUY), (0, 1, RETURN))
    assert without_taken_back(events, ["cancel"]) is events
    assert without_taken_back(events, []) is events
    assert without_taken_back(log(), ["return"]).weights.tolist() == []
