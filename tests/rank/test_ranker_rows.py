"""Ranker rows: choosing and joining, sampling, splitting by time, and how an order of them is judged."""

import subprocess
import sys
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.config import RankerConfig
from recsys.rank.row_metrics import auc_of_rows, comparison_metric, mean_ndcg, ndcg_of_rows
from recsys.rank.rows import RankerRows
from recsys.rank.samples import LearningRows, sampled, split, to_learn_from

FIELDS = ("table", "gains", "bought", "sizes", "times", "proposed_by")

requests = st.lists(
    st.tuples(st.integers(0, 5), st.lists(st.integers(0, 2), min_size=1, max_size=8)), min_size=0, max_size=8
)


def make_rows(requests: list[tuple[int, list[int]]]) -> RankerRows:
    """A time and the gains of its rows for each request; column 0 tells rows apart."""
    requests = sorted(requests, key=lambda request: request[0])
    gains = np.array([one for _, own in requests for one in own], dtype=np.float32)
    numbers = np.arange(len(gains), dtype=np.float32)
    return RankerRows(
        table=np.stack([numbers, -numbers, numbers % 3], axis=1).reshape(-1, 3),
        gains=gains,
        bought=gains == 2,
        sizes=np.array([len(own) for _, own in requests], dtype=np.int64),
        times=np.array([time for time, _ in requests], dtype=np.int64),
        proposed_by=(numbers % 4).astype(np.uint16),
    )


def request_of(rows: RankerRows) -> list[int]:
    return np.repeat(np.arange(rows.n_requests), rows.sizes).tolist()


def check_whole(rows: RankerRows, of: RankerRows) -> None:
    """Every row of `rows` is a row of `of`, with all its columns."""
    indices = rows.table[:, 0].astype(int)
    assert rows.sizes.sum() == len(rows.gains)
    for name in ("table", "gains", "bought", "proposed_by"):
        np.testing.assert_array_equal(getattr(rows, name), getattr(of, name)[indices])


def check_same(rows: RankerRows, other: RankerRows) -> None:
    """Both are the same rows of the same requests, in the same order."""
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(rows, name), getattr(other, name))


@given(requests, st.integers(0, 4), st.integers(0, 3))
def test_sampled_keeps_all_wanted_and_few_others(requests: list[tuple[int, list[int]]], most: int, seed: int) -> None:
    rows = make_rows(requests)
    few = sampled(rows, most, seed)
    check_whole(few, rows)
    assert few.n_requests == rows.n_requests
    before, after = request_of(rows), request_of(few)
    for request in range(rows.n_requests):
        gains = [g for g, r in zip(rows.gains.tolist(), before, strict=True) if r == request]
        kept = [g for g, r in zip(few.gains.tolist(), after, strict=True) if r == request]
        assert [g for g in kept if g] == [g for g in gains if g]
        assert kept.count(0) == min(most, gains.count(0))


def test_sampled_draws_evenly_and_by_seed() -> None:
    rows = make_rows([(0, [1, *[0] * 10])])
    drawn = [sampled(rows, 3, seed).table[:, 0].tolist() for seed in range(200)]
    assert drawn[0] == sampled(rows, 3, 0).table[:, 0].tolist()
    counts = np.bincount([int(number) for one in drawn for number in one], minlength=11)
    assert counts[0] == 200
    assert counts[1:].min() > 30  # 60 expected
    assert counts[1:].max() < 95


def test_sampled_takes_some_before_others() -> None:
    rows = make_rows([(0, [1, *[0] * 10])])
    first = np.isin(np.arange(11), (0, 4, 7))
    for seed in range(20):
        drawn = sampled(rows, 3, seed, first).table[:, 0].tolist()
        assert len(drawn) == 4
        assert {0, 4, 7} < set(drawn)


@given(requests, st.sampled_from([0.1, 0.2, 0.5, 0.9]))
def test_a_split_is_by_time_and_loses_no_row(requests: list[tuple[int, list[int]]], newest: float) -> None:
    rows = make_rows(requests)
    older, newer = split(rows, newest)
    check_whole(older, rows)
    check_whole(newer, rows)
    assert older.n_requests + newer.n_requests == rows.n_requests
    assert not set(older.times.tolist()) & set(newer.times.tolist()), "equal times stay together"
    if older.n_requests and newer.n_requests:
        assert older.times.max() < newer.times.min()
    if len(set(rows.times.tolist())) == 1:
        assert newer.n_requests == 0, "one moment cannot be split"
    if len(set(rows.times.tolist())) > 1:
        assert newer.n_requests > 0, "though most are of the first moment"
    if rows.n_requests:
        assert older.n_requests > 0
    joined = RankerRows.joined([older, newer])
    check_same(joined, rows)


@given(requests, st.sampled_from([0.2, 0.5]))
def test_what_rankers_learn_from_is_the_newest_rows_and_some_of_the_older(
    requests: list[tuple[int, list[int]]], newest: float
) -> None:
    rows, config = make_rows(requests), RankerConfig(negatives=1)
    learning = LearningRows.of(rows, config=config, seed=0, newest=newest)
    older, latest = split(rows, newest)
    check_whole(learning.older, rows)
    check_same(learning.newest, latest)
    assert learning.older.positive.sum() == older.positive.sum()
    n_left = np.bincount(learning.older.requests, weights=~learning.older.positive, minlength=older.n_requests)
    assert n_left.max(initial=0) <= 1, "the others are sampled"
    assert learning.older.times.tolist() == older.times.tolist()


@given(requests, st.sampled_from([0.2, 0.5]))
def test_windows_are_learned_from_as_if_they_were_one(requests: list[tuple[int, list[int]]], newest: float) -> None:
    rows, newer = make_rows(requests), make_rows([(time + 100, gains) for time, gains in requests])
    settings: dict[str, Any] = {"config": RankerConfig(negatives=1), "seed": 0, "newest": newest}
    apart = LearningRows.of(rows, newer, **settings)
    joined = LearningRows.of(RankerRows.joined([rows, newer]), **settings)
    check_same(apart.older, joined.older)
    check_same(apart.newest, joined.newest)
    first = LearningRows.of(rows, **settings)
    check_same(LearningRows.of(first.older, first.newest, newer, **settings).newest, joined.newest)


def test_the_newest_share_is_split_off() -> None:
    rows = make_rows([(time, [1, 0]) for time in range(10)])
    older, newer = split(rows, 0.2)
    assert (older.n_requests, newer.n_requests) == (8, 2)


@settings(max_examples=40)
@given(requests, st.randoms(use_true_random=False))
def test_keep_drops_requests_that_nobody_wanted_anything_of(
    requests: list[tuple[int, list[int]]], random: Random
) -> None:
    rows = make_rows(requests)
    chosen = np.array([random.random() < 0.5 for _ in rows.gains], dtype=bool)
    kept = rows.keep(chosen)
    check_whole(kept, rows)
    before = np.array(request_of(rows), dtype=int)
    expected = [r for r in range(rows.n_requests) if (chosen & rows.positive & (before == r)).any()]
    assert kept.times.tolist() == rows.times[expected].tolist()
    indices = np.flatnonzero(chosen & np.isin(before, expected))
    assert kept.table[:, 0].tolist() == indices.tolist()


def test_chosen_columns_leave_all_else_as_it_is() -> None:
    rows = make_rows([(0, [1, 0]), (1, [0, 2])])
    last = np.array([False, False, True, True])
    chosen, whole = rows.keep(last, [2, 0]), rows.keep(last)
    np.testing.assert_array_equal(chosen.table, whole.table[:, [2, 0]])
    for name in FIELDS[1:]:
        np.testing.assert_array_equal(getattr(chosen, name), getattr(whole, name))


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_joined_rows_stand_one_window_after_the_other(parts: int) -> None:
    one = make_rows([(0, [1, 0]), (1, [0, 2, 1])])
    joined = RankerRows.joined([one] * parts)
    assert joined.sizes.tolist() == [2, 3] * parts
    assert joined.gains.tolist() == [1, 0, 0, 2, 1] * parts
    assert joined.table.dtype == np.float32
    assert joined.proposed_by.dtype == np.uint16


_JOINING = """
import resource
import numpy as np
from recsys.rank.rows import RankerRows

def part(seed, n=20_000):
    none, times = np.zeros(n), np.zeros(1, dtype=np.int64)
    table = np.random.default_rng(seed).random((n, 100), dtype=np.float32)
    return RankerRows(table, none.astype(np.float32), none > 0, times + n, times, none.astype(np.uint16))

part(0)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
joined = RankerRows.joined(map(part, range(30)))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / joined.table.nbytes)
"""


def test_tables_are_never_there_twice() -> None:
    """Most of what a training holds in memory are tables of rows."""
    ran = subprocess.run([sys.executable, "-c", _JOINING], capture_output=True, text=True, check=True)
    assert float(ran.stdout) < 1.4, "times the memory of the joined table"


def test_what_was_only_shown_stays_marked() -> None:
    one = make_rows([(0, [1, 0]), (1, [0, 2, 1])])
    assert one.are_candidates.all()
    marked = replace(one, only_shown=np.array([True, False, False, True, False]))
    joined = RankerRows.joined([marked, marked.keep(np.zeros(5, dtype=bool)), marked])
    assert joined.are_candidates.tolist() == [False, True, True, False, True] * 2
    assert joined.keep(joined.are_candidates).are_candidates.tolist() == [True, True] * 2, "requests without a wish go"
    assert RankerRows.joined([marked, one]).only_shown is None


def test_auc_counts_pairs_within_a_request() -> None:
    rows = make_rows([(0, [1, 0, 0]), (1, [0, 1, 1, 0]), (2, [1, 0]), (3, [1, 1])])
    scores = np.array([0.5, 0.1, 0.9, 0.3, 0.3, 0.2, 0.1, 0.7, 0.7, 0.4, 0.2], dtype=np.float32)
    np.testing.assert_allclose(auc_of_rows(rows, scores), [1 / 2, (1.5 + 1) / 4, 1 / 2, np.nan])


def test_lists_are_what_was_shown_and_some_of_the_rest() -> None:
    rows = make_rows([(0, [1, 0, 0, 0]), (1, [1, 0, 0]), (2, [1, 1, 0]), (3, [0, 1])])
    shown = [True, True, False, False, False, True, True, True, True, False, False, True]
    rows = replace(rows, shown=np.array(shown), only_shown=np.ones(12, dtype=bool))
    lists = rows.of_lists(others=0.0, seed=0)
    assert lists.times.tolist() == [0], "in others nothing shown was wanted, or everything was, or the choice was bare"
    assert (lists.sizes.tolist(), lists.gains.tolist()) == ([2], [1, 0])
    assert lists.are_candidates.all(), "all that was shown is a candidate of such a request"
    wider = rows.of_lists(others=1.0, seed=0)
    assert (wider.sizes.tolist(), wider.shown.tolist()) == ([4], [True, True, False, False])
    assert not replace(rows, shown=None).of_lists(others=1.0, seed=0).n_requests


def test_ndcg_of_each_request_and_their_mean() -> None:
    rows = RankerRows(
        table=np.zeros((6, 1), dtype=np.float32),
        gains=np.array([1, 0, 0, 0, 2, 0], dtype=np.float32),
        bought=np.zeros(6, dtype=bool),
        sizes=np.array([2, 2, 2]),
        times=np.array([1, 2, 3]),
        proposed_by=np.zeros(6, dtype=np.uint16),
    )
    scores = np.array([0.1, 0.9, 0.5, 0.4, 0.8, 0.2], dtype=np.float32)
    np.testing.assert_allclose(ndcg_of_rows(rows, scores), [1 / np.log2(3), 0.0, 1.0])
    assert mean_ndcg(rows, scores) == pytest.approx((1 / np.log2(3) + 2) / 3), (
        "where nothing was wanted, nothing is measured; what is worth twice as much counts twice"
    )
    assert np.isnan(mean_ndcg(rows.keep(np.zeros(6, dtype=bool)), scores[:0]))


def test_worth_asks_about_what_was_shown_and_counts_rare_looks_more() -> None:
    rows = make_rows([(0, [1, 0, 0, 1]), (1, [0, 1])])
    scores = np.array([4.0, 3.0, 2.0, 1.0, 2.0, 1.0], dtype=np.float32)
    np.testing.assert_array_equal(comparison_metric(rows, scores), ndcg_of_rows(rows, scores))
    dear = replace(rows, gains=np.where(rows.requests == 1, 3, 1) * rows.gains)
    np.testing.assert_allclose(comparison_metric(dear, scores), ndcg_of_rows(rows, scores) * dear.request_shares)
    np.testing.assert_allclose(dear.request_shares, [0.6, 1.8], err_msg="over the mean of what was wanted")
    shown = replace(rows, positions=np.array([-1, 0, 1, 3, -1, 8], dtype=np.int16))
    np.testing.assert_allclose(comparison_metric(shown, scores), [4**0.5 / np.log2(4), 9**0.5])
    np.testing.assert_allclose(comparison_metric(shown, -scores), [4**0.5, 9**0.5])


def test_a_ranker_that_accounts_for_positions_learns_from_all_that_was_shown() -> None:
    rows = make_rows([(0, [1, *[0] * 10])])
    shown = np.array([0, -1, -1, 1, -1, -1, 2, -1, 3, -1, -1], dtype=np.int16)
    rows = replace(rows, positions=shown)
    for seed in range(20):
        config = RankerConfig(negatives=3, debias=True)
        assert to_learn_from(rows, config, seed).table[:, 0].tolist() == [0, 3, 6, 8]
    plain = {tuple(to_learn_from(rows, RankerConfig(negatives=3), seed).table[:, 0]) for seed in range(20)}
    assert len(plain) > 1
