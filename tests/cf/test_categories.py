"""Popularity within the categories, brands and tags that the user chose from."""

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp
from scorer_contract import CONFIG, ScorerContract, dense, make_histories, make_log

from recsys.cf.categories import CategoryPopularity
from recsys.cf.model import CollaborativeModel
from recsys.data.groups.membership import Groups
from recsys.data.log.interactions import InteractionLog


def groups(*of_items: tuple[int, ...]) -> Groups:
    """From the groups of each item."""
    rows = [item for item, own in enumerate(of_items) for _ in own]
    columns = [group for own in of_items for group in own]
    shape = (len(of_items), max(columns) + 1)
    members = sp.csr_matrix((np.ones(len(rows), dtype=np.float32), (rows, columns)), shape)
    names = pl.DataFrame({"column": ["tags"] * shape[1], "value": [f"group {group}" for group in range(shape[1])]})
    return Groups(members, names)


class TestCategoryPopularity(ScorerContract):
    model = CategoryPopularity

    def fit(self, log: InteractionLog) -> CollaborativeModel:
        return CategoryPopularity.of(groups(*((item % 3, 3 + item % 2) for item in range(log.n_items))), log, CONFIG)

    def test_what_is_popular_in_the_chosen_groups_scores_by_their_shares(self):
        log = make_log([(0, 0, 0), (0, 1, 0), (1, 1, 0), (2, 1, 0), (3, 2, 0), (3, 3, 0)], 5)
        model = CategoryPopularity.of(groups((0,), (0,), (1,), (1, 2), (2,)), log, CONFIG)
        scores = dense(model, make_histories([0], [2], [4], []), 5)
        assert scores[0].tolist() == pytest.approx([0.5, 0.75**0.5, 0, 0, 0])
        assert scores[1].tolist() == pytest.approx([0, 0, 0.5**0.5, 0.5**0.5, 0])
        assert scores[2].tolist() == pytest.approx([0, 0, 0, 1, 0])
        assert not scores[3].any()

    def test_an_item_gains_from_each_group_and_the_newest_choice_counts_most(self):
        log = make_log([(0, item, 0) for item in range(4)], 4)
        model = CategoryPopularity.of(groups((0, 2), (1, 2), (0, 2), (1,)), log, CONFIG)
        older_first, newer_first = dense(model, make_histories([0, 3], [3, 0]), 4)
        assert older_first[2] > 1 / 2**0.5  # group 0 and group 2
        assert older_first[3] > older_first[1] - older_first[0]
        assert newer_first[2] > older_first[2]
        assert newer_first[3] < older_first[3]

    def test_in_a_large_catalogue_only_the_best_of_a_group_have_a_score(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("recsys.cf.categories.MOST_OF_A_GROUP", 2)
        log = make_log([(user, item, 0) for item in range(5) for user in range(item + 1)], 6)
        whole = CategoryPopularity.of(groups((0,), (0,), (0,), (1,), (0,), (1,)), log, CONFIG)
        histories = make_histories([0, 3])
        expected = dense(whole, histories, 6)
        expected[0, :2] = 0
        np.testing.assert_array_equal(dense(whole.indexed(), histories, 6), expected)
        assert dense(whole, histories, 6)[0, :2].all()
