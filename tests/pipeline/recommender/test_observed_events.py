"""Events and moments since the training: what lists know of them."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
from pipeline_world import AFTER, DAY, click, clicks_of_tastes
from promised_lists import USER, check, same

from recsys.data.log.merging import merge_segments
from recsys.data.requests.request import Request
from recsys.pipeline.recommender.bundle import Bundle
from recsys.pipeline.recommender.item_list import ItemList
from recsys.pipeline.recommender.recommend import Recommender
from recsys.pipeline.recommender.user_lookup import history_of


def test_an_observed_event_changes_the_next_list(recommender: Recommender) -> None:
    before = recommender.recommend(Request("newcomer"))
    asked = [Request("newcomer"), Request(history=("no item",)), Request(history=("books-0-small",)), Request(USER)]
    asked += [replace(asked[-1], time=AFTER - 10_000 * DAY)]
    assert recommender.are_cold(asked).tolist() == [True, True, False, False, True]
    assert history_of(recommender, "newcomer") == []
    events = [click("newcomer", f"books-{kind}-small", AFTER + kind) for kind in range(3)]
    assert recommender.observe(events) == 0
    after = recommender.recommend(Request("newcomer", n=5))
    assert not recommender.are_cold([Request("newcomer")]).any()
    assert before.ids != after.ids
    assert sum(item.startswith("books") for item in after.ids) >= 3
    assert [item for item, _, _ in history_of(recommender, "newcomer")] == [event.item_id for event in events]


def test_events_of_unknown_items_are_counted_and_change_nothing(recommender: Recommender) -> None:
    before = recommender.recommend(Request(USER, time=AFTER + DAY))
    assert recommender.observe([]) == 0
    assert recommender.observe([click(USER, "no such item", AFTER), click("x", "nor this", AFTER)]) == 2
    same(recommender.recommend(Request(USER, time=AFTER + DAY)), before)
    assert recommender.observe([click("x", "nor this", AFTER), click("x", "books-0-small", AFTER)]) == 1


def test_an_event_of_a_new_name_is_known_by_it(recommender: Recommender) -> None:
    recommender.observe([click("newcomer", "books-0-small", AFTER, event="gift")])
    assert history_of(recommender, "newcomer") == [("books-0-small", "gift", AFTER)]
    assert all(one.reasons for one in recommender.recommend(Request("newcomer"), explain=True).explain())


def test_late_events_find_their_place(recommender: Recommender) -> None:
    recommender.observe([click("x", "books-0-small", AFTER + 5)])
    recommender.observe([click("x", "books-1-small", AFTER - 90 * DAY), click("x", "books-2-small", AFTER)])
    assert [item for item, _, _ in history_of(recommender, "x")] == ["books-1-small", "books-2-small", "books-0-small"]
    assert [item for item, _, _ in history_of(recommender, "x", 2)] == ["books-2-small", "books-0-small"]


def test_live_events_are_as_good_as_learned_ones(bundle: Bundle) -> None:
    """In one call, one by one, or in the log from the start: the same lists."""
    events = clicks_of_tastes(bundle.catalogue.vocabulary.ids(range(30)), 40)
    at_once, one_by_one, backwards = Recommender(bundle), Recommender(bundle), Recommender(bundle)
    at_once.observe(events)
    for event in events:
        one_by_one.observe([event])
    for event in reversed(events):
        backwards.observe([event])
    from_the_start = Recommender(
        replace(bundle, log=merge_segments([part.log for part in at_once.scoring.state.segments]))
    )
    requests = [Request(f"late user {user}", time=AFTER + 3 * DAY) for user in range(12)]
    requests += [Request(USER, time=AFTER + DAY // 2)]
    expected = at_once.recommend_many(requests)
    for other in (one_by_one, backwards, from_the_start):
        for one, found in zip(other.recommend_many(requests), expected, strict=True):
            same(one, found)


def test_time_of_which_nothing_is_known_is_not_time_without_events(recommender: Recommender) -> None:
    newest, later = recommender.scoring.state.latest, AFTER + 30 * DAY
    requests = [Request("x", time=later), Request("x"), Request("x", time=newest), Request("x", time=0)]
    block = recommender.block(requests)
    before = int(recommender.bundle.log.times[recommender.bundle.log.times < newest][-1])
    assert block.known_until.tolist() == [newest + 1, newest + 1, before + 1, 0]
    assert block.histories.now.tolist() == [later, newest + 1, newest, 0]
    recommender.observe([click("y", "books-0-small", AFTER + DAY)])
    block = recommender.block([Request("x", time=AFTER), Request("x", time=later)])
    assert block.known_until.tolist() == [newest + 1, AFTER + DAY + 1]


def test_items_are_as_they_were_doing_when_it_was_last_known(recommender: Recommender) -> None:
    """A list for next month knows no less of what is wanted than one for tomorrow."""
    soon, late = (recommender.recommend(Request("nobody", time=AFTER + days * DAY)) for days in (1, 30))
    assert soon.ids == late.ids


def test_the_time_of_a_request_ends_what_is_known(recommender: Recommender) -> None:
    before = recommender.recommend(Request("x", time=AFTER))
    recommender.observe([click("x", "books-0-small", AFTER), click("y", "books-0-small", AFTER + 1)])
    same(recommender.recommend(Request("x", time=AFTER)), before)
    later = recommender.recommend(Request("x", time=AFTER + 2))
    assert not np.array_equal(later.scores, before.scores)


def test_lists_stay_whole_while_events_are_observed(recommender: Recommender) -> None:
    items = recommender.catalogue.vocabulary.ids(range(30))
    events = clicks_of_tastes(items, 60)

    def observe() -> None:
        for place, event in enumerate(events):
            recommender.observe([event, click("busy", items[place % 30], event.timestamp, event=f"kind {place}")])

    def recommend() -> list[ItemList]:
        return [recommender.recommend(Request("busy", n=3), explain=True) for _ in range(25)]

    with ThreadPoolExecutor(3) as pool:
        writing, *reading = pool.submit(observe), pool.submit(recommend), pool.submit(recommend)
        for done in reading:
            for found in done.result():
                check(found, 3)
        writing.result()
    assert len(history_of(recommender, "busy", 100)) == 60
    assert sum(map(len, recommender.scoring.state.segments)) == len(recommender.bundle.log) + 120
