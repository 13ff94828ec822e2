"""Metrics against values worked by hand."""

import numpy as np
import pytest

from recsys.eval.metrics.auc import auc
from recsys.eval.metrics.average_precision import average_precision
from recsys.eval.metrics.coverage import coverage
from recsys.eval.metrics.diversity import diversity
from recsys.eval.metrics.hit_rate import hit_rate
from recsys.eval.metrics.mrr import mrr
from recsys.eval.metrics.ndcg import ndcg
from recsys.eval.metrics.novelty import novelty
from recsys.eval.metrics.personalisation import personalisation
from recsys.eval.metrics.recall import recall

# Four positions. First list: targets at 1 and 3 of three. Second: at 2 of one. Third: none of two. Fourth: no targets.
HITS = np.array([[1, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]], dtype=bool)
N_TARGETS = np.array([3, 1, 2, 0])


def test_ndcg() -> None:
    ideal = 1 + 1 / np.log2(3) + 1 / 2
    expected = [(1 + 1 / 2) / ideal, 1 / np.log2(3), 0, np.nan]
    np.testing.assert_allclose(ndcg(HITS, N_TARGETS), expected)


def test_ndcg_reaches_one_with_more_targets_than_positions() -> None:
    assert ndcg(np.ones((1, 4), dtype=bool), np.array([9])) == pytest.approx(1.0)


def test_recall_counts_all_targets() -> None:
    np.testing.assert_allclose(recall(HITS, N_TARGETS), [2 / 3, 1, 0, np.nan])
    np.testing.assert_allclose(recall(np.ones((1, 4), dtype=bool), np.array([8])), [0.5])


def test_hit_rate() -> None:
    np.testing.assert_allclose(hit_rate(HITS, N_TARGETS), [1, 1, 0, np.nan])


def test_mrr() -> None:
    np.testing.assert_allclose(mrr(HITS, N_TARGETS), [1, 1 / 2, 0, np.nan])


def test_average_precision() -> None:
    np.testing.assert_allclose(average_precision(HITS, N_TARGETS), [(1 + 2 / 3) / 3, 1 / 2, 0, np.nan])
    np.testing.assert_allclose(average_precision(np.ones((1, 4), dtype=bool), np.array([9])), [1.0])


def test_auc() -> None:
    listed = np.array([[1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 1, 1], [0, 0, 0, 0]], dtype=bool)
    # First: 1 beats both others, 3 beats one of two. Second: one of two others is behind. Third: no target listed.
    np.testing.assert_allclose(auc(HITS, listed), [3 / 4, 1 / 2, np.nan, np.nan])


def test_auc_needs_an_item_that_is_no_target() -> None:
    every = np.ones((1, 3), dtype=bool)
    assert np.isnan(auc(every, every)).all()


def test_coverage_ignores_padding() -> None:
    assert coverage(np.array([[0, 1], [1, -1]], dtype=np.int32), 8) == 0.25
    assert np.isnan(coverage(np.empty((1, 0), dtype=np.int32), 0))


def test_novelty() -> None:
    # Shares with one added: 4/8, 2/8, 1/8, 1/8, so 1, 2, 3 and 3 bits.
    popularity = np.array([3.0, 1.0, 0.0, 0.0])
    items = np.array([[0, 1], [2, -1], [-1, -1]], dtype=np.int32)
    np.testing.assert_allclose(novelty(items, popularity), [1.5, 3, np.nan])


def test_diversity() -> None:
    vectors = np.array([[2, 0], [0, 1], [-1, 0], [0, 0]], dtype=np.float32)
    items = np.array([[0, 1, 2], [0, 0, -1], [0, 2, -1], [0, 3, -1], [1, -1, -1]], dtype=np.int32)
    # Cosines of the first: 0, -1, 0. The zero vector is alike to nothing.
    np.testing.assert_allclose(diversity(items, vectors), [4 / 3, 0, 2, 1, np.nan])


def test_no_lists_have_no_diversities() -> None:
    assert diversity(np.empty((0, 3), dtype=np.int32), np.ones((2, 2), dtype=np.float32)).shape == (0,)


def test_lists_without_positions_have_no_metric_where_nothing_was_wanted() -> None:
    hits, n_targets = np.empty((2, 0), dtype=bool), np.array([1, 0])
    for metric in (ndcg, recall, hit_rate, mrr, average_precision):
        values = metric(hits, n_targets)
        assert np.isnan(values[1])


def test_personalisation_by_hand() -> None:
    same = np.array([[0, 1], [1, 0], [0, 1]], dtype=np.int32)
    assert personalisation(same) == 0.0
    assert personalisation(np.array([[0, 1], [2, 3]], dtype=np.int32)) == 1.0
    # Pairs share 1, 1 and 0 of 2 positions.
    assert personalisation(np.array([[0, 1], [0, 2], [1, 3]], dtype=np.int32)) == pytest.approx(1 - 2 / 3 / 2)
    assert np.isnan(personalisation(same[:1]))
    empty = np.full((3, 2), -1, dtype=np.int32)
    assert np.isnan(personalisation(empty)), "no list is unlike another"
    assert np.isnan(personalisation(empty[:, :0]))
    assert personalisation(np.concatenate([same, empty])) == 0.0, "an empty list is none"
