"""The ranker learns what is to be learned, the same each time, and survives a file."""

from dataclasses import replace
from pathlib import Path

import lightgbm
import numpy as np
import pytest
from numpy.typing import NDArray
from rank_world import rows_of

from recsys.config import RankerConfig
from recsys.errors import BundleError, DataError
from recsys.rank.columns import Columns
from recsys.rank.compiled import CompiledTrees
from recsys.rank.continuation import continued
from recsys.rank.explain import GROUPS, by_group
from recsys.rank.lambdarank import Ranker
from recsys.rank.row_metrics import mean_ndcg
from recsys.rank.rows import RankerRows

CONFIG = RankerConfig(trees=15, learning_rate=0.2, min_rows_per_leaf=5)
NAMES = ("signal", "noise", "missing")
COLUMNS = Columns(NAMES)


def make_rows(n_requests: int, seed: int, gains: NDArray[np.float32] | None = None, size: int = 10) -> RankerRows:
    """In each request the item with the highest signal is wanted; a third of the last column does not exist."""
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(n_requests * size, 3)).astype(np.float32)
    table[rng.random(len(table)) < 0.3, 2] = np.nan
    best = table[:, 0].reshape(n_requests, size).argmax(axis=1) + np.arange(n_requests) * size
    if gains is None:
        gains = np.zeros(len(table), dtype=np.float32)
        gains[best] = 1 + (np.arange(n_requests) % 2)
    return rows_of(table, gains, size)


@pytest.fixture(scope="module")
def ranker() -> Ranker:
    return Ranker.fit(make_rows(150, 0), make_rows(50, 1), COLUMNS, CONFIG, seed=3)


def test_an_obvious_signal_is_learned(ranker: Ranker) -> None:
    test = make_rows(100, 2)
    found = ranker.score(test.table).reshape(100, 10).argmax(axis=1)
    wanted = test.gains.reshape(100, 10).argmax(axis=1)
    assert np.mean(found == wanted) > 0.8
    assert next(iter(ranker.importance)) == "signal"
    assert sum(ranker.importance.values()) == pytest.approx(1)


def test_the_same_seed_gives_the_same_ranker(ranker: Ranker) -> None:
    again = Ranker.fit(make_rows(150, 0), make_rows(50, 1), COLUMNS, CONFIG, seed=3)
    table = make_rows(20, 4).table
    np.testing.assert_array_equal(again.score(table), ranker.score(table))


def test_a_loaded_ranker_scores_alike(ranker: Ranker, tmp_path: Path) -> None:
    ranker.save(tmp_path / "ranker.txt")
    loaded = Ranker.load(tmp_path / "ranker.txt")
    table = make_rows(20, 4).table
    np.testing.assert_array_equal(loaded.score(table), ranker.score(table))
    np.testing.assert_array_equal(loaded.contributions(table), ranker.contributions(table))
    assert loaded.names == ranker.names == NAMES


def test_a_file_that_is_no_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "ranker.txt").write_text("what is this?")
    with pytest.raises(BundleError, match=r"ranker\.txt is not a LightGBM model"):
        Ranker.load(tmp_path / "ranker.txt")


def test_no_rows_have_no_scores(ranker: Ranker) -> None:
    nothing = np.zeros((0, 3), dtype=np.float32)
    assert ranker.score(nothing).shape == (0,)
    assert ranker.score(nothing).dtype == np.float32
    assert ranker.contributions(nothing).shape == (0, 3)


def test_a_large_table_scores_as_its_rows_do(ranker: Ranker) -> None:
    """More threads, the same numbers."""
    table = make_rows(1_100, 5).table
    assert len(table) > 10_000
    np.testing.assert_array_equal(ranker.score(table)[:50], ranker.score(table[:50]))


@pytest.mark.parametrize("gain", [0, 1])
def test_rows_without_an_order_are_refused(gain: int) -> None:
    rows = make_rows(5, 0, np.full(50, gain, dtype=np.float32))
    with pytest.raises(DataError, match="the ranker has nothing to learn from"):
        Ranker.fit(rows, rows, COLUMNS, CONFIG, seed=0)


def test_what_is_worth_more_counts_more_where_each_request_wants_one_item() -> None:
    """One of two kinds of items is wanted in each request, in two of three the one that is worth less."""
    n_requests, kinds = 300, np.tile([0, 0, 1, 1], 300)
    wanted = np.flatnonzero(np.tile([True, False, True, False], n_requests))
    chosen = wanted.reshape(n_requests, 2)[np.arange(n_requests), (np.arange(n_requests) % 3 == 0).astype(int)]
    table = np.stack([kinds, *np.random.default_rng(0).normal(size=(2, len(kinds)))], axis=1).astype(np.float32)
    for gain, better in ((1, 0), (5, 1)):
        followed = np.zeros(len(kinds), dtype=np.float32)
        followed[chosen] = np.where(kinds[chosen] == 1, gain, 1)
        rows = rows_of(table, followed, 4)
        ranker = Ranker.fit(rows, rows, COLUMNS, CONFIG, seed=0)
        longer = ranker.with_more_trees(rows, rows, 3, CONFIG, 0), ranker.with_refitted_leaves(rows)
        for one in (ranker, *longer):
            means = [float(one.score(table[kinds == kind]).mean()) for kind in (0, 1)]
            assert int(np.argmax(means)) == better, f"gain {gain}: {means}"


@pytest.mark.parametrize("early_stopping", [0, 5])
def test_more_different_gains_than_lightgbm_has_gains_for(early_stopping: int) -> None:
    rows, later, last = (make_rows(150, seed) for seed in range(3))
    rows, later, last = (
        replace(part, gains=np.where(part.positive, top - np.arange(len(part.gains)) % 3, 0).astype(np.float32))
        for part, top in ((rows, 40), (later, 45), (last, 127))
    )
    config = CONFIG.model_copy(update={"early_stopping": early_stopping})
    ranker = Ranker.fit(rows, later, COLUMNS, config, 0)
    assert next(iter(ranker.importance)) == "signal"
    for other in (
        ranker.with_refitted_leaves(last),
        ranker.with_more_trees(last, later, 3, config, 0),
        continued(ranker, last, rows, config, 0)[0],
    ):
        assert np.isfinite(other.score(rows.table)).all()


def test_without_requests_to_validate_on_all_trees_are_kept() -> None:
    nothing = make_rows(0, 1)
    ranker = Ranker.fit(make_rows(60, 0), nothing, COLUMNS, CONFIG, seed=0)
    assert ranker.booster.num_trees() == CONFIG.trees


def test_few_requests_make_small_trees() -> None:
    rankers = [Ranker.fit(make_rows(n, 0), make_rows(20, 1), COLUMNS, RankerConfig(trees=10), 0) for n in (60, 1_000)]
    leaves = [max(tree["num_leaves"] for tree in one.booster.dump_model()["tree_info"]) for one in rankers]
    assert leaves[0] == 2
    assert leaves[1] > 10


def test_early_stopping_keeps_fewer_trees() -> None:
    """What is wanted has nothing to do with the table."""
    rng = np.random.default_rng(0)
    rows, held_out = (make_rows(300, seed, rng.integers(0, 2, 3_000).astype(np.int32)) for seed in (0, 1))
    all_kept = Ranker.fit(rows, held_out, COLUMNS, CONFIG, 0)
    stopped = Ranker.fit(rows, held_out, COLUMNS, CONFIG.model_copy(update={"early_stopping": 2}), 0)
    assert all_kept.booster.num_trees() == CONFIG.trees
    assert stopped.booster.best_iteration < CONFIG.trees


def test_a_direction_is_kept_also_when_training_goes_on(tmp_path: Path) -> None:
    """Where a high value happens to have gone with no interest, the score does not fall with it."""
    rows = make_rows(300, 0)
    against = replace(rows, table=rows.table * np.float32([-1, 1, 1]))
    ranker = Ranker.fit(against, against, Columns(NAMES, (1, 0, -1)), CONFIG, 0)
    ranker.save(tmp_path / "ranker.txt")
    held, continuation = continued(Ranker.load(tmp_path / "ranker.txt"), against, make_rows(100, 1), CONFIG, 0)
    for ranker in (held, continuation.fit(RankerRows.joined([against, make_rows(100, 1)]))):
        values = np.zeros((50, 3), dtype=np.float32)
        values[:, 0] = np.linspace(-3, 3, 50)
        assert (np.diff(ranker.score(values)) >= 0).all()
        values = np.zeros((50, 3), dtype=np.float32)
        values[:, 2] = np.linspace(-3, 3, 50)
        assert (np.diff(ranker.score(values)) <= 0).all()


@pytest.mark.parametrize("direction", [1, -1])
def test_moved_leaves_keep_their_direction(direction: int) -> None:
    """Rows that know no order move a leaf below its neighbour: LightGBM's own refit does not look."""
    rng = np.random.default_rng(0)
    rows, later = (make_rows(600, seed, rng.integers(0, 2, 6_000).astype(np.int32)) for seed in (0, 1))
    values = rng.normal(size=(400, 1, 3)).astype(np.float32).repeat(40, axis=1)
    values[:, :, 0] = direction * np.linspace(-3, 3, 40)
    config = CONFIG.model_copy(update={"trees": 60, "leaves": 12})
    ranker = Ranker.fit(rows, rows, Columns(NAMES, (direction, 0, 0)), config, 0).with_refitted_leaves(later)
    scores = ranker.score(values.reshape(-1, 3)).reshape(400, 40)
    assert (np.diff(scores, axis=1) >= 0).all()
    assert np.ptp(scores) > 0


def test_leaves_are_not_moved_where_clicks_must_be_told_from_positions(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Ranker.fit(make_rows(150, 0), make_rows(0, 1), COLUMNS, CONFIG, 0)
    monkeypatch.setattr(Ranker, "with_refitted_leaves", lambda *_: pytest.fail("it knows no positions"))
    rows = [
        replace(rows, positions=np.tile(np.arange(1, 11, dtype=np.uint16), rows.n_requests))
        for rows in (make_rows(100, 1), make_rows(50, 2))
    ]
    continued(before, *rows, CONFIG.model_copy(update={"debias": True}), 0)


@pytest.mark.parametrize("way", ["with_refitted_leaves", "with_more_trees", "fit"])
def test_each_way_to_go_on_learns_from_the_newest_too_and_keeps_the_columns(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until now the lowest signal was wanted; all ways but one stay as bad as that."""
    rows = make_rows(150, 0)
    before = Ranker.fit(replace(rows, table=-rows.table), make_rows(0, 1), COLUMNS, CONFIG, 0)
    monkeypatch.setattr("recsys.rank.boosting._DECAY", 0.0)
    for other in {"with_refitted_leaves", "with_more_trees", "fit"} - {way}:
        monkeypatch.setattr(Ranker, other, lambda *_: before)
    held, continuation = continued(before, make_rows(100, 1), make_rows(50, 2), CONFIG, 0)
    ranker = continuation.fit(RankerRows.joined([make_rows(100, 1), make_rows(50, 2)]))
    test = make_rows(50, 3)
    assert mean_ndcg(test, before.score(test.table)) < mean_ndcg(test, held.score(test.table))
    assert held.n_trees == ranker.n_trees
    assert (ranker.score(test.table) != held.score(test.table)).any()
    ranker.save(tmp_path / "ranker.txt")
    loaded = Ranker.load(tmp_path / "ranker.txt")
    assert loaded.names == NAMES
    np.testing.assert_array_equal(loaded.score(test.table), ranker.score(test.table))


def test_contributions_by_group_make_the_score(ranker: Ranker) -> None:
    table = make_rows(20, 6).table
    groups = by_group(ranker.contributions(table), ("behaviour", "text", "behaviour"))
    assert groups.shape == (200, len(GROUPS))
    assert not groups[:, [GROUPS.index("collaborative"), GROUPS.index("context")]].any()
    base = ranker.booster.predict(table[:1], pred_contrib=True)[0, -1]  # the mean score: the same for every row
    np.testing.assert_allclose(groups.sum(axis=1) + base, ranker.score(table), atol=1e-5)


def test_by_group_on_values_worked_by_hand() -> None:
    found = by_group(np.array([[1.0, 2.0, 4.0, 8.0, 16.0]]), ("context", "text", "collaborative", "text", "behaviour"))
    assert found.tolist() == [[10.0, 4.0, 16.0, 1.0]]


def test_compiled_trees_score_as_lightgbm_does(ranker: Ranker) -> None:
    """On thresholds, beside them, at values never met in training, and without values."""
    assert ranker.compiled is not None
    table = make_rows(40, 7).table
    table[::3, 0] = np.nan  # training knew a value for every row
    table[1::3, 1] = 1e30
    table[2::3, 2] = 0
    thresholds = ranker.compiled.thresholds[np.isfinite(ranker.compiled.thresholds)]
    table[: len(thresholds), 0] = thresholds[: len(table)]
    expected = ranker.booster.predict(table, num_threads=1)
    np.testing.assert_allclose(ranker.compiled.predict(table), expected, atol=1e-6)
    np.testing.assert_array_equal(ranker.compiled.predict(table), ranker.score(table))


@pytest.mark.parametrize("leaves", [2, 5, 33, 127])
def test_trees_of_any_size_are_compiled(leaves: int) -> None:
    """More leaves than a word has bits, values that are missing on either side, and only them on one."""
    rng = np.random.default_rng(leaves)
    table = rng.normal(size=(2_000, 4)).astype(np.float32)
    table[rng.random(table.shape) < 0.2] = np.nan
    table[:, 3] = np.where(np.isnan(table[:, 3]), np.nan, 1.0)
    wanted = np.nan_to_num(table[:, 0], nan=0.7) * np.nan_to_num(table[:, 1], nan=-2.0) + np.isnan(table[:, 3])
    parameters = {"num_leaves": leaves, "min_data_in_leaf": 2, "verbosity": -1, "num_threads": 1}
    booster = lightgbm.train(parameters, lightgbm.Dataset(table, label=wanted), 8)
    compiled = CompiledTrees.of(booster)
    assert compiled is not None
    np.testing.assert_allclose(compiled.predict(table), booster.predict(table, num_threads=1), atol=1e-6)


def test_trees_that_learned_nothing_are_compiled() -> None:
    """One leaf each."""
    data = lightgbm.Dataset(np.zeros((50, 2)), label=np.arange(50))
    booster = lightgbm.train({"verbosity": -1, "num_threads": 1}, data, 2)
    compiled = CompiledTrees.of(booster)
    assert compiled is not None
    table = np.ones((3, 2), dtype=np.float32)
    np.testing.assert_allclose(compiled.predict(table), booster.predict(table, num_threads=1), rtol=1e-6)


def test_trees_that_cannot_be_compiled_are_left_to_lightgbm() -> None:
    """Categories have no order."""
    rows = make_rows(60, 0)
    kinds = np.abs(rows.table[:, :1] * 3).astype(int)
    data = lightgbm.Dataset(kinds, label=rows.gains, group=rows.sizes, categorical_feature=[0])
    parameters = {"objective": "lambdarank", "verbosity": -1, "min_data_in_leaf": 1, "num_threads": 1}
    booster = lightgbm.train(parameters, data, 3)
    assert CompiledTrees.of(booster) is None
