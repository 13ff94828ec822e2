"""What sources say: whatever the form, the same best items and the same scores as in a full matrix."""

from unittest.mock import patch

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.data.log.history import ItemWeights
from recsys.retrieval import scores
from recsys.retrieval.scores import DenseScores, Scores, SharedScores, SparseScores, best_of


def check_same(scores: Scores, values: np.ndarray, seed: int) -> None:  # type: ignore[type-arg]
    """The answers are those of the matrix, worked out plainly."""
    rng, (n_requests, n_items) = np.random.default_rng(seed), values.shape
    eligible, n = rng.random(values.shape) < 0.7, int(rng.integers(1, n_items + 2))
    best = scores.best(eligible, n)
    assert best.shape == (n_requests, n)
    assert best.dtype == np.int32
    for row in range(n_requests):
        known = [item for item in range(n_items) if eligible[row, item] and values[row, item] != 0]
        expected = sorted(known, key=lambda item: (-values[row, item], item))[:n]
        assert best[row].tolist() == expected + [-1] * (n - len(expected))
    rows = np.sort(rng.integers(0, n_requests, 50)) if n_requests else np.zeros(0, dtype=np.int64)
    items = rng.integers(0, n_items, len(rows)).astype(np.int32)
    np.testing.assert_array_equal(scores.of(rows, items), values[rows, items])


@settings(max_examples=40)
@given(st.integers(0, 4), st.integers(1, 30), st.integers(0, 2**31))
def test_dense_and_shared_scores_answer_as_the_whole_matrix(n_requests: int, n_items: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(-2, 4, (n_requests, n_items)).astype(np.float32)
    check_same(DenseScores(values), values, seed)
    one = rng.integers(-2, 4, n_items).astype(np.float32)
    order = best_of(one, n_items).astype(np.int32)
    check_same(SharedScores(one, order), np.tile(one, (n_requests, 1)), seed)


@settings(max_examples=40)
@given(st.integers(0, 4), st.integers(1, 30), st.integers(0, 2**31))
def test_links_to_past_items_score_as_the_product_does(n_requests: int, n_items: int, seed: int) -> None:
    """To the last bit: on equal scores the order of two items must not depend on how they were added up."""
    rng = np.random.default_rng(seed)
    histories = sp.random(n_requests, n_items, 0.3, "csr", np.float32, rng)
    past = ItemWeights(histories.indptr.astype(np.int64), histories.indices, histories.data)
    links = sp.random(n_items, n_items, 0.3, "csr", np.float32, rng)
    for many in (0.0, np.inf):  # most are passed over for what a sample says, or none
        with patch.object(scores, "_SAMPLED_ABOVE", many):
            check_same(SparseScores.of_links(past, links), (histories @ links).toarray(), seed)


@settings(max_examples=50)
@given(st.integers(0, 4), st.integers(1, 60), st.integers(0, 20), st.integers(0, 2**31))
def test_what_is_lent_adds_up_beside_what_is_known(n_requests: int, n_known: int, n_more: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    lends = rng.random(n_known) < 0.7
    known = ((rng.random((n_requests, n_known)) < 0.3) * rng.random((n_requests, n_known)) * lends).astype(np.float32)
    shares = (rng.random((n_known, n_known + n_more)) < 0.1) * rng.random((n_known, n_known + n_more)) * lends[:, None]
    shares[:, :n_known] *= ~lends
    table = sp.csr_matrix(known)
    said = SparseScores(table.indptr.astype(np.int64), table.indices.astype(np.int32), table.data, n_known)
    found = said.with_borrowers(sp.csr_matrix(shares, dtype=np.float32))
    expected = known @ shares
    expected[:, :n_known] += known
    lists = sp.csr_matrix((found.values, found.items, found.offsets), shape=expected.shape)
    np.testing.assert_allclose(lists.toarray(), expected, rtol=1e-5)
    for row in range(n_requests):
        assert (np.diff(found.items[found.offsets[row] : found.offsets[row + 1]]) > 0).all()


def test_popular_items_are_found_however_few_are_eligible() -> None:
    values = np.arange(1, 1_001, dtype=np.float32)
    scores = SharedScores(values, np.arange(999, -1, -1, dtype=np.int32))
    eligible = np.zeros((1, 1_000), dtype=bool)
    eligible[0, [3, 5]] = True
    assert scores.best(eligible, 3).tolist() == [[5, 3, -1]]


@pytest.mark.parametrize(("n", "expected"), [(1, [1]), (2, [1, 3]), (3, [1, 3, 0]), (9, [1, 3, 0, 2, 4])])
def test_the_best_are_in_order_and_equal_ones_by_place(n: int, expected: list[int]) -> None:
    assert best_of(np.array([1, 7, 1, 2, 1], dtype=np.float32), n).tolist() == expected
