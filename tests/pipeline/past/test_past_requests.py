"""The requests of a window, as the log tells them."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
from pipeline_world import CLICK, IMPRESSION, PURCHASE, VIEW, make_log

from features.state import EventState
from recsys.data.log.visits import VISIT
from recsys.moments import DAY, SECOND
from recsys.pipeline.past.requests import MOST_UNANSWERED, PastRequests
from recsys.pipeline.past.strongest_event import StrongestEvent


def targets(requests: PastRequests) -> list[dict[int, float]]:
    """Item to weight, for each request."""
    bounds = requests.targets.offsets
    pairs = list(zip(requests.targets.items.tolist(), requests.targets.values.tolist(), strict=True))
    return [dict(pairs[start:stop]) for start, stop in pairwise(bounds)]


def shown(requests: PastRequests) -> list[set[int]]:
    return [set(part.tolist()) for part in np.split(requests.shown.items, requests.shown.offsets[1:-1])]


def test_events_with_one_request_id_are_one_request() -> None:
    rows = [
        (0, 0, IMPRESSION, 10, 7),
        (0, 1, IMPRESSION, 10, 7),
        (0, 1, CLICK, 12, 7),
        (0, 2, PURCHASE, 15, 7),  # found by other ways, in the same request
        (1, 1, CLICK, 11, 8),
        (2, 3, IMPRESSION, 11, 9),  # nothing followed: no request to learn from
    ]
    requests = PastRequests.of(make_log(rows), 0, 100)
    assert requests.users.tolist() == [0, 1]
    assert requests.times.tolist() == [10, 11], "what is known ends at the first event of the request"
    assert targets(requests) == [{1: 1, 2: 4}, {1: 1}]
    assert shown(requests) == [{0, 1}, set()]
    assert requests.has_impressions


def test_without_a_request_id_one_user_at_one_time_is_a_request() -> None:
    rows = [(0, 1, CLICK, 10, -1), (0, 2, PURCHASE, 10, -1), (0, 1, CLICK, DAY, -1), (1, 1, CLICK, 10, -1)]
    requests = PastRequests.of(make_log(rows), 0, 2 * DAY)
    assert list(zip(requests.users.tolist(), requests.times.tolist(), strict=True)) == [(0, 10), (1, 10), (0, DAY)]
    assert targets(requests) == [{1: 1, 2: 4}, {1: 1}, {1: 1}]
    assert not requests.has_impressions


def test_an_item_counts_once_with_its_strongest_event() -> None:
    rows = [(0, 1, CLICK, 10, -1), (0, 1, PURCHASE, 10, -1), (0, 1, CLICK, 10, -1), (0, 2, VIEW, 10, -1)]
    assert targets(PastRequests.of(make_log(rows), 0, 100)) == [{1: 4}]


def test_what_was_taken_back_was_not_wanted() -> None:
    rows = [(0, 1, PURCHASE, 10, -1), (0, 2, PURCHASE, 10, -1), (0, 3, PURCHASE, 20, -1)]
    rows += [(0, item, CLICK, 9 * DAY, -1) for item in (1, 3)]  # here, a click takes back
    assert targets(PastRequests.of(make_log(rows), 0, DAY, ["click"])) == [{2: 4}]


def test_what_follows_in_a_visit_is_one_act_with_its_beginning() -> None:
    view, minute = 3 * DAY, 60 * SECOND
    rows = [
        (0, 1, VIEW, view, -1),  # of weight 0
        (0, 2, CLICK, view + minute, -1),
        (0, 1, CLICK, view + 2 * minute, -1),
        (0, 1, PURCHASE, view + 30 * minute, -1),
        (0, 2, CLICK, view + 40 * minute, -1),
        (0, 1, CLICK, view + 30 * minute + VISIT, -1),  # an hour after the act before: another visit
    ]
    requests = PastRequests.of(make_log(rows), 0, 4 * DAY)
    assert requests.times.tolist() == [view, view + minute, view + 30 * minute + VISIT]
    assert targets(requests) == [{1: 4}, {2: 1}, {1: 1}]


def test_what_follows_counts_for_the_list_it_was_chosen_from() -> None:
    rows = [
        (0, 1, CLICK, 0, -1),
        (0, 1, IMPRESSION, 10 * SECOND, 7),
        (0, 1, CLICK, 20 * SECOND, 7),  # says which list it answers, though it is the same visit
        (0, 1, PURCHASE, 30 * SECOND, -1),
        (0, 1, IMPRESSION, 40 * SECOND, 8),
    ]
    requests = PastRequests.of(make_log(rows), 0, DAY)
    assert requests.times.tolist() == [0, 10 * SECOND]
    assert targets(requests) == [{1: 1}, {1: 4}]
    assert shown(requests) == [set(), {1}], "an impression is no act of a visit"


def test_a_window_holds_no_part_of_a_visit_that_began_before_or_goes_on_behind() -> None:
    rows = [(0, 1, CLICK, time * VISIT // 2, -1) for time in range(4)] + [(0, 1, PURCHASE, 2 * VISIT, -1)]
    log = make_log(rows)
    assert len(PastRequests.of(log, VISIT, 3 * VISIT)) == 0, "its beginning is not in the window"
    assert targets(PastRequests.of(log, 0, 2 * VISIT)) == [{1: 1}], "nobody knows yet what it comes to"
    assert targets(PastRequests.of(log, 0, 3 * VISIT)) == [{1: 4}]


def test_a_window_holds_its_start_and_not_its_end() -> None:
    log = make_log([(0, item, CLICK, item, -1) for item in range(6)])
    assert PastRequests.of(log, 2, 4).times.tolist() == [2, 3]


def test_a_window_without_interest_has_no_requests() -> None:
    requests = PastRequests.of(make_log([(0, 1, CLICK, 10, -1), (0, 2, VIEW, 20, -1)]), 15, 100)
    assert len(requests) == 0
    assert len(requests.sample(5, 0)) == 0
    assert requests.targets.offsets.tolist() == requests.shown.offsets.tolist() == [0]
    assert len(requests.targets.rows) == 0


def many() -> PastRequests:
    rows = [
        (user, item, PURCHASE if item % 2 else CLICK, 10 * item, user) for user in range(4) for item in range(user + 1)
    ]
    rows += [(user, 7, IMPRESSION, 0, user) for user in (1, 3)]
    return PastRequests.of(make_log(rows), 0, 1_000)


def test_chosen_requests_keep_their_targets_and_what_was_shown() -> None:
    requests = many()
    assert [len(own) for own in targets(requests)] == [1, 2, 3, 4]
    taken = requests.take(np.array([3, 1]))
    assert taken.users.tolist() == [3, 1]
    assert targets(taken) == [targets(requests)[3], targets(requests)[1]]
    assert shown(taken) == [{7}, {7}]
    assert taken.targets.rows.tolist() == [0, 0, 0, 0, 1, 1]
    assert taken.shown.rows.tolist() == [0, 1]
    block = requests.block(2, 99)
    assert block.users.tolist() == [2, 3]
    assert targets(block) == targets(requests)[2:]


def test_sample_keeps_the_order_and_follows_the_seed() -> None:
    requests = many()
    assert requests.sample(4, 0) is requests
    drawn = requests.sample(2, 5)
    assert drawn.users.tolist() == sorted(drawn.users.tolist())
    assert drawn.users.tolist() == requests.sample(2, 5).users.tolist()
    assert len({tuple(requests.sample(2, seed).users.tolist()) for seed in range(40)}) == 6


def test_lists_that_nobody_chose_from_are_remembered() -> None:
    """List 0 is clicked, 1 and 2 are not; 3 is answered by a view of weight 0; of what has no list nothing is known."""
    rows = [(0, item, IMPRESSION, 100 * number, number) for number in range(4) for item in (1, 2)]
    rows += [(0, 2, CLICK, 5, 0), (0, 1, VIEW, 305, 3), (1, 4, VIEW, 50, -1), (1, 4, IMPRESSION, 60, -1)]
    requests = PastRequests.of(make_log(rows), 0, 1_000)
    assert requests.times.tolist() == [0]
    assert requests.unanswered.times.tolist() == [100, 200, 300]
    assert requests.share_answered == 0.25
    assert requests.block(0, 1).unanswered.times.tolist() == [100, 200, 300]
    assert PastRequests.of(make_log(rows), 150, 250).unanswered.times.tolist() == [200]
    assert many().share_answered == 1


def test_a_sample_keeps_the_share_of_lists_that_were_answered() -> None:
    shown = [(user, 1, IMPRESSION, 10 * number, number) for number in range(400) for user in (number % 4,)]
    clicks = [(user, 1, CLICK, time + 1, number) for user, _, _, time, number in shown if number % 5 == 0]
    requests = PastRequests.of(make_log([*shown, *clicks]), 0, 10_000)
    assert (len(requests), len(requests.unanswered.times)) == (80, 320)
    drawn = requests.sample(20, 0)
    assert (len(drawn), len(drawn.unanswered.times)) == (20, 80)
    assert (np.diff(drawn.unanswered.times) > 0).all()
    assert {*drawn.unanswered.times.tolist()} < {*requests.unanswered.times.tolist()}


def test_who_chooses_beside_lists_does_not_say_that_lists_are_answered() -> None:
    """Ten lists of which two are answered, and ninety clicks elsewhere, of whose lists, if any, nothing is known."""
    shown = [(number % 4, 1, IMPRESSION, DAY * number, number) for number in range(10)]
    chosen = [(user, 1, CLICK, time + 1, number) for user, _, _, time, number in shown if number % 5 == 0]
    elsewhere = [(number % 4, 2, CLICK, DAY // 9 * number + 5, -1) for number in range(90)]
    requests = PastRequests.of(make_log([*shown, *chosen, *elsewhere]), 0, 100 * DAY)
    assert (len(requests), np.count_nonzero(requests.has_list)) == (92, 2)
    assert requests.share_answered == 0.2
    assert requests.take(np.flatnonzero(requests.has_list)).share_answered == 0.2
    assert {*requests.times_unanswered.tolist()} == {*requests.unanswered.times.tolist()}
    assert (np.diff(requests.times_unanswered) >= 0).all()
    assert requests.take(np.flatnonzero(~requests.has_list)).share_answered == 1
    unanswered = requests.unanswered.take(np.zeros(100_000, dtype=np.intp))
    assert replace(requests, unanswered=unanswered).share_answered == 1 / (1 + MOST_UNANSWERED), "as memory allows"


def test_lists_that_a_crawler_loads_do_not_say_that_people_answer_none() -> None:
    """Nine people are shown two lists each and choose from the second; a crawler is shown ninety and chooses none."""
    shown = [(user, 1, IMPRESSION, DAY * (2 * user + half), 2 * user + half) for user in range(9) for half in range(2)]
    chosen = [(user, 1, CLICK, time + 1, number) for user, _, _, time, number in shown if number % 2]
    crawled = [(99, 1, IMPRESSION, DAY // 24 * number, 1_000 + number) for number in range(90)]
    everything = PastRequests.of(make_log([*shown, *chosen, *crawled]), 0, 100 * DAY)
    requests = everything.capped_per_user(0)
    assert everything.share_answered == 9 / 108
    assert requests.share_answered == 9 / 28
    assert np.unique(requests.unanswered.users, return_counts=True)[1].tolist() == [*[1] * 9, 10]
    assert (np.diff(requests.unanswered.times) >= 0).all()
    assert (requests.users.tolist(), requests.n_left_out) == ([*range(9)], 0)


def test_a_robot_counts_as_ten_people() -> None:
    people = [(user, user, CLICK, user * DAY, -1) for user in range(9)]
    robot = [(99, item, CLICK, item * DAY, -1) for item in range(50)]
    everything = PastRequests.of(make_log([*people, *robot], 50), 0, 100 * DAY)
    requests = everything.capped_per_user(0)
    assert (len(everything), len(requests), requests.n_left_out) == (59, 19, 40)
    assert requests.sample(5, 0).n_left_out == 40
    assert sorted(requests.users.tolist()) == [*range(9), *[99] * 10]
    assert (np.diff(requests.times) >= 0).all()
    assert requests.times.tolist() == everything.capped_per_user(0).times.tolist()
    assert len({tuple(everything.capped_per_user(seed).times.tolist()) for seed in range(5)}) == 5
    assert requests.capped_per_user(0) is requests
    nobody = replace(everything, users=np.full(len(everything), -1, dtype=np.int32))
    assert nobody.capped_per_user(0) is nobody


def test_a_strongest_event_needs_a_weaker_one_and_must_be_measured() -> None:
    both = make_log([(0, 1, CLICK, 10, -1), (0, 2, PURCHASE, 20, -1)])
    assert StrongestEvent.of(both, both) == StrongestEvent(4, "purchase")
    assert StrongestEvent.of(both.before(20), both) is None, "nothing that it could be told from"
    assert StrongestEvent.of(both, both.before(20)) is None, "nothing was bought"


def test_half_of_what_was_chosen_together_is_given_and_the_rest_is_wanted() -> None:
    rows = [(user, item, CLICK, 10 + user, -1) for user in range(3) for item in range(2 * user + 1)]  # 1, 3 and 5 items
    requests = PastRequests.of(make_log(rows), 0, 100)
    carts = requests.with_partial_baskets(2.0, seed=0)
    assert carts.times.tolist() == [11, 12], "of one item nothing can be given"
    assert carts.users.tolist() == [1, 2], "what is stored of the users comes before"
    assert carts.given is not None
    assert carts.given.weight == 2.0
    assert (carts.given.histories(carts.times).ages == 60).all()
    bare = carts.anonymous()
    assert (bare.users < 0).all()
    assert bare.given is not None
    assert np.isnan(bare.given.histories(bare.times).ages).all()
    bounds = carts.given.offsets
    for row, (wanted, n_chosen) in enumerate(zip(targets(carts), (3, 5), strict=True)):
        given = carts.given.items[bounds[row] : bounds[row + 1]].tolist()
        assert sorted([*given, *wanted]) == list(range(n_chosen))
        assert given
        assert wanted
    last = carts.block(1, 2)
    assert last.given is not None
    assert last.given.items.tolist() == carts.given.items[bounds[1] :].tolist()
    assert last.given.rows.tolist() == [0] * (bounds[2] - bounds[1])


def test_what_was_chosen_before_comes_with_the_request() -> None:
    rows = [(0, 1, CLICK, 10, -1), (0, 2, CLICK, 20, -1), (1, 3, CLICK, 25, -1), (0, 4, CLICK, 30, -1)]
    log = make_log(rows)
    requests = PastRequests.of(log, 0, 100)
    histories = EventState(log).histories(requests.users, requests.times, 10)
    bringing = requests.with_given_histories(histories, 2.0, seed=0)
    assert bringing.times.tolist() == [20, 30], "the first requests of their users have nothing to bring"
    assert list(map(list, targets(bringing))) == [[2], [4]]
    assert (bringing.users < 0).all()
    assert bringing.given is not None
    assert bringing.given.offsets.tolist() == [0, 1, 3]
    assert bringing.given.items.tolist() == [1, 1, 2]


def test_no_requests_have_no_carts() -> None:
    assert len(PastRequests.of(make_log([(0, 1, CLICK, 10, -1)]), 0, 100).with_partial_baskets(1.0, seed=0)) == 0


def test_requests_may_be_asked_before_their_users_came() -> None:
    """At a moment since the act before, but not before the window, and never later than they were."""
    rows = [
        (0, 1, CLICK, 100, -1),
        (1, 4, CLICK, 300, -1),
        (0, 2, IMPRESSION, 1_000, 7),
        (0, 2, CLICK, 1_000, 7),
        (1, 5, CLICK, 1_001, -1),
    ]
    log = make_log(rows)
    requests, moments = PastRequests.of(log, 150, 2_000), {2: set[int](), 4: set[int](), 5: set[int]()}
    for seed in range(30):
        ahead = requests.asked_ahead(log, 150, 10, seed)
        assert len(ahead) == 3
        assert (np.diff(ahead.times) >= 0).all()
        assert ahead.shown.items.tolist() == [2], "what is shown in the visit"
        assert not ahead.without_lists().has_impressions
        assert not ahead.without_lists().has_list.any()
        assert [set(wanted) for wanted in targets(ahead.with_lists_alone())] == [{2}]
        for wanted, time in zip(targets(ahead), ahead.times.tolist(), strict=True):
            moments[next(iter(wanted))].add(time)
    for item, (begin, end) in {2: (150, 1_000), 4: (150, 300), 5: (300, 1_001)}.items():
        assert begin < min(moments[item]) <= begin + (end - begin) / 4
        assert end - (end - begin) / 4 <= max(moments[item]) <= end
    assert len(requests.asked_ahead(log, 150, 2, 0)) == 2
    assert len(requests.take(np.arange(0)).asked_ahead(log, 150, 2, 0)) == 0


def test_lists_asked_ahead_keep_the_share_that_was_answered() -> None:
    rows = [(user, user, IMPRESSION, 100 + user, user) for user in range(12)]
    log = make_log(rows + [(user, user, CLICK, 100 + user, user) for user in range(4)])
    requests = PastRequests.of(log, 100, 1_000)
    assert requests.share_answered == 4 / 12
    assert requests.asked_ahead(log, 50, 2, 0).share_answered == 2 / 6
    assert requests.asked_ahead(log, 50, 2, 0).without_lists().share_answered == 1, "without lists nothing is known"
