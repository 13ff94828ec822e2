"""The kinds of features that compare columns of one's own, on values worked by hand."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from feature_world import (
    CLICK,
    DAY,
    IMPRESSION,
    MOMENTS,
    N_ITEMS,
    NAN,
    NOW,
    PURCHASE,
    ROWS,
    Row,
    expect,
    given_history,
    make_facts,
    make_log,
    pairs_of,
    values,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from features.attributes import Attributes
from features.item_facts import ItemFacts
from features.kinds.attributes import (
    GroupPopularity,
    ItemDaysUntil,
    ItemReplaced,
    UserAlikeShare,
    UserLabelDue,
    UserLabelShare,
    UserLineStep,
    UserNamedShare,
    UserQuantityDistance,
    UserQuantityStep,
)
from features.kinds.base import Kind
from features.kinds.matches import UserItemDue
from features.state import EventState
from recsys.data.items.catalogue import ItemCatalogue
from recsys.data.items.item_past import ItemPast
from recsys.data.log.history import HistoryBatch


def facts_with(columns: Mapping[str, list], past: ItemPast | None = None) -> ItemFacts:
    """Facts of items with these columns, of which some may have been wanted more than others."""
    frame = pl.DataFrame({"item_id": [f"i{number}" for number in range(N_ITEMS)], **columns})
    catalogue = ItemCatalogue(frame.with_columns(language=pl.lit(None, pl.String)))
    return make_facts(attributes=Attributes(catalogue, past))


def test_columns_of_ones_own_are_compared_with_the_history() -> None:
    facts = facts_with(
        {
            "author": ["Ann", "Ann", "Bob", None, "Cy", "Bob"],
            "moods": [["sad"], ["sad", "odd"], None, [], ["odd"], ["sad"]],
            "weight": [1.0, 2.0, 3.0, None, 3.0, 5.0],  # places .1, .3, .6, none, .6, .9
            "volume": [1, 1, 2, 2, 3, None],
        }
    )
    log = make_log([(0, 0, CLICK, NOW - 4), (0, 1, CLICK, NOW - 3), (0, 3, CLICK, NOW - 2), (0, 4, CLICK, NOW)])

    def found(kind: Kind, user: int = 0) -> list[float]:
        return kind.values(pairs_of(EventState(log), [user], [NOW], facts=facts)).tolist()

    expect(found(UserLabelShare("author")), 2 / 3, 2 / 3, 0, NAN, 0, 0)
    expect(found(UserLabelShare("moods")), 2 / 3, 1 / 2, NAN, NAN, 1 / 3, 2 / 3)
    expect(found(UserLabelShare("author", of="worth")), 2 / 3, 2 / 3, 0, NAN, 0, 0)
    expect(found(UserLabelShare("volume")), 2 / 3, 2 / 3, 1 / 3, 1 / 3, 0, NAN)
    expect(found(UserQuantityDistance("weight")), 0.1, 0.1, 0.4, NAN, 0.4, 0.7)
    expect(found(UserQuantityStep("weight")), -0.1, 0.1, 0.4, NAN, 0.4, 0.7)  # the newest: .3 and .1, mean .2
    for kind in (UserLabelShare("weight"), UserQuantityDistance("author"), UserLabelShare("gone")):
        expect(found(kind), *[NAN] * 6)
    for kind in (UserLabelShare("author"), UserQuantityDistance("weight"), UserQuantityStep("weight")):
        expect(found(kind, user=-1), *[NAN] * 6)
        expect(values(kind, []), *[NAN] * 6)


def test_what_a_column_names_is_due_whichever_item_it_was() -> None:
    facts = facts_with(
        {
            "substance": ["ibu", "ibu", "zinc", "zinc", None, "iron"],
            "uses": [["pain"], ["pain", "flu"], ["flu"], [], ["pain"], ["skin"]],
        }
    )
    rows = [
        *((0, item, PURCHASE, NOW - 9 * DAY) for item in (0, 1)),  # one basket
        (0, 2, PURCHASE, NOW - 8 * DAY),
        (0, 1, PURCHASE, NOW - 5 * DAY),
        (0, 0, IMPRESSION, NOW - 4 * DAY),
        (0, 0, PURCHASE, NOW - 3 * DAY),
        (0, 3, PURCHASE, NOW),  # the future
    ]

    def found(kind: Kind, histories: HistoryBatch | None = None) -> list[float]:
        pairs = pairs_of(EventState(make_log(rows)), [0], [NOW], facts=facts)
        return kind.values(pairs if histories is None else replace(pairs, histories=histories)).tolist()

    expect(found(UserLabelDue("substance")), 3 / 3, 3 / 3, NAN, NAN, NAN, NAN)  # after 9, 5 and 3 days; once; never
    pain, flu = 3 / 3, 5 / 2  # flu after 9, 8 and 5 days
    expect(found(UserLabelDue("uses")), pain, (pain + flu) / 2, flu, NAN, pain, NAN)
    expect(found(UserLabelDue("gone")), *[NAN] * 6)
    expect(found(UserLabelDue("substance"), given_history([0, 1, 0], NOW)), *[NAN] * 6)
    expect(values(UserLabelDue("substance"), []), *[NAN] * 6)


@settings(max_examples=40)
@given(st.lists(ROWS, max_size=40), st.integers(0, 40), MOMENTS)
def test_a_column_in_which_each_item_has_its_own_value_is_due_as_the_item_is(
    log: list[Row], n_known: int, now: int
) -> None:
    """In an engine that some of the events came to later as well; beside the other engine's answers."""
    facts = facts_with({"substance": [f"substance {number}" for number in range(N_ITEMS)]})
    live = EventState(make_log(log[:n_known]))
    live.append(make_log(log[n_known:]))
    for state, users in ((live, [0]), (EventState(make_log(log)), [0, 1, 2])):
        pairs = pairs_of(state, users, [now] * len(users), facts=facts)
        expected = UserItemDue().values(pairs)
        np.testing.assert_allclose(UserLabelDue("substance").values(pairs), expected, rtol=1e-6)


def test_what_is_alike_in_several_columns_counts_as_the_same() -> None:
    facts = facts_with(
        {
            "kind": ["yoga", "yoga", "yoga", "boxing", "boxing", None],
            "weekday": ["Monday", "Monday", "Friday", "Friday", "Friday", None],
            "room": [["a"], ["a"], ["a"], ["a"], ["b"], None],
        }
    )
    log = make_log([(0, 0, CLICK, NOW - 4), (0, 1, CLICK, NOW - 3), (0, 3, CLICK, NOW - 2), (0, 5, CLICK, NOW - 1)])

    def found(*columns: str, user: int = 0) -> list[float]:
        return UserAlikeShare(columns).values(pairs_of(EventState(log), [user], [NOW], facts=facts)).tolist()

    expect(found("kind", "weekday"), 2 / 4, 2 / 4, 0, 1 / 4, 1 / 4, 1 / 4)
    expect(found("kind", "weekday", "room"), 2 / 4, 2 / 4, 0, 1 / 4, 0, 1 / 4)
    expect(found("kind", "gone"), *[NAN] * 6)
    expect(found("kind", "weekday", user=-1), *[NAN] * 6)


def test_how_long_it_is_until_the_date_of_an_item() -> None:
    days = [3, 0.5, 0, -2, None, 1]
    moments = [None if day is None else NOW + int(day * DAY) for day in days]
    dates = pl.Series(moments, dtype=pl.Datetime("us"))
    facts = facts_with(
        {
            "starts": dates,
            "starts_utc": dates.dt.replace_time_zone("UTC"),
            "written": dates.dt.to_string("iso:strict"),
            "note": ["2024-05-27", "soon", None, None, None, None],
            "weight": [1.5] * N_ITEMS,
        }
    )
    pairs = pairs_of(EventState(make_log([])), [0], [NOW], facts=facts)
    for column in ("starts", "starts_utc", "written"):
        expect(ItemDaysUntil(column).values(pairs).tolist(), 3, 0.5, 0, -2, NAN, 1)
    for column in ("note", "weight", "gone"):
        expect(ItemDaysUntil(column).values(pairs).tolist(), *[NAN] * 6)


def test_what_has_not_been_chosen_yet_is_as_wanted_as_what_it_has_something_in_common_with() -> None:
    columns = {
        "category": ["filter", "filter", "spindle", "spindle", "spindle", None],
        "moods": [["sad"], ["sad", "odd"], None, [], ["odd"], ["sad"]],
        "weight": [1.5] * N_ITEMS,
    }
    wanted, begin = np.array([9.0, 9, 3, 3, 3, 9]), np.zeros(N_ITEMS)  # 6 is usual, and all were there throughout
    throughout = ItemPast(wanted, wanted, firsts=begin, lasts=begin + 1, clock=np.array([0.0, 1]))

    def found(column: str, past: ItemPast | None = throughout) -> list[float]:
        pairs = pairs_of(EventState(make_log([])), [0], [NOW], facts=facts_with(columns, past))
        return GroupPopularity(column).values(pairs).tolist()

    filters, spindles = (18 + 12) / (12 + 12), (9 + 12) / (18 + 12)  # two usual items beside them
    expect(found("category"), filters, filters, spindles, spindles, spindles, NAN)
    sad, odd = (27 + 18) / (18 + 18), (12 + 18) / (12 + 18)  # three, as those of one mood differ
    expect(found("moods"), sad, (sad + odd) / 2, NAN, NAN, odd, sad)
    nobody = ItemPast(0 * wanted, 0 * wanted, NAN * begin, NAN * begin, np.zeros(1))
    for nothing in (found("weight"), found("gone"), found("category", None), found("category", nobody)):
        expect(nothing, *[NAN] * 6)


def test_a_line_whose_models_replace_one_another_is_as_wanted_as_one_whose_only_model_stays() -> None:
    models = [[(0, 0, CLICK, NOW + 100 * model + day) for day in range(100)] for model in range(3)]
    replaced = [(0, model, CLICK, time) for model, events in enumerate(models) for *_, time in events]
    stays = [(0, 3, CLICK, NOW + day) for day in range(300)]
    seldom = [(0, item, CLICK, NOW + day) for item in (4, 5) for day in range(0, 300, 3)]
    past = ItemPast.of(make_log(sorted((*replaced, *stays, *seldom), key=lambda event: event[3])))
    facts = facts_with({"line": ["phone", "phone", "phone", "tablet", "radio", "clock"]}, past)
    pairs = pairs_of(EventState(make_log([])), [0], [NOW], facts=facts)
    phone, *_, tablet, radio, clock = GroupPopularity("line").values(pairs).tolist()
    assert phone == pytest.approx(tablet, rel=0.05)
    assert tablet > 1.3 * radio
    assert radio == pytest.approx(clock)


def test_the_next_of_a_line_is_one_step_behind_the_furthest_that_the_user_acted_on() -> None:
    facts = facts_with(
        {
            "series": ["Sea", "Sea", "Sea", "Sky", "Sky", None],
            "volume": [1, 4, 2, 1, None, 3],  # there is no third one: the fourth follows the second
            "moods": [["sad"]] * N_ITEMS,
        }
    )
    log = make_log([(0, 2, CLICK, NOW - 4), (0, 0, CLICK, NOW - 3), (0, 5, CLICK, NOW - 2), (0, 3, CLICK, NOW)])

    def found(kind: Kind, user: int = 0) -> list[float]:
        return kind.values(pairs_of(EventState(log), [user], [NOW], facts=facts)).tolist()

    expect(found(UserLineStep("series", "volume")), -1, 1, 0, NAN, NAN, NAN)
    for kind in (UserLineStep("series", "gone"), UserLineStep("moods", "volume"), UserLineStep("series", "moods")):
        expect(found(kind), *[NAN] * 6)
    expect(found(UserLineStep("series", "volume"), user=-1), *[NAN] * 6)
    both = UserLineStep("series", "volume").values(pairs_of(EventState(log), [0, 0], [NOW, NOW + 1], facts=facts))
    expect(both[N_ITEMS:].tolist(), -1, 1, 0, 0, NAN, NAN)  # what one request has seen, the next one forgets


def test_days_since_an_item_was_replaced_in_its_line() -> None:
    day = 86_400_000_000
    created = [None if days is None else NOW + days * day for days in (-90, -5, -30, -20, 3, -1)]
    facts = facts_with(
        {
            "line": ["Sea", "Sea", "Sea", "Sky", "Sky", None],
            "model": [1, 3, 2, 1, 2, 3],
            "moods": [["sad"]] * N_ITEMS,
            "created_at": pl.Series(created).cast(pl.Datetime("us", "UTC")),
        }
    )

    def found(kind: Kind, now: int = NOW) -> list[float]:
        return kind.values(pairs_of(EventState(make_log([])), [0], [now], facts=facts)).tolist()

    replaced = ItemReplaced("line", "model")
    expect(found(replaced), 30, NAN, 5, NAN, NAN, NAN)  # the second model of the other line comes later
    expect(found(replaced, NOW - 10 * day), 20, NAN, NAN, NAN, NAN, NAN)
    expect(found(replaced, NOW + 10 * day), 40, NAN, 15, 7, NAN, NAN)
    for nothing in (ItemReplaced("line", "gone"), ItemReplaced("moods", "model")):
        expect(found(nothing), *[NAN] * 6)
    undated = facts_with({"line": ["Sea"] * N_ITEMS, "model": list(range(N_ITEMS))})
    expect(replaced.values(pairs_of(EventState(make_log([])), [0], [NOW], facts=undated)).tolist(), *[NAN] * 6)


def test_share_of_what_the_candidate_names_that_the_user_acted_on() -> None:
    facts = facts_with(
        {
            "requires": [[], ["i0"], ["i0", "i1"], ["i4"], None, ["i2", "i2"]],
            "colour": ["red"] * N_ITEMS,
        }
    )
    log = make_log([(0, 0, CLICK, NOW - 4), (0, 0, CLICK, NOW - 3), (0, 2, CLICK, NOW)])

    def found(column: str, now: int = NOW) -> list[float]:
        return UserNamedShare(column).values(pairs_of(EventState(log), [0], [now], facts=facts)).tolist()

    expect(found("requires"), NAN, 1, 0.5, 0, NAN, 0)
    expect(found("requires", NOW + 1), NAN, 1, 0.5, 0, NAN, 1)
    for nothing in ("colour", "gone"):
        expect(found(nothing), *[NAN] * 6)


def test_a_line_may_have_parts_that_are_counted_anew() -> None:
    facts = facts_with(
        {
            "show": ["Sea", "Sea", "Sea", "Sea", "Sky", "Sea"],
            "season": [1, 2, 1, 2, 2, None],
            "episode": [1, 1, 2, 2, 1, 3],
        }
    )
    log = make_log([(0, 0, CLICK, NOW - 4), (0, 2, CLICK, NOW - 3)])

    def found(kind: Kind) -> list[float]:
        return kind.values(pairs_of(EventState(log), [0], [NOW], facts=facts)).tolist()

    expect(found(UserLineStep("show", "episode", "season")), -1, 1, 0, 2, NAN, NAN)
    expect(found(UserLineStep("show", "episode", "gone")), *[NAN] * 6)
