"""Whether people want again what they know."""

import numpy as np
import polars as pl
import pytest

from recsys.config import parse_config
from recsys.data.events.event import Event
from recsys.data.loading import append_events, dataset_from_frames
from recsys.data.log.interactions import InteractionLog
from recsys.data.log.repeats import chosen_again, often_come_back, repeat_share

ITEMS = pl.DataFrame({"item_id": ["i1", "i2", "i3"], "title": ["Lamp", "Chair", "Table"]})
EVENTS = pl.DataFrame(
    {
        "user_id": ["u1", "u2"],
        "item_id": ["i1", "i1"],
        "event": ["click", "impression"],
        "timestamp": ["2024-01-01", "2024-01-03"],
    }
)


@pytest.mark.parametrize(
    ("event", "minutes", "share"),
    [("click", 90, 1 / 3), ("click", 5, 0.0), ("purchase", 90, 4 / 6), ("purchase", 5, 0.0)],
    ids=str,
)
def test_what_is_wanted_again_is_known_from_another_visit(event: str, minutes: int, share: float) -> None:
    dataset = dataset_from_frames(ITEMS, EVENTS)
    begun, minute = int(dataset.log.times[-1]), 60_000_000
    events = [
        Event("e1", "u", "i1", "click", begun),
        Event("e2", "u", "i1", event, begun + minutes * minute),
        Event("e3", "w", "i1", "click", begun + minutes * minute),
    ]
    later = append_events(dataset, events).log.after(begun - 1)
    assert repeat_share(later.select(~later.is_impression)) == pytest.approx(share)


def test_what_was_only_looked_at_is_known_too() -> None:
    """Left out of lists where seen items are: then no list could hold what is bought the day after."""
    looks = pl.DataFrame({"user_id": "u", "item_id": "i1", "event": "view", "timestamp": "2024-01-01"})
    buys = looks.with_columns(event=pl.lit("purchase"), timestamp=pl.lit("2024-01-02"))
    config = parse_config({"events": {"weights": {"view": 0.0, "purchase": 1.0}}})
    assert repeat_share(dataset_from_frames(ITEMS, pl.concat([looks, buys]), config).log) == 1.0
    assert repeat_share(dataset_from_frames(ITEMS, looks, config).log) == 0.0, "nothing was wanted"


def test_plays_on_repeat_are_one_visit() -> None:
    minutes = [60 * (24 * day) + 4 * play for day in (0, 1) for play in range(6)]
    plays = pl.DataFrame(
        {
            "user_id": "u",
            "item_id": "i1",
            "event": "click",
            "timestamp": [1_700_000_000 + 60 * minute for minute in minutes],
        }
    )
    assert repeat_share(dataset_from_frames(ITEMS, plays).log) == 0.5


def test_one_user_does_not_make_coming_back_a_habit() -> None:
    """A program that reads the same item 20,000 times, beside people who never come back."""
    dataset = dataset_from_frames(ITEMS, EVENTS)
    begun, hour = int(dataset.log.times[-1]), 3_600_000_000
    people = [Event(f"p{user}", f"u{user}", "i1", "click", begun) for user in range(400)]
    program = [Event(f"e{n}", "program", "i1", "click", begun + n * hour) for n in range(20_000)]
    log = append_events(dataset, [*people, *program]).log
    later = log.select(log.users >= log.user_vocabulary.number("u0"))
    assert repeat_share(later) == pytest.approx(20 / 420, rel=0.01)


def test_who_chooses_much_is_not_compared_with_who_chooses_little() -> None:
    """Everybody chooses a known song half as often as another one, and most of what is known are busy people's."""
    rng = np.random.default_rng(0)
    songs = pl.DataFrame({"item_id": [f"i{number}" for number in range(50)], "title": "a song"})
    rows, known = [], set()
    for moment in range(4_000):
        user = rng.integers(40)
        for item in rng.choice(50, 3, replace=False).tolist():
            when, pair = 1_700_000_000 + 600 * moment, (user, item)
            rows.append((f"u{user}", f"i{item}", "impression", when))
            if rng.random() < (0.4 if user % 2 else 0.02) * (0.5 if pair in known else 1):
                rows.append((f"u{user}", f"i{item}", "click", when + 60))
                known.add(pair)
    log = dataset_from_frames(songs, pl.DataFrame(rows, ["user_id", "item_id", "event", "timestamp"], orient="row")).log
    assert not chosen_again(log)


@pytest.mark.parametrize(
    ("of_known", "of_others", "moments", "again"),
    [
        (0.5, 0.2, 4_000, True),
        (0.05, 0.2, 4_000, False),
        (0.0, 0.2, 4_000, False),
        (0.5, 0.6, 4_000, False),
        (0.6, 0.1, 1_000, True),
        (0.6, 0.1, 200, False),
    ],
)
def test_what_is_chosen_again_when_it_is_shown(
    of_known: float, of_others: float, moments: int, again: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    """Lists drawn by chance show few known items: little of what is wanted is known, however much these are liked."""
    rng = np.random.default_rng(0)
    songs = pl.DataFrame({"item_id": [f"i{number}" for number in range(400)], "title": "a song"})
    rows, known = [], set()
    for moment in range(moments):
        user = rng.integers(40)
        for item in rng.choice(400, 3, replace=False).tolist():
            when, pair = 1_700_000_000 + 600 * moment, (user, item)
            rows.append((f"u{user}", f"i{item}", "impression", when))
            if rng.random() < (of_known if pair in known else of_others):
                rows.append((f"u{user}", f"i{item}", "click", when + 60))
                known.add(pair)
    events = pl.DataFrame(rows, ["user_id", "item_id", "event", "timestamp"], orient="row")
    log = dataset_from_frames(songs, events).log
    assert chosen_again(log) == again
    assert not chosen_again(log.select(~log.is_impression))
    assert not chosen_again(log.before(0))
    assert not capfd.readouterr().err, "polars warns on standard error alone"


def test_one_item_does_not_make_coming_back_a_habit() -> None:
    """A gift in every basket, beside goods that nobody buys twice."""
    begun, week = 1_700_000_000, 7 * 86_400
    goods = pl.DataFrame({"item_id": [f"i{n}" for n in range(41)], "title": "a thing"})
    rows = [
        (f"u{user}", f"i{item}", "purchase", begun + week * basket)
        for user in range(100)
        for basket in range(1, 9)
        for item in (0, 1 + (user + 5 * basket) % 40)
    ]
    log = dataset_from_frames(goods, pl.DataFrame(rows, ["user_id", "item_id", "event", "timestamp"], orient="row")).log
    assert np.mean(log.items == 0) == 0.5
    assert repeat_share(log) < 0.05
    assert repeat_share(log.select(log.items > 0)) == 0


def test_a_few_items_that_all_come_back_for_make_a_habit() -> None:
    """Every second choice is one of five items of a large catalogue, the others are chosen once."""
    begun, day = 1_700_000_000, 86_400
    goods = pl.DataFrame({"item_id": [f"i{n}" for n in range(2_005)], "title": "a thing"})
    rows = [
        (f"u{user}", f"i{item}", "purchase", begun + day * visit)
        for user in range(100)
        for visit in range(40)
        for item in ((user + visit // 2) % 5 if visit % 2 else 5 + 20 * user + visit // 2,)
    ]
    log = dataset_from_frames(goods, pl.DataFrame(rows, ["user_id", "item_id", "event", "timestamp"], orient="row")).log
    assert repeat_share(log) == pytest.approx((20 - 5) / 40)


GOODS = pl.DataFrame({"item_id": [f"i{number}" for number in range(2_000)], "title": "a thing"})
BEGUN, HOUR = 1_700_000_000, 3_600


def bought(*acts: tuple[str, int, int]) -> InteractionLog:
    """Purchases by their user, item and hour."""
    rows = [(user, f"i{item}", "purchase", BEGUN + HOUR * hour) for user, item, hour in acts]
    return dataset_from_frames(
        GOODS, pl.DataFrame(rows, ["user_id", "item_id", "event", "timestamp"], orient="row")
    ).log


def new_goods(n_users: int) -> list[tuple[str, int, int]]:
    """In each of twenty weeks, each user buys what is new to all."""
    return [(f"u{user}", 20 * user + week, 168 * week) for user in range(n_users) for week in range(20)]


@pytest.mark.parametrize(("later", "often"), [(168, True), (5, False)])
def test_a_few_purchases_made_again_are_often_unless_within_the_day(later: int, often: bool) -> None:
    """A part that wears out; a page that is loaded again."""
    again = [(f"u{user}", 20 * user + 19, 168 * 19 + later) for user in range(0, 100, 4)]
    log = bought(*new_goods(100), *again)
    assert repeat_share(log) == pytest.approx(25 / 2_025)
    assert often_come_back(log) == often
    assert not often_come_back(bought(*new_goods(100)))
    assert not often_come_back(log.before(0))


def test_what_users_came_back_for_long_ago_is_not_often() -> None:
    again = [(f"u{user}", 20 * user, 168) for user in range(0, 100, 4)]
    assert not often_come_back(bought(*new_goods(100), *again))


def test_one_program_that_comes_back_every_day_is_not_often() -> None:
    program = [("program", 7, 24 * day) for day in range(140)]
    log = bought(*new_goods(10), *program)
    assert np.mean(log.users == log.user_vocabulary.number("program")) > 0.4
    assert not often_come_back(log)
