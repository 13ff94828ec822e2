"""From lists to figures."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.dense_lists import top_k
from recsys.errors import DataError
from recsys.eval.protocol import Measurement, evaluate_lists
from recsys.eval.ranking import RankedLists, Targets
from recsys.eval.slices import category_slices, request_slices

POPULARITY = np.array([3.0, 1.0, 0.0, 0.0])
VECTORS = np.eye(4, dtype=np.float32)
NAMES = [
    "ndcg@2",
    "recall@2",
    "hit_rate@2",
    "mrr@2",
    "map@2",
    "novelty@2",
    "diversity@2",
    "auc",
    "coverage@2",
    "personalisation@2",
]


def measure(scores: list[list[float]], targets: list[list[int]], **options: object) -> Measurement:
    wanted = Targets.of(targets)
    lists = top_k(np.array(scores, dtype=np.float32), 4, targets=wanted)
    return evaluate_lists(lists, wanted, popularity=POPULARITY, vectors=VECTORS, **({"k": 2} | options))  # type: ignore[arg-type]


def test_figures_by_hand() -> None:
    found = measure([[4, 3, 2, 1], [1, 2, 3, 4]], [[1], [3, 0]])
    summary = found.summary()
    assert sorted(summary) == sorted(NAMES)
    # First: target at 2 of 4. Second: targets at 1 and 4.
    means = {name: interval["mean"] for name, interval in summary.items()}
    assert means["ndcg@2"] == pytest.approx((1 / math.log2(3) + 1 / (1 + 1 / math.log2(3))) / 2)
    assert means["recall@2"] == pytest.approx((1 + 1 / 2) / 2)
    assert means["hit_rate@2"] == 1
    assert means["mrr@2"] == pytest.approx((1 / 2 + 1) / 2)
    assert means["map@2"] == pytest.approx((1 / 2 + 1 / 2) / 2)
    assert means["novelty@2"] == pytest.approx((1.5 + 3) / 2)
    assert means["diversity@2"] == 1
    assert means["auc"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert means["coverage@2"] == 1
    assert means["personalisation@2"] == 1


def test_summary_is_json_also_where_nothing_is_defined() -> None:
    empty = measure([[4, 3, 2, 1]], [[]]).summary()
    assert json.loads(json.dumps(empty, allow_nan=False))["ndcg@2"] == {"mean": None, "low": None, "high": None}
    unlisted = replace(measure([[4, 3, 2, 1]] * 2, [[1], [2]]), items=np.full((2, 2), -1, dtype=np.int32)).summary()
    assert unlisted["personalisation@2"] == {"mean": None, "low": None, "high": None}
    none = measure([[4, 3, 2, 1]], [[1]]).select(np.array([False])).summary()
    assert none["coverage@2"]["mean"] is None


def test_constant_scores_earn_nothing() -> None:
    found = measure([[0, 0, 0, 0]] * 4, [[0], [1], [2], [3]])
    for name in ("ndcg@2", "recall@2", "hit_rate@2", "mrr@2", "map@2", "auc"):
        assert found.mean(name) == 0


def test_a_short_list_is_held_to_the_full_length() -> None:
    lists = RankedLists(np.array([[0]], dtype=np.int32), np.array([[1.0]], dtype=np.float32))
    found = evaluate_lists(lists, Targets.of([[0, 1]]), popularity=POPULARITY, vectors=VECTORS, k=2)
    assert found.mean("ndcg@2") == pytest.approx(1 / (1 + 1 / math.log2(3)))
    assert found.mean("map@2") == 0.5


def test_the_mean_leaves_out_requests_without_targets() -> None:
    assert measure([[4, 3, 2, 1]] * 2, [[0], []]).mean("hit_rate@2") == 1


def test_slices_measure_their_own_requests() -> None:
    found = measure([[4, 3, 2, 1], [4, 3, 2, 1]], [[0], [3]], users=np.array([5, 6], dtype=np.int32))
    part = found.select(np.array([False, True]))
    assert (part.n_requests, part.mean("ndcg@2"), part.summary()["coverage@2"]["mean"]) == (1, 0.0, 0.5)
    np.testing.assert_array_equal(part.users, [6])


def test_two_measurements_are_compared_in_pairs_over_the_same_requests_only() -> None:
    rng = np.random.default_rng(0)
    targets = [[int(item)] for item in rng.integers(0, 4, 100)]
    good = rng.random((100, 4))
    bad = rng.random((100, 4))
    good[np.arange(100), np.array(targets)[:, 0]] += 0.5
    ours, theirs = measure(good.tolist(), targets), measure(bad.tolist(), targets)
    assert ours.against(theirs, "ndcg@2").verdict == "better"
    with pytest.raises(DataError, match="same requests"):
        ours.against(theirs.select(np.arange(100) < 50), "ndcg@2")


def test_items_or_users_beyond_what_is_known_are_refused() -> None:
    lists = RankedLists(np.array([[4]], dtype=np.int32), np.array([[1.0]], dtype=np.float32))
    with pytest.raises(DataError, match="item number 4"):
        evaluate_lists(lists, Targets.of([[0]]), popularity=POPULARITY, vectors=VECTORS)
    with pytest.raises(DataError, match="user numbers"):
        measure([[4, 3, 2, 1]], [[0]], users=np.array([1, 2]))


def test_slices_tell_cold_from_warm_and_light_from_heavy() -> None:
    targets = Targets.of([[0], [1], [0, 1], [-1], []])
    slices = request_slices(targets, np.array([9, 2]), np.array([0, 2, 3, 10, 50]))
    as_lists = {name: np.flatnonzero(mask).tolist() for name, mask in slices.items()}
    assert as_lists == {
        "cold_item": [1, 3],
        "warm_item": [0],
        "cold_user": [0, 1],
        "warm_user": [2, 3, 4],
        "light": [0, 1],
        "heavy": [3, 4],
    }


def test_histories_all_alike_are_neither_light_nor_heavy() -> None:
    slices = request_slices(Targets.of([[0]] * 3), np.array([9]), np.array([4, 4, 4]))
    assert not slices["light"].any()
    assert not slices["heavy"].any()
    assert not request_slices(Targets.of([]), np.array([9]), np.array([], dtype=np.int64))["heavy"].any()


def test_slices_are_of_the_five_most_wanted_categories_with_thirty_requests() -> None:
    wanted = [[0], [1], [0, 1], [2], [-1], [3]]
    targets = Targets.of(wanted * 30)
    categories = np.array([1, 1, 0, -1], dtype=np.int32)
    slices = category_slices(targets, categories, ["garden", "coffee"])
    as_lists = {name: np.flatnonzero(mask[: len(wanted)]).tolist() for name, mask in slices.items()}
    assert as_lists == {"category: coffee": [0, 1, 2], "category: garden": [3]}
    assert list(slices) == ["category: coffee", "category: garden"]
    assert [int(mask.sum()) for mask in slices.values()] == [90, 30]
    fewer = Targets.of(wanted * 29)
    assert list(category_slices(fewer, categories, ["garden", "coffee"])) == ["category: coffee"]
    each = Targets.of([[item] for item in range(6)] * 30)
    five = category_slices(each, np.arange(6, dtype=np.int32), list("abcdef"))
    assert list(five) == [f"category: {name}" for name in "abcde"]


def test_a_frame_has_a_row_of_figures_for_each_request() -> None:
    ours = measure([[4, 3, 2, 1], [1, 2, 3, 4]], [[0], [0]], users=np.array([5, 6], dtype=np.int32))
    frame = ours.to_polars()
    assert frame["user"].to_list() == [5, 6]
    assert frame["ndcg@2"].to_list() == [1.0, 0.0]
