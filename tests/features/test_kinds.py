"""Each kind of feature on values worked by hand. A request has all six items as candidates."""

import numpy as np
import pytest
import scipy.sparse as sp
from feature_world import (
    CLICK,
    DAY,
    HOUR,
    IMPRESSION,
    N_ITEMS,
    NAN,
    NOW,
    PURCHASE,
    RATING,
    START,
    expect,
    given_history,
    make_facts,
    make_log,
    pairs_of,
    pairs_with,
    values,
)

from features.kinds.base import Kind
from features.kinds.candidates import (
    Affinity,
    Agreement,
    SourceRank,
    SourceRatio,
    SourceScore,
    SourceShare,
    SourceWithin,
)
from features.kinds.items import ItemAge, ItemCount, ItemFact, ItemRate, ItemSince, ItemVelocity
from features.kinds.matches import (
    UserItemBaskets,
    UserItemCount,
    UserItemDue,
    UserItemFaded,
    UserItemSince,
    UserItemSinceEvent,
    UserItemWorth,
    UserShare,
)
from features.kinds.requests import Clock, UserHistory
from features.kinds.users import PriceRatio, UserTagShare
from features.state import EventState
from recsys.errors import ConfigError


def scored(kind: Kind, *scores: float) -> list[float]:
    """The six values of one request in which source `als` gives these scores."""
    given = {"als": np.array(scores, dtype=np.float32)}
    return kind.values(pairs_of(EventState(make_log([])), [0], [NOW], scores=given)).tolist()


def test_item_count_holds_the_start_of_its_window_and_not_the_request() -> None:
    rows = [
        (1, 0, CLICK, NOW - DAY),  # exactly a window before: counts
        (1, 1, CLICK, NOW - DAY - 1),  # just outside
        (1, 2, CLICK, NOW),  # at the request itself: the future
        (1, 3, CLICK, NOW - 1),
        (1, 4, IMPRESSION, NOW - 1),
        (1, 5, RATING, NOW - 1),
    ]
    expect(values(ItemCount("item_acts", 1), rows), 1, 0, 0, 1, 0, 1)
    expect(values(ItemCount("item_positives", None), rows), 1, 1, 0, 1, 0, 0)
    expect(values(ItemCount("item_impressions", 1), rows), 0, 0, 0, 0, 1, 0)


def test_item_velocity() -> None:
    rows = [(1, 0, CLICK, NOW - DAY), (1, 0, CLICK, NOW - 8 * DAY), (1, 1, CLICK, NOW - 8 * DAY)]
    # Item 0: (1 / 7) a day over (2 / 60) a day.
    expect(values(ItemVelocity("item_acts", 7, 60), rows), (1 / 7) / (2 / 60), 0, NAN, NAN, NAN, NAN)


def test_item_rate_is_smoothed_and_needs_a_showing() -> None:
    rows = [*((1, 0, IMPRESSION, NOW - k) for k in (1, 2)), (1, 0, CLICK, NOW - 1), (1, 1, CLICK, NOW - 1)]
    expect(values(ItemRate(0.05, 50), rows), (1 + 2.5) / 52, NAN, NAN, NAN, NAN, NAN)


def test_item_since() -> None:
    rows = [(1, 0, CLICK, NOW - 3 * DAY), (1, 0, CLICK, NOW - DAY // 2), (1, 0, CLICK, NOW), (1, 1, CLICK, NOW)]
    expect(values(ItemSince("item_acts", "last"), rows), 0.5, NAN, NAN, NAN, NAN, NAN)
    expect(values(ItemSince("item_acts", "first"), rows), 3, NAN, NAN, NAN, NAN, NAN)


def test_item_age_and_facts() -> None:
    expect(values(ItemAge(), []), 70, NAN, 68, 71, NAN, NAN)  # the last one is created after the request
    expect(values(ItemFact("prices"), []), 1, 2, 4, NAN, 8, 16)
    expect(values(ItemFact("text_lengths"), []), 3, 0, 5, 8, 13, 21)


def test_what_costs_nothing_has_no_relative_price() -> None:
    facts = make_facts(prices=np.array([0.0, 2.0, 4.0, 8.0, 8.0, np.nan]))
    pairs = pairs_of(EventState(make_log([])), [0], [NOW], facts=facts)
    expect(ItemFact("relative_prices").values(pairs).tolist(), NAN, 1, 4 / 6, 8 / 6, NAN, NAN)


def test_user_share_knows_no_share_of_a_missing_category() -> None:
    rows = [(0, 0, CLICK, NOW - 4), (0, 1, RATING, NOW - 3), (0, 4, CLICK, NOW - 2), (0, 3, CLICK, NOW - 1)]
    # Categories: 0, 0, 1, 1, none, 2. The item without one is in the history, and so in the total.
    expect(values(UserShare("categories"), rows), 0.5, 0.5, 0.25, 0.25, NAN, 0)
    expect(values(UserShare("brands"), rows), 0.5, 0.5, 0.5, 0.5, 0.5, NAN)
    expect(values(UserShare("categories"), []), *[NAN] * 6)


def test_shares_of_what_acts_are_worth() -> None:
    bought, looked_at, disliked = (0, 0, PURCHASE, NOW - 4), (0, 1, CLICK, NOW - 3), (0, 3, RATING, NOW - 2)
    rows = [bought, looked_at, disliked]  # worth 4, 1 and 0
    # Categories: 0, 0, 1, 1, none, 2; brands: 0, 1, 0, 1, 0, none.
    expect(values(UserShare("categories", of="worth"), rows), 1, 1, 0, 0, NAN, 0)
    expect(values(UserShare("brands", of="worth"), rows), 0.8, 0.2, 0.8, 0.2, 0.8, NAN)
    expect(values(UserShare("brands", newest=2, of="worth"), rows), 0, 1, 0, 1, 0, NAN)
    # Tags: the first, both, the second, none, the second, the first.
    expect(values(UserTagShare(of="worth"), rows), 1, 0.6, 0.2, NAN, 0.2, 1)
    for kind in (UserShare("brands", of="worth"), UserTagShare(of="worth")):
        expect(values(kind, [disliked]), *[NAN] * 6)


def test_user_item_count_and_since() -> None:
    rows = [
        (0, 0, CLICK, NOW - 5 * DAY),
        (0, 1, CLICK, NOW - 2 * DAY),
        (0, 0, PURCHASE, NOW - DAY),
        (0, 2, IMPRESSION, NOW - 1),
        (1, 3, CLICK, NOW - 1),
        (0, 4, CLICK, NOW),
    ]
    expect(values(UserItemCount(), rows), 2, 1, 0, 0, 0, 0)
    expect(values(UserItemSince("days"), rows), 1, 2, NAN, NAN, NAN, NAN)
    expect(values(UserItemSince("events"), rows), 0, 1, NAN, NAN, NAN, NAN)
    expect(values(UserItemCount(), rows, user=-1), *[0] * 6)


def test_what_the_newest_act_on_an_item_was_worth() -> None:
    rows = [
        (0, 0, PURCHASE, NOW - 5 * DAY),
        (0, 1, RATING, NOW - 4 * DAY),
        (0, 2, CLICK, NOW - 3 * DAY),
        (0, 0, RATING, NOW - 2 * DAY),
        (0, 1, PURCHASE, NOW - DAY),
        (0, 3, IMPRESSION, NOW - 1),
        (0, 2, RATING, NOW),
    ]
    expect(values(UserItemWorth(), rows), 0, 4, 1, NAN, NAN, NAN)


def test_when_an_item_was_last_clicked_and_when_bought() -> None:
    rows = [
        (0, 0, CLICK, NOW - 9 * DAY),
        (0, 0, CLICK, NOW - 7 * DAY),
        (0, 0, PURCHASE, NOW - 5 * DAY),
        (0, 1, PURCHASE, NOW - 3 * DAY),
        (0, 1, RATING, NOW - 2 * DAY),
        (1, 2, CLICK, NOW - DAY),  # another user
        (0, 2, CLICK, NOW),  # the future
    ]
    expect(values(UserItemSinceEvent("click"), rows), 7, *[NAN] * 5)
    expect(values(UserItemSinceEvent("purchase"), rows), 5, 3, *[NAN] * 4)
    expect(values(UserItemSinceEvent("loan"), rows), *[NAN] * 6)  # the log has none
    pairs = pairs_with(given_history([0, 1], NOW), EventState(make_log(rows)))
    expect(UserItemSinceEvent("click").values(pairs).tolist(), *[NAN] * 6)


def test_user_item_baskets_and_whether_another_is_due() -> None:
    rows = [
        *((0, item, PURCHASE, NOW - 9 * DAY) for item in (0, 0, 1)),  # one basket, with item 0 twice
        *((0, item, PURCHASE, NOW - 5 * DAY) for item in (0, 2)),
        (0, 0, PURCHASE, NOW - 3 * DAY),
        (0, 2, PURCHASE, NOW - 2 * DAY),
        (0, 1, PURCHASE, NOW),  # the future
    ]
    expect(values(UserItemBaskets(), rows), 3 / 4, 1 / 4, 2 / 4, 0, 0, 0)
    expect(values(UserItemDue(), rows), 3 / 3, NAN, 2 / 3, NAN, NAN, NAN)  # every 3 days; once; every 3 days
    expect(values(UserItemBaskets(), []), *[NAN] * 6)


def test_acts_on_an_item_fade_with_days_and_with_baskets() -> None:
    rows = [
        *((0, item, PURCHASE, NOW - 60 * DAY) for item in (0, 0, 1)),  # one basket, with item 0 twice
        *((0, item, PURCHASE, NOW - 30 * DAY) for item in (0, 2)),
        (0, 3, PURCHASE, NOW - 20 * DAY),
        (0, 3, PURCHASE, NOW - 15 * DAY),
        (0, 1, PURCHASE, NOW),  # the future
    ]
    expect(values(UserItemFaded("days"), rows), 2 / 4 + 1 / 2, 1 / 4, 1 / 2, 2 ** (-2 / 3) + 2**-0.5, 0, 0)
    third = 2 ** (-1 / 3)
    expect(values(UserItemFaded("baskets"), rows), 2 / 2 + third**2, 1 / 2, third**2, third + 1, 0, 0)
    expect(values(UserItemFaded("days"), []), *[0] * 6)


def test_a_history_without_times_has_an_order_and_no_days() -> None:
    pairs = pairs_with(given_history([0, 1, 0, 2], NOW), EventState(make_log([])))
    expect(UserItemBaskets().values(pairs).tolist(), 2 / 4, 1 / 4, 1 / 4, 0, 0, 0)
    expect(UserItemDue().values(pairs).tolist(), *[NAN] * 6)
    expect(UserItemFaded("days").values(pairs).tolist(), NAN, NAN, NAN, 0, 0, 0)
    third = 2 ** (-1 / 3)
    expect(UserItemFaded("baskets").values(pairs).tolist(), third**3 + third, third**2, 1, 0, 0, 0)
    expect(UserItemSince("days").values(pairs).tolist(), *[NAN] * 6)
    expect(UserItemSince("events").values(pairs).tolist(), 1, 2, 0, NAN, NAN, NAN)
    expect(UserHistory("days_since_last").values(pairs).tolist(), *[NAN] * 6)
    expect(UserHistory("length").values(pairs).tolist(), *[4] * 6)


def test_user_history() -> None:
    rows = [(0, 0, CLICK, NOW - 5 * DAY), (0, 1, CLICK, NOW - 2 * DAY), (0, 0, CLICK, NOW - 2 * DAY)]
    for what, known, unknown in (
        ("length", 3, 0),
        ("distinct", 2, 0),
        ("days_since_last", 2, NAN),
        ("days_since_first", 5, NAN),
    ):
        expect(values(UserHistory(what), rows), *[known] * 6)  # type: ignore[arg-type]
        expect(values(UserHistory(what), rows, user=-1), *[unknown] * 6)  # type: ignore[arg-type]


def test_price_ratio() -> None:
    rows = [(0, 0, CLICK, NOW - 3), (0, 2, CLICK, NOW - 2), (0, 3, CLICK, NOW - 1)]  # prices 1 and 4; one unknown
    expect(values(PriceRatio(), rows), 1 / 2.5, 2 / 2.5, 4 / 2.5, NAN, 8 / 2.5, 16 / 2.5)
    expect(values(PriceRatio(), [(0, 3, CLICK, NOW - 1)]), *[NAN] * 6)
    free = make_facts(prices=np.array([0.0, 2.0, 4.0, 1.0, 8.0, 16.0]))
    pairs = pairs_of(EventState(make_log([(0, 0, CLICK, NOW - 1)])), [0], [NOW], facts=free)
    expect(PriceRatio().values(pairs).tolist(), *[NAN] * 6)


@pytest.mark.parametrize(
    ("now", "hour", "weekday"),
    [
        (0, 0, 3),  # 1970-01-01 was a Thursday
        (1_709_559_000_000_000, 13.5, 0),  # Monday, 2024-03-04 13:30 UTC
        (START - 1, 24, 6),  # the last microsecond of a Sunday, as float32
        (START, 0, 0),
    ],
)
def test_clock(now: int, hour: float, weekday: int) -> None:
    np.testing.assert_allclose(values(Clock("hour"), [], now=now), hour, atol=1e-5)
    expect(values(Clock("weekday"), [], now=now), *[weekday] * 6)


def test_affinity_of_vectors_reads_what_the_history_wanted() -> None:
    line = np.arange(N_ITEMS, dtype=np.float32)[:, None]  # the affinity of items a and b is a * b
    facts = make_facts(vectors={"text": line}, links={})
    rows = [(0, 1, CLICK, NOW - 3), (0, 5, RATING, NOW - 2), (0, 2, CLICK, NOW - 1)]  # newest last; the rating is none
    pairs = pairs_of(EventState(make_log(rows)), [0, -1], [NOW, NOW], facts=facts)
    candidates = np.arange(N_ITEMS)
    for how, expected in (
        ("last", 2 * candidates),
        ("max", 2 * candidates),
        ("mean", 1.5 * candidates),
        ("decayed", candidates * (2 + 0.7 * 1) / 1.7),
    ):
        found = Affinity("text", how).values(pairs)  # type: ignore[arg-type]
        np.testing.assert_allclose(found[:N_ITEMS], expected, rtol=1e-6)
        assert np.isnan(found[N_ITEMS:]).all(), "no history, no similarity"


def test_affinity_of_links_goes_from_the_history_to_the_candidate() -> None:
    links = sp.csr_matrix((np.array([3.0, 4.0], dtype=np.float32), ([1, 2], [0, 5])), shape=(N_ITEMS, N_ITEMS))
    facts = make_facts(links={"transitions": links}, vectors={})
    rows = [(0, 1, CLICK, NOW - 2), (0, 2, CLICK, NOW - 1)]
    pairs = pairs_of(EventState(make_log(rows)), [0], [NOW], facts=facts)
    expect(Affinity("transitions", "last").values(pairs).tolist(), 0, 0, 0, 0, 0, 4)
    expect(Affinity("transitions", "max").values(pairs).tolist(), 3, 0, 0, 0, 0, 4)
    expect(Affinity("transitions", "mean").values(pairs).tolist(), 1.5, 0, 0, 0, 0, 2)
    expect(Affinity("transitions", "decayed").values(pairs).tolist(), 0.7 * 3 / 1.7, 0, 0, 0, 0, 4 / 1.7)


def test_affinity_looks_at_the_ten_newest() -> None:
    facts = make_facts(vectors={"text": np.arange(N_ITEMS, dtype=np.float32)[:, None]}, links={})
    rows = [(0, 5, CLICK, NOW - 20), *((0, 1, CLICK, NOW - k) for k in range(1, 11))]
    pairs = pairs_of(EventState(make_log(rows)), [0], [NOW], facts=facts)
    expect(Affinity("text", "max").values(pairs).tolist(), *range(6))


def test_source_score_rank_and_share() -> None:
    scores = (0.5, 2.0, -4.0, 2.0, 0.0, 1.0)
    expect(scored(SourceScore("als"), *scores), *scores)
    expect(scored(SourceRank("als"), *scores), 3, 0, 5, 0, 4, 2)  # equal scores share a place
    expect(scored(SourceShare("als"), *scores), 0.125, 0.5, -1, 0.5, 0, 0.25)  # relative to the largest in size
    expect(scored(SourceShare("als"), *[0.0] * 6), *[NAN] * 6)
    expect(scored(SourceRank("als"), *[0.0] * 6), *[0] * 6)


def test_source_ranks_start_anew_with_each_request() -> None:
    given = {"als": np.array([*range(6), *range(6, 0, -1)], dtype=np.float32)}
    pairs = pairs_of(EventState(make_log([])), [0, 1], [NOW, NOW + HOUR], scores=given)
    expect(SourceRank("als").values(pairs).tolist(), 5, 4, 3, 2, 1, 0, 0, 1, 2, 3, 4, 5)
    expect(SourceShare("als").values(pairs)[[0, 5, 6, 11]].tolist(), 0, 1, 1, 1 / 6)


def test_source_ratio_is_what_one_source_says_over_what_another_says() -> None:
    given = {"rhythm": np.array([1, 4, 0, 3, 0, 2], "f4"), "popular": np.array([2, 2, 5, 0, 0, 1], "f4")}
    pairs = pairs_of(EventState(make_log([])), [0], [NOW], scores=given)
    expect(SourceRatio("rhythm", "popular").values(pairs).tolist(), 0.5, 2, 0, NAN, NAN, 2)
    expect(SourceRatio("rhythm", "ease").values(pairs).tolist(), *[NAN] * 6)


def test_a_source_within_another_takes_the_place_of_the_usual_popularity() -> None:
    given = {
        "season": np.array([4, 9, 0, 3, 1, 2], "f4"),
        "popular": np.array([1, 1, 5, 0, 4, 2], "f4"),
        "categories": np.array([2, 0, 3, 0, 6, 1], "f4"),
    }
    pairs = pairs_of(EventState(make_log([])), [0], [NOW], scores=given)
    expect(SourceWithin("season", "categories").values(pairs).tolist(), 2 * 2, 0, 0, NAN, 6 / 2, 1)
    expect(SourceWithin("season", "profiles").values(pairs).tolist(), *[NAN] * 6)


def test_agreement_counts_scores_above_0() -> None:
    given = {"als": np.array([1, 0, -1, 1, 0, 0], "f4"), "ease": np.array([1, 1, 0, 0, 0, 0], "f4")}
    pairs = pairs_of(EventState(make_log([])), [0], [NOW], scores=given)
    expect(Agreement(("als", "ease", "neighbours")).values(pairs).tolist(), 2, 1, 0, 1, 0, 0)
    expect(Agreement(("neighbours",)).values(pairs).tolist(), *[0] * 6)
    with pytest.raises(ConfigError, match="name the candidate sources"):
        Agreement(())
