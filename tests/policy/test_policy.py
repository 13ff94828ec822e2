"""Steps alone and in order."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.data.items.catalogue import ItemCatalogue
from recsys.errors import ConfigError
from recsys.policy.discovery import Discovery
from recsys.policy.diversity import Diversity
from recsys.policy.filters import Filters
from recsys.policy.pins import Pins
from recsys.policy.policy import Policy, PolicyChange
from recsys.policy.shares import Cap
from recsys.policy.steps import Available, Exclude, Seen

N_ITEMS = 6
CATALOGUE = ItemCatalogue(
    pl.DataFrame(
        {
            "item_id": [f"i{number}" for number in range(N_ITEMS)],
            "category": ["a", "a", "b", "b", "b", "c"],
            "available": [True, True, True, False, None, True],
        }
    )
)
# Items 0, 1 and 2 are alike, 3 and 4 are alike, 5 stands alone.
VECTORS = np.eye(3, dtype=np.float32)[[0, 0, 0, 1, 1, 2]]
ITEMS = np.arange(N_ITEMS, dtype=np.int32)
SCORES = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4], dtype=np.float32)


def numbers(*items: int) -> np.ndarray:
    return np.array(items, dtype=np.int32)


def allowed(policy: Policy) -> np.ndarray:
    mask = np.ones(N_ITEMS, dtype=bool)
    policy.narrow(mask, CATALOGUE)
    return mask


def arranged(*steps: object, scores: np.ndarray = SCORES, n: int = N_ITEMS) -> list[int]:
    order, *_ = Policy(steps).arrange(ITEMS, scores, n)  # type: ignore[arg-type]
    return ITEMS[order].tolist()


def test_order_is_by_score_then_item_number_and_nan_last() -> None:
    order, _, changes, _ = Policy(()).arrange(numbers(4, 9, 2, 7), np.array([1, np.nan, 1, 2], dtype=np.float32), 4)
    assert numbers(4, 9, 2, 7)[order].tolist() == [7, 2, 4, 9]
    assert changes == []


def test_steps_narrow_together() -> None:
    policy = Policy((Available(), Seen("exclude", numbers(0, 0, -1)), Exclude(numbers(5)), Filters({"category": "b"})))
    mask = allowed(policy)
    assert np.flatnonzero(mask).tolist() == [2, 4]


def test_steps_that_name_nothing_forbid_nothing() -> None:
    steps = (
        Seen("keep", numbers(0)),
        Seen("demote", numbers(0)),
        Exclude(numbers()),
        Exclude(numbers(-1)),
        Filters({}),
    )
    assert allowed(Policy(steps)).all()


def test_what_is_eligible_is_ordered_and_reported_step_by_step() -> None:
    policy = Policy((Available(), Exclude(numbers(3, 4)), Seen("exclude", numbers(0)), Diversity(1.0, VECTORS)))
    mask = allowed(policy)
    left = ITEMS[mask]
    order, _, changes, _ = policy.arrange(left, SCORES[mask], 2)
    assert left[order].tolist() == [1, 5, 2]
    assert policy.removed(CATALOGUE) == [1, 2, 1, 0]
    assert [change.step for change in changes] == ["available", "exclude", "seen", "diversity"]
    assert [change.moved for change in changes] == [0, 0, 0, 1]


def test_the_callers_columns_follow_the_order() -> None:
    shuffled = numbers(3, 5, 0)
    order, *_ = Policy((Seen("demote", numbers(0)),)).arrange(shuffled, SCORES[shuffled], 3)
    assert order.tolist() == [0, 1, 2]


def test_seen_items_are_demoted_and_stay_so_under_diversity() -> None:
    assert arranged(Seen("demote", numbers(0, 4))) == [1, 2, 3, 5, 0, 4]
    assert arranged(Seen("demote", numbers(5)), Diversity(1.0, VECTORS))[-1] == 5
    assert arranged(Seen("keep", numbers(0))) == [0, 1, 2, 3, 4, 5]


def test_another_dial_moves_neither_pins_nor_caps() -> None:
    pins, cap = Pins(numbers(2), np.array([1])), Cap("category", 2, CATALOGUE)
    for steps in ((Available(), pins, cap), (Available(), Diversity(0.1, VECTORS), pins, cap)):
        policy = Policy(steps).with_dial(Diversity(0.5, VECTORS))
        assert [step.name for step in policy.steps] == ["available", "diversity", "pins", "cap"]
        policy = policy.with_dial(Discovery(0.5, np.zeros(6).take)).with_dial(Discovery(0.1, np.zeros(6).take))
        assert [step.name for step in policy.steps] == ["available", "discovery", "diversity", "pins", "cap"]
    assert Policy((Available(),)).with_dial(Diversity(0.5, VECTORS)).steps[-1].name == "diversity"


def test_diversity_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    # Relevance 1, .950, .900, .851, .803, .755. First 0; then at dial .5 item 1 has .475 - .5, item 3 .426 and item 5
    # .378: 3. Of the likeness to both item 1 has .475 - .25, item 4 .401 - .25, 5 .378: 5. Then 1 has .475 - .5 / 3.
    assert arranged(Diversity(0.5, VECTORS), n=2) == [0, 3, 1, 2, 4, 5]
    assert arranged(Diversity(0.5, VECTORS), n=3) == [0, 3, 5, 1, 2, 4]
    assert arranged(Diversity(0.5, VECTORS), n=4) == [0, 1, 3, 5, 2, 4], "the best first of those seen together"
    monkeypatch.setattr("recsys.policy.diversity._SEEN_TOGETHER", 2)
    assert arranged(Diversity(0.5, VECTORS), n=4) == [0, 3, 1, 5, 2, 4]
    assert arranged(Diversity(0.5, VECTORS), n=3) == [0, 3, 5, 1, 2, 4]


def test_full_dial_shows_each_kind_first() -> None:
    assert arranged(Diversity(1.0, VECTORS), n=3)[:3] == [0, 3, 5]


def test_diversity_of_equal_or_missing_scores() -> None:
    assert arranged(Diversity(0.5, VECTORS), scores=np.zeros(6, dtype=np.float32), n=3)[:3] == [0, 3, 5]
    assert arranged(Diversity(0.1, VECTORS), scores=np.full(6, np.nan, dtype=np.float32), n=3)[:3] == [0, 3, 5]
    gap = np.array([np.inf, 0.5, np.nan, 0.4, 0.3, -np.inf], dtype=np.float32)
    assert sorted(arranged(Diversity(0.3, VECTORS), scores=gap)) == ITEMS.tolist()


def test_no_candidate_or_one_keeps_its_order() -> None:
    policy = Policy((Seen("demote", numbers(0)), Diversity(0.5, VECTORS)))
    for n_candidates in (0, 1):
        order, *_ = policy.arrange(ITEMS[:n_candidates], SCORES[:n_candidates], 10)
        assert order.tolist() == list(range(n_candidates))


@pytest.mark.parametrize("dial", [-0.1, 1.1, float("nan")])
def test_a_dial_out_of_range_is_refused(dial: float) -> None:
    with pytest.raises(ConfigError, match=r"policy\.diversity"):
        Diversity(dial, VECTORS)


SCORE = st.sampled_from([0.0, 0.25, 0.5, 1.0, -1.0, float("nan")])


@given(st.lists(SCORE, min_size=0, max_size=12), st.integers(0, 12), st.integers(0, 9))
def test_dial_zero_keeps_the_order(scores: list[float], n: int, seed: int) -> None:
    items = np.arange(len(scores), dtype=np.int32)
    vectors = np.random.default_rng(seed).standard_normal((len(scores), 3)).astype(np.float32)
    values = np.array(scores, dtype=np.float32)
    kept, _, changes, _ = Policy((Diversity(0.0, vectors),)).arrange(items, values, n)
    np.testing.assert_array_equal(kept, Policy(()).arrange(items, values, n)[0])
    assert changes == [PolicyChange("diversity", 0, 0)]


@given(st.lists(SCORE, min_size=1, max_size=12), st.floats(0, 1), st.integers(1, 12), st.integers(0, 9))
def test_every_order_is_a_permutation_that_starts_with_the_best(
    scores: list[float], dial: float, n: int, seed: int
) -> None:
    items = np.arange(len(scores), dtype=np.int32)
    vectors = np.random.default_rng(seed).standard_normal((len(scores), 3)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    values = np.array(scores, dtype=np.float32)
    order, *_ = Policy((Diversity(dial, vectors),)).arrange(items, values, n)
    assert sorted(order.tolist()) == items.tolist()
    assert order[0] == Policy(()).arrange(items, values, n)[0][0]
