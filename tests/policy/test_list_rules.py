"""Boosts, caps, quotas, pins and exploration: what each does to a list, and what it leaves alone."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.data.items.catalogue import ItemCatalogue
from recsys.errors import ConfigError, DataError
from recsys.policy.boosts import Boost
from recsys.policy.candidates import CapCount, FloorCount, RankedCandidates
from recsys.policy.discovery import Discovery
from recsys.policy.exploration import Exploration
from recsys.policy.filters import items_that_meet
from recsys.policy.pins import Pins
from recsys.policy.policy import Policy
from recsys.policy.selection import selected
from recsys.policy.shares import Cap, Floor
from recsys.policy.steps import Seen, Step

N_ITEMS = 8
CATALOGUE = ItemCatalogue(
    pl.DataFrame(
        {
            "item_id": [f"i{number}" for number in range(N_ITEMS)],
            "brand": ["x", "x", "x", "y", "x", "y", None, None],
            "shelf": ["p", "q", "q", "p", "p", "q", "q", "r"],
            "tags": [["a"], [], None, ["b"], ["a", "b"], [], [], []],
            "price": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, None],
            "available": [True] * N_ITEMS,
        }
    )
)
ITEMS = np.arange(N_ITEMS, dtype=np.int32)
SCORES = -ITEMS.astype(np.float32)  # the ranker's order is 0, 1, 2, ...


def arranged(*steps: Step, n: int = 4) -> list[int]:
    return ITEMS[Policy(steps).arrange(ITEMS, SCORES, n).order].tolist()


def numbers(*items: int) -> np.ndarray:
    return np.array(items, dtype=np.int32)


def of_brand(brand: str, least: int) -> Floor:
    return Floor("quota", least, partial(items_that_meet, {"brand": brand}, CATALOGUE))


def of_shelf(shelf: str, least: int) -> Floor:
    return Floor("quota", least, partial(items_that_meet, {"shelf": shelf}, CATALOGUE))


def test_boost_is_in_standard_deviations() -> None:
    spread = SCORES.std()
    assert arranged(Boost({"brand": "y"}, 1.5 / spread, CATALOGUE)) == [0, 1, 3, 2, 5, 4, 6, 7]
    assert arranged(Boost({"price": {"lt": 3}}, -10.0, CATALOGUE)) == [2, 3, 4, 5, 6, 7, 0, 1]
    assert arranged(Boost({"brand": "z"}, 9.0, CATALOGUE)) == ITEMS.tolist()


def test_boost_does_not_lift_a_demoted_item_over_others() -> None:
    assert arranged(Seen("demote", numbers(3)), Boost({"brand": "y"}, 99.0, CATALOGUE)) == [5, 0, 1, 2, 4, 6, 7, 3]


def test_boost_names_an_unknown_column() -> None:
    with pytest.raises(DataError, match="no column 'brands'; the nearest one is 'brand'"):
        arranged(Boost({"brands": "y"}, 1.0, CATALOGUE))


def test_discovery_adds_the_less_the_more_is_known() -> None:
    positive_counts = numbers(50, 50, 50, 0, 50, 50, 5, 50)  # exp(-(n / 5)^2) is 1 for item 3, .368 for item 6
    assert SCORES.std() == pytest.approx(2.2913, abs=1e-4)
    assert arranged(Discovery(0.5, positive_counts.take)) == [3, 0, 1, 2, 4, 6, 5, 7], "3 gains 3.44, 6 gains 1.26"
    assert arranged(Discovery(1.0, positive_counts.take)) == [3, 0, 1, 2, 6, 4, 5, 7]
    assert arranged(Discovery(0.0, positive_counts.take)) == ITEMS.tolist()
    assert arranged(Seen("demote", numbers(3)), Discovery(1.0, positive_counts.take)) == [0, 1, 2, 6, 4, 5, 7, 3]


def test_what_is_added_is_in_the_scores_of_the_list_and_what_only_moves_is_not() -> None:
    positive_counts = numbers(50, 50, 50, 0, 50, 50, 5, 50)
    raised = Policy((Discovery(0.5, positive_counts.take),)).arrange(ITEMS, SCORES, 4)
    assert raised.scores.tolist() == sorted(raised.scores.tolist(), reverse=True)
    assert raised.scores[0] == pytest.approx(SCORES[3] + 1.5 * SCORES.std())
    moved = Policy((Seen("demote", numbers(0)), Cap("brand", 1, CATALOGUE))).arrange(ITEMS, SCORES, 4)
    assert moved.scores.tolist() == SCORES[moved.order].tolist()


@pytest.mark.parametrize("dial", [-0.1, 1.1, float("nan")])
def test_a_discovery_out_of_range_is_refused(dial: float) -> None:
    with pytest.raises(ConfigError, match=r"policy\.discovery"):
        Discovery(dial, np.zeros(8).take)


def test_cap_holds_for_the_list_and_spares_what_has_no_value() -> None:
    assert arranged(Cap("brand", 2, CATALOGUE)) == [0, 1, 3, 5, 2, 4, 6, 7]
    assert arranged(Cap("brand", 1, CATALOGUE)) == [0, 3, 6, 7, 1, 2, 4, 5]


def test_cap_shows_more_where_there_is_nothing_else() -> None:
    assert arranged(Cap("brand", 1, CATALOGUE), n=6) == [0, 3, 6, 7, 1, 2, 4, 5]


def test_cap_needs_a_column_of_single_values() -> None:
    for column in ("colour", "tags"):
        with pytest.raises(DataError, match=f"no column '{column}' of single values; there are item_id, brand"):
            arranged(Cap(column, 1, CATALOGUE))


def test_quota_fetches_the_best_from_behind() -> None:
    assert arranged(of_brand("y", 1)) == ITEMS.tolist()  # 3 is there already
    assert arranged(of_brand("y", 2)) == [0, 1, 3, 5, 2, 4, 6, 7]
    assert arranged(of_brand("y", 4)) == [0, 1, 3, 5, 2, 4, 6, 7]  # there are only two
    assert arranged(of_brand("y", 2), n=1) == [3, 0, 1, 2, 4, 5, 6, 7]


def test_quota_leaves_a_demoted_item_behind() -> None:
    assert arranged(Seen("demote", numbers(5)), of_brand("y", 2)) == [0, 1, 2, 3, 4, 6, 7, 5]


def test_pins_stand_where_they_are_pinned() -> None:
    assert arranged(Pins(numbers(6, 2, -1), np.array([1, 3, 2]))) == [6, 0, 2, 1, 3, 4, 5, 7]
    assert arranged(Pins(numbers(0), np.array([99]))) == [1, 2, 3, 4, 5, 6, 7, 0]
    assert Policy((Pins(numbers(6, -1), np.array([1, 2])),)).required.tolist() == [6]


def test_caps_hold_together_and_the_last_gives_way() -> None:
    caps = Cap("brand", 1, CATALOGUE), Cap("shelf", 1, CATALOGUE)
    assert arranged(*caps, n=3)[:3] == [0, 5, 7]
    assert arranged(*caps)[:4] == [0, 5, 7, 6]  # there are three shelves
    assert arranged(*caps[::-1])[:4] == [0, 5, 7, 1]


def test_caps_leave_enough_for_the_rest() -> None:
    """The best item would leave nothing beside it: 1 is of its brand, 3 of its shelf."""
    items = numbers(0, 1, 3)
    policy = Policy((Cap("brand", 1, CATALOGUE), Cap("shelf", 1, CATALOGUE)))
    assert items[policy.arrange(items, SCORES[items], 2).order].tolist() == [1, 3, 0]
    assert items[policy.arrange(items, SCORES[items], 1).order].tolist() == [0, 1, 3]
    assert items[policy.arrange(items, SCORES[items], 3).order].tolist() == [0, 3, 1], "no three hold to both"


@settings(derandomize=True)
@given(
    kinds=st.lists(st.tuples(st.integers(-1, 2), st.integers(-1, 2)), min_size=1, max_size=7),
    most=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    n=st.integers(1, 5),
)
def test_a_list_under_caps_is_found_where_one_item_is_to_spare(
    kinds: list[tuple[int, int]], most: tuple[int, int], n: int
) -> None:
    """One cap alone always finds a list; two find one at least where one position more could be filled."""

    def hold(candidates: Sequence[int], caps: Sequence[int]) -> bool:
        chosen = [[kinds[candidate][cap] for candidate in candidates if kinds[candidate][cap] >= 0] for cap in caps]
        return all(
            values.count(value) <= most[cap] for cap, values in zip(caps, chosen, strict=True) for value in values
        )

    def found(n: int, caps: Sequence[int]) -> bool:
        return any(hold(some, caps) for some in combinations(range(len(kinds)), n))

    scores = -np.arange(len(kinds), dtype=np.float32)
    ranked = RankedCandidates.ranked(np.arange(len(kinds), dtype=np.int32), scores)
    for caps, spare in (((0,), 0), ((1,), 0), ((0, 1), 1)):
        columns = tuple(CapCount(np.array([kind[cap] for kind in kinds], dtype=np.int32), most[cap]) for cap in caps)
        chosen = selected(replace(ranked, caps=columns), n).items[:n].tolist()
        if found(min(n + spare, len(kinds) + spare), caps):
            assert hold(chosen, caps)


def test_a_quota_keeps_to_a_cap() -> None:
    assert arranged(Cap("brand", 2, CATALOGUE), of_shelf("q", 2)) == [0, 1, 3, 5, 2, 4, 6, 7]
    assert arranged(Cap("brand", 1, CATALOGUE), of_brand("x", 2))[:4] == [0, 3, 6, 7]


def test_several_quotas_hold_at_once() -> None:
    assert sorted(arranged(of_shelf("r", 1), of_brand("y", 2))[:4]) == [0, 3, 5, 7]
    assert arranged(of_shelf("q", 2), of_brand("y", 1), n=2)[:2] == [1, 5]  # one position for both
    assert arranged(of_shelf("r", 1), of_brand("y", 1), n=1)[0] == 7  # the first goes first


def test_pinned_items_count_for_caps_and_quotas() -> None:
    pin = Pins(numbers(4), np.array([1]))
    assert arranged(pin, Cap("brand", 2, CATALOGUE)) == [4, 0, 3, 5, 1, 2, 6, 7]
    assert arranged(pin, of_brand("y", 2)) == [4, 0, 3, 5, 1, 2, 6, 7]
    assert arranged(Pins(numbers(5), np.array([4])), of_brand("y", 1), n=4)[:4] == [0, 1, 2, 5]


def test_an_item_that_is_pinned_behind_the_list_is_not_shown_before() -> None:
    pin = Pins(numbers(3), np.array([6]))
    assert 3 not in arranged(pin)[:4]
    assert arranged(pin, of_brand("y", 2))[:4] == [0, 1, 2, 5]


def test_exploration_keeps_to_caps_and_quotas() -> None:
    drawn = set()
    for seed in range(50):
        exploration = Exploration(0.8, 3, np.random.default_rng(seed))
        shown = arranged(Cap("brand", 2, CATALOGUE), of_shelf("q", 2), exploration)[:4]
        brands, shelves = (CATALOGUE.frame[column].gather(shown).to_list() for column in ("brand", "shelf"))
        assert max(brands.count("x"), brands.count("y")) <= 2
        assert shelves.count("q") >= 2
        drawn.update(shown)
    assert len(drawn) > 4


def test_without_exploration_every_position_is_certain() -> None:
    policy = Policy((Exploration(0.0, 2, np.random.default_rng(0)),))
    found = policy.arrange(ITEMS, SCORES, 4)
    assert found.order.tolist() == ITEMS.tolist()
    assert found.propensities.tolist() == [1.0] * N_ITEMS
    assert [(change.step, change.moved) for change in found.changes] == [("exploration", 0)]


def test_propensities_are_how_often_an_item_stands_there() -> None:
    random, drawn = np.random.default_rng(1), np.zeros((4, N_ITEMS))
    told = np.full((4, N_ITEMS), np.nan)
    for _ in range(20_000):
        found = Policy((Pins(numbers(7), np.array([4])), Exploration(0.4, 2, random))).arrange(ITEMS, SCORES, 4)
        for position in range(4):
            item = ITEMS[found.order[position]]
            drawn[position, item] += 1
            assert np.isnan(told[position, item]) or told[position, item] == found.propensities[position]
            told[position, item] = found.propensities[position]
    # Places 1 and 4 (pinned) are certain; 2 and 3 draw from reserves of two each: 3, 5 and 4, 6.
    assert np.nansum(told, axis=1) == pytest.approx(1.0)
    np.testing.assert_allclose(drawn / 20_000, np.nan_to_num(told), atol=0.01)
    assert told[1, [1, 3, 5]] == pytest.approx([0.6, 0.2, 0.2])


@given(
    st.lists(st.tuples(st.floats(-5, 5, width=32), st.integers(0, N_ITEMS - 1)), max_size=12, unique_by=lambda r: r[1]),
    st.integers(1, 6),
    st.integers(0, 9),
)
def test_every_rule_keeps_every_candidate(rows: list[tuple[float, int]], n: int, seed: int) -> None:
    items = np.array([item for _, item in rows], dtype=np.int32)
    scores = np.array([score for score, _ in rows], dtype=np.float32)
    steps: tuple[Step, ...] = (
        Seen("demote", numbers(1, 4)),
        Boost({"brand": "x"}, 0.7, CATALOGUE),
        Cap("brand", 1, CATALOGUE),
        of_brand("y", 2),
        Pins(numbers(2), np.array([2])),
        Exploration(0.5, 2, np.random.default_rng(seed)),
    )
    candidates = RankedCandidates.ranked(items, scores)
    for step in steps:
        after = step.arrange(candidates, n)
        assert sorted(after.items.tolist()) == sorted(items.tolist())
        assert items[after.indices].tolist() == after.items.tolist()
        candidates = after


def test_thousands_of_candidates_under_rules_that_contradict_one_another_come_to_an_end() -> None:
    n, rng = 10_000, np.random.default_rng(0)
    candidates = RankedCandidates.ranked(np.arange(n, dtype=np.int32), -np.arange(n, dtype=np.float32))
    for kinds in range(2, 9):
        candidates = selected(replace(candidates, caps=(*candidates.caps, CapCount(np.arange(n) % kinds, 1))), 500)
    for _ in range(20):
        meets = rng.random(n) < 0.5
        candidates = selected(replace(candidates, floors=(*candidates.floors, FloorCount(meets, 400))), 500)
    assert sorted(candidates.items.tolist()) == list(range(n))
