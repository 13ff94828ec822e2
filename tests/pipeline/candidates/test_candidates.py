"""Candidates: never too many, never forbidden, the same every time."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.pipeline.candidates.merging import Candidates, Pairs, Proposal
from recsys.pipeline.candidates.merging import merge as merge_proposals
from recsys.retrieval.scores import DenseScores


def items_of(candidates: Candidates, request: int = 0) -> list[int]:
    return candidates.items[candidates.rows == request].tolist()


def merge(values, eligible, n, required=None) -> Candidates:  # type: ignore[no-untyped-def]
    """From dense scores."""
    pairs = None if required is None else Pairs(*np.nonzero(required))
    said = {name: DenseScores(one) for name, one in values.items()}
    most = min(n, eligible.shape[1])
    alike = np.ones(len(eligible), dtype=np.float32)
    proposals = {name: Proposal(one, one.best(eligible, most), alike) for name, one in said.items()}
    return merge_proposals(proposals, eligible, n, pairs)


def scores(*rows: list[float]) -> np.ndarray:  # type: ignore[type-arg]
    return np.array(rows, dtype=np.float32)


@settings(max_examples=60)
@given(st.integers(1, 4), st.integers(1, 12), st.integers(1, 15), st.integers(0, 2**31))
def test_candidates_are_eligible_ordered_and_carry_all_scores(n_requests: int, n_items: int, n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = (n_requests, n_items)
    given_scores = {name: rng.integers(-1, 3, shape).astype(np.float32) for name in ("a", "b", "c")}
    eligible = rng.random(shape) < 0.6
    required = eligible & (rng.random(shape) < 0.2)
    found = merge(given_scores, eligible, n)
    with_required = merge(given_scores, eligible, n, required)
    for candidates in (found, with_required):
        assert eligible[candidates.rows, candidates.items].all()
        assert (np.diff(candidates.rows * n_items + candidates.items) > 0).all(), "by request, then by item; each once"
        for name, values in given_scores.items():
            np.testing.assert_array_equal(candidates.scores[name], values[candidates.rows, candidates.items])
        for bit, values in enumerate(given_scores.values()):
            own = candidates.proposed_by >> bit & 1 == 1
            assert (values[candidates.rows[own], candidates.items[own]] != 0).all(), "0 knows nothing"
    sizes = np.bincount(found.rows, minlength=n_requests)
    assert sizes.tolist() == np.minimum(n, eligible.sum(axis=1)).tolist(), "filled up as far as items go"
    chosen = np.zeros(shape, dtype=bool)
    chosen[found.rows, found.items] = True
    again = np.zeros(shape, dtype=bool)
    again[with_required.rows, with_required.items] = True
    np.testing.assert_array_equal(again, chosen | required)
    beyond = with_required.beyond(n)
    np.testing.assert_array_equal(beyond, ~chosen[with_required.rows, with_required.items], "only required")
    for request in range(n_requests):
        one = slice(request, request + 1)
        alone = merge({name: values[one] for name, values in given_scores.items()}, eligible[one], n)
        assert items_of(alone) == items_of(found, request), "a request does not depend on those beside it"


def test_reciprocal_ranks_are_summed() -> None:
    """Second place twice is worth more than first place once: 2 / 21 > 1 / 20."""
    found = merge({"a": scores([9, 8, 0, 0]), "b": scores([0, 8, 9, 0])}, np.ones((1, 4), dtype=bool), 2)
    assert items_of(found) == [0, 1], "of the two first places, the lower number"
    assert found.proposed_by.tolist() == [0b01, 0b11]


def test_a_source_counts_as_much_as_its_weight_in_each_request() -> None:
    """The third place of a source counts more than the first ones of two that count a fifth: 5 / 22 > 2 / 20."""
    everything = np.ones((2, 5), dtype=bool)
    trusted, other = DenseScores(scores([5, 4, 3, 0, 0], [5, 4, 3, 0, 0])), DenseScores(scores(*[[0, 0, 0, 9, 8]] * 2))
    once = np.ones(2, dtype=np.float32)
    proposals = {
        "trusted in the first request": Proposal(trusted, trusted.best(everything, 3), scores([5, 1])[0]),
        "a": Proposal(other, other.best(everything, 3), once),
        "b": Proposal(other, other.best(everything, 3), once),
    }
    found = merge_proposals(proposals, everything, 3)
    assert items_of(found, 0) == [0, 1, 2]
    assert items_of(found, 1) == [0, 3, 4]


def test_a_source_proposes_its_n_best_only() -> None:
    found = merge({"a": scores([1, 2, 3, 4]), "b": scores([4, 3, 2, 1])}, np.ones((1, 4), dtype=bool), 2)
    assert dict(zip(found.items.tolist(), found.proposed_by.tolist(), strict=True)) == {
        0: 0b10,
        3: 0b01,
    }


def test_equal_scores_are_taken_by_item_number() -> None:
    everything = np.ones((1, 50), dtype=bool)
    assert items_of(merge({"a": scores([1.0] * 50)}, everything, 5)) == [0, 1, 2, 3, 4]
    assert items_of(merge({"a": scores([0.0] * 50)}, everything, 5)) == [0, 1, 2, 3, 4], "fillers too"
    some = scores([0.0] * 20 + [2.0] * 10 + [1.0] * 20)
    assert items_of(merge({"a": some}, everything, 13)) == [*range(20, 33)]


def test_no_item_may_be_listed() -> None:
    found = merge({"a": scores([1, 2])}, np.zeros((1, 2), dtype=bool), 2)
    assert len(found.items) == len(found.rows) == 0
    assert found.items.dtype == np.int32


def test_without_a_source_the_eligible_items_stand_in() -> None:
    assert items_of(merge({}, np.array([[True, False, True]]), 5)) == [0, 2]


def test_kept_candidates_keep_their_scores() -> None:
    found = merge({"a": scores([1, 2, 3])}, np.ones((1, 3), dtype=bool), 3)
    kept = found.keep(np.array([False, True, True]))
    assert items_of(kept) == [1, 2]
    assert kept.scores["a"].tolist() == [2, 3]
