"""Order, ties and targets."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from benchmarks.dense_lists import top_k
from recsys.errors import DataError
from recsys.eval.ranking import RankedLists, Targets, pessimistic, pessimistic_hits

FEW_SCORES = st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.5, float("nan"), float("-inf"), float("inf")])


def matrix(*rows: list[float]) -> np.ndarray:
    return np.array(rows, dtype=np.float32)


def test_top_k_orders_by_score_then_number() -> None:
    lists = top_k(matrix([0.1, 0.9, 0.9, -2.0], [np.nan, -1.0, -np.inf, 0.0]), 3)
    np.testing.assert_array_equal(lists.items, [[1, 2, 0], [3, 1, 2]])
    np.testing.assert_allclose(lists.scores, matrix([0.9, 0.9, 0.1], [0.0, -1.0, -np.inf]))


def test_nan_ranks_last_but_is_listed() -> None:
    np.testing.assert_array_equal(top_k(matrix([np.nan, -np.inf, -3.4e38]), 3).items, [[2, 1, 0]])


def test_excluded_items_are_never_listed() -> None:
    scores = matrix([3, 2, 1], [3, 2, 1])
    np.testing.assert_array_equal(top_k(scores, 9, exclude=np.array([True, False, False])).items, [[1, 2, -1]] * 2)
    per_request = np.array([[True, True, True], [False, True, False]])
    np.testing.assert_array_equal(top_k(scores, 2, exclude=per_request).items, [[-1, -1], [0, 2]])


def test_zeros_of_both_signs_are_equal() -> None:
    np.testing.assert_array_equal(top_k(matrix([-0.0, 0.0]), 2).items, [[0, 1]])


def test_targets_go_behind_their_ties_also_across_the_cut() -> None:
    targets = Targets.of([[0], [0]])
    lists = top_k(matrix([1, 1, 1, 0], [2, 1, 1, 0]), 2, targets=targets)
    np.testing.assert_array_equal(lists.items, [[1, 2], [0, 1]])


def test_a_constant_scorer_gets_no_credit() -> None:
    rng = np.random.default_rng(0)
    scores = np.zeros((200, 50), dtype=np.float32)
    targets = Targets.of([[int(item)] for item in rng.integers(0, 50, 200)])
    assert not pessimistic_hits(top_k(scores, 10, targets=targets), targets).any()
    assert not pessimistic_hits(top_k(scores, 50), targets)[:, :10].any()


def test_an_unknown_target_is_never_found_in_the_padding() -> None:
    lists = RankedLists(np.array([[-1, -1]], dtype=np.int32), matrix([0, 0]))
    assert not pessimistic_hits(lists, Targets.of([[-1]])).any()
    # Item -1 of the second request must not be taken for the last item of the first.
    lists = RankedLists(np.array([[3, 2], [1, 0]], dtype=np.int32), matrix([2, 1], [2, 1]))
    assert not pessimistic_hits(lists, Targets.of([[0], [-1]])).any()


def test_lists_must_be_distinct_and_of_one_shape() -> None:
    with pytest.raises(DataError, match="item number 4 twice"):
        RankedLists(np.array([[4, 1, 4]], dtype=np.int32), matrix([3, 2, 1]))
    with pytest.raises(DataError, match="one shape"):
        RankedLists(np.array([[4, 1]], dtype=np.int32), matrix([3, 2, 1]))
    with pytest.raises(DataError, match=r"1 lists .* 2 requests"):
        pessimistic_hits(RankedLists(np.array([[4]], dtype=np.int32), matrix([3])), Targets.of([[1], [1]]))


def test_lists_of_unequal_length_are_padded() -> None:
    lists = RankedLists.of(
        [np.array([3, 1], dtype=np.int32), np.array([], dtype=np.int32), np.array([2], dtype=np.int32)],
        [np.array([2, 1], dtype=np.float32), np.array([], dtype=np.float32), np.array([5], dtype=np.float32)],
    )
    np.testing.assert_array_equal(lists.items, [[3, 1], [-1, -1], [2, -1]])
    assert RankedLists.of([], []).items.shape == (0, 0)


def test_no_requests_and_no_items_give_empty_lists() -> None:
    assert top_k(np.empty((0, 3), dtype=np.float32), 2).items.shape == (0, 2)
    assert top_k(np.empty((2, 0), dtype=np.float32), 2).items.shape == (2, 0)


def test_targets_count_once_and_slice() -> None:
    targets = Targets.of([[1, 1, 2], [], [3]])
    np.testing.assert_array_equal(targets.counts, [2, 0, 1])
    chosen = targets.select(np.array([False, True, True]))
    np.testing.assert_array_equal(chosen.offsets, [0, 0, 1])
    np.testing.assert_array_equal(chosen.items, [3])
    kept = targets.keep(np.array([False, True, True]))
    np.testing.assert_array_equal(kept.offsets, [0, 1, 1, 2])
    np.testing.assert_array_equal(kept.items, [2, 3])


@st.composite
def scores_and_targets(draw: st.DrawFn) -> tuple[np.ndarray, Targets]:
    n_requests, n_items = draw(st.integers(1, 4)), draw(st.integers(1, 8))
    scores = draw(hnp.arrays(np.float32, (n_requests, n_items), elements=FEW_SCORES))
    targets = draw(st.lists(st.sets(st.integers(0, n_items - 1)), min_size=n_requests, max_size=n_requests))
    return scores, Targets.of(targets)


@given(scores_and_targets())
def test_dense_and_listed_positions_agree(given_: tuple[np.ndarray, Targets]) -> None:
    scores, targets = given_
    hits = pessimistic_hits(top_k(scores, scores.shape[1]), targets)
    np.testing.assert_array_equal(hits, pessimistic_hits(top_k(scores, scores.shape[1], targets=targets), targets))
    # A score that is not known is behind every other, -inf included.
    known = np.nan_to_num(scores.astype(np.float64), nan=-np.inf, posinf=1e300, neginf=-1e300)
    for row in range(len(targets)):
        wanted = np.isin(np.arange(scores.shape[1]), targets.items[targets.rows == row])
        ahead = [np.count_nonzero(known[row, ~wanted] >= known[row, item]) for item in np.flatnonzero(wanted)]
        np.testing.assert_array_equal(np.cumsum(~hits[row])[hits[row]], np.sort(ahead))


@given(scores_and_targets())
def test_pessimism_never_helps(given_: tuple[np.ndarray, Targets]) -> None:
    scores, targets = given_
    as_sorted = np.zeros(scores.shape, dtype=bool)
    items = top_k(scores, scores.shape[1]).items
    for row in range(len(targets)):
        as_sorted[row] = np.isin(items[row], targets.items[targets.rows == row])
    hits = pessimistic_hits(top_k(scores, scores.shape[1]), targets)
    assert (np.cumsum(hits, axis=1) <= np.cumsum(as_sorted, axis=1)).all()


@given(scores_and_targets(), st.integers(1, 4))
def test_as_many_positions_more_as_there_are_targets_are_deep_enough(
    given_: tuple[np.ndarray, Targets], k: int
) -> None:
    scores, targets = given_
    whole = pessimistic_hits(top_k(scores, scores.shape[1]), targets)[:, :k]
    cut = pessimistic(top_k(scores, k + int(targets.counts.max())), targets, k)
    np.testing.assert_array_equal(pessimistic_hits(cut, targets), whole)


@given(scores_and_targets(), st.randoms(use_true_random=False))
def test_numbering_of_the_items_changes_nothing(given_: tuple[np.ndarray, Targets], random: object) -> None:
    scores, targets = given_
    n_items = scores.shape[1]
    numbers = list(range(n_items))
    random.shuffle(numbers)  # type: ignore[attr-defined]
    permuted = np.empty_like(scores)
    permuted[:, numbers] = scores
    renamed = Targets(targets.offsets, np.array(numbers, dtype=np.int32)[targets.items])
    for k in {1, n_items}:
        np.testing.assert_array_equal(
            pessimistic_hits(top_k(scores, k, targets=targets), targets),
            pessimistic_hits(top_k(permuted, k, targets=renamed), renamed),
        )
