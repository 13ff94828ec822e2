"""What every collaborative model promises; the tests of each model inherit it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from logs_by_hand import log_of

from recsys.cf.model import CollaborativeModel
from recsys.cf.popular import Popular
from recsys.cf.rhythm import Rhythm
from recsys.cf.season import Season
from recsys.cf.users import NEWEST_EVENTS
from recsys.config import CfConfig
from recsys.data.log.history import HistoryBatch
from recsys.data.log.interactions import NO_TIME, InteractionLog
from recsys.moments import DAY
from recsys.retrieval.scores import DenseScores

CONFIG = CfConfig(factors=8, iterations=5, half_life_days=30.0)


def make_log(rows: Sequence[tuple[int, int, int]], n_items: int, weights: Sequence[float] | None = None):
    """(user, item, day) rows in time order."""
    users, items, days = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    columns = {"users": users, "items": items, "times": days * DAY}
    if weights is not None:
        columns["weights"] = weights
    ids = [f"u{number}" for number in range(users.max(initial=-1) + 1)]
    return log_of(columns, users=ids, names=["purchase"], n_items=n_items)


def make_histories(*histories: Sequence[int], times: Sequence[int] | None = None) -> HistoryBatch:
    """One history a request, oldest first; times unknown unless given."""
    items = np.array([item for history in histories for item in history], dtype=np.int32)
    n = len(items)
    return HistoryBatch(
        offsets=np.concatenate([[0], np.cumsum([len(history) for history in histories])]).astype(np.int64),
        items=items,
        events=np.full(n, -1, dtype=np.int8),
        times=np.full(n, NO_TIME) if times is None else np.array(times, dtype=np.int64) * DAY,
        weights=np.ones(n, dtype=np.float32),
        now=np.full(len(histories), 1_000 * DAY),
    )


def random_log(seed: int = 0, n_events: int = 400, n_users: int = 30, n_items: int = 20) -> InteractionLog:
    """Random events with duplicates and equal times; the last five items are never seen."""
    rng = np.random.default_rng(seed)
    rows = np.stack(
        [
            rng.integers(0, n_users, n_events),
            rng.integers(0, n_items - 5, n_events),
            np.sort(rng.integers(0, 60, n_events)),
        ],
        axis=1,
    )
    return make_log(rows.tolist(), n_items)


def dense(model: CollaborativeModel, histories: HistoryBatch, n_items: int = 20) -> np.ndarray:
    """(n_requests, n_items) what a model says of all pairs."""
    rows, items = np.divmod(np.arange(len(histories) * n_items), n_items)
    return model.scores(histories).of(rows, items.astype(np.int32)).reshape(len(histories), n_items)


class ScorerContract:
    """Every model inherits these."""

    model: type[CollaborativeModel]

    def fit(self, log: InteractionLog) -> CollaborativeModel:
        return self.model.fit(log, CONFIG, seed=3)

    def test_scores_are_finite_float32_of_the_right_shape(self):
        scores = dense(self.fit(random_log()), make_histories([1, 2, 3], [], [4]))
        assert scores.shape == (3, 20)
        assert scores.dtype == np.float32
        assert np.isfinite(scores).all()

    def test_its_best_are_those_that_it_scores_highest(self):
        model, histories = self.fit(random_log()), make_histories([1, 2, 3, 2], [], [4], [19])
        scores = dense(model, histories)
        eligible = np.random.default_rng(0).random(scores.shape) < 0.8
        np.testing.assert_array_equal(model.scores(histories).best(eligible, 7), DenseScores(scores).best(eligible, 7))

    def test_no_history_gives_no_scores(self):
        assert dense(self.fit(random_log()), make_histories()).shape == (0, 20)

    def test_an_empty_log_knows_nothing(self):
        scores = dense(self.fit(make_log([], 4)), make_histories([], []), 4)
        assert scores.shape == (2, 4)
        assert not scores.any()

    def test_one_item_and_one_user_give_finite_scores(self):
        scores = dense(self.fit(make_log([(0, 0, 0)], 1)), make_histories([0], []), 1)
        assert scores.shape == (2, 1)
        assert np.isfinite(scores).all()

    def test_cold_items_score_zero_unless_in_the_history(self):
        scores = dense(self.fit(random_log()), make_histories([1, 2], [19, 3]))
        assert not scores[0, 15:].any()
        assert not scores[1, 15:19].any()

    def test_a_request_scores_the_same_alone_and_in_a_batch(self):
        model = self.fit(random_log())
        batch = make_histories([1, 2, 3], [], [7, 7, 8, 1, 9, 4, 2, 0, 5, 11, 12], [4])
        together = dense(model, batch)
        for number in range(len(batch)):
            alone = dense(model, batch.block(number, number + 1))
            np.testing.assert_allclose(alone[0], together[number], rtol=1e-3, atol=1e-5)

    def test_events_without_weight_teach_nothing(self):
        log = random_log()
        rows = [(0, 16, 61), (1, 17, 61)]
        weights = np.concatenate([log.weights, np.zeros(2)])
        noisy = make_log([*zip(log.users, log.items, log.times // DAY, strict=True), *rows], 20, weights.tolist())
        histories = make_histories([1, 2, 3])
        expected = dense(self.fit(log), histories)
        half_lives = {Popular: CONFIG.half_life_days, Rhythm: CONFIG.half_life_days, Season: 365}
        if self.model in half_lives:  # Popularity is seen from the last event, which is a day later: a scale.
            expected = expected * 0.5 ** ((61 - log.times[-1] / DAY) / half_lives[self.model])
        np.testing.assert_allclose(dense(self.fit(noisy), histories), expected, rtol=1e-5)

    def test_equal_times_make_order_irrelevant(self):
        rows = [(user, item, 7) for user in range(6) for item in range(user % 3, 5)]
        histories = make_histories([0, 2], times=[7, 7])
        scores = dense(self.fit(make_log(rows, 5)), histories, 5)
        turned_log = dense(self.fit(make_log(rows[::-1], 5)), histories, 5)
        np.testing.assert_allclose(turned_log, scores, rtol=1e-3, atol=1e-5)
        turned = make_histories([2, 0], times=[7, 7])
        np.testing.assert_allclose(dense(self.fit(make_log(rows, 5)), turned, 5), scores, rtol=1e-3, atol=1e-5)

    def test_a_seed_makes_it_repeatable(self):
        histories = make_histories([1, 2, 3], [5])
        first, second = (dense(self.fit(random_log()), histories) for _ in range(2))
        np.testing.assert_array_equal(first, second)

    def test_save_and_load_give_identical_scores(self, tmp_path: Path):
        model, histories = self.fit(random_log()), make_histories([1, 2, 3], [], [19, 4])
        model.save(tmp_path / "model")
        np.testing.assert_array_equal(dense(self.model.load(tmp_path / "model"), histories), dense(model, histories))

    def test_the_history_and_the_log_are_left_as_they_were(self):
        log, histories = random_log(), make_histories([9, 2, 9, 1])
        before = log.items.copy()
        dense(self.fit(log), histories)
        assert histories.items.tolist() == [9, 2, 9, 1]
        np.testing.assert_array_equal(log.items, before)


class LinksContract(ScorerContract):
    """What models that follow item -> item links promise besides."""

    def test_a_history_is_multiplied_with_the_links(self):
        model, histories = self.fit(random_log()), make_histories([1, 2, 3, 2], [], [4], [19])
        expected = histories.matrix(20, histories.recency) @ model.links
        np.testing.assert_allclose(dense(model, histories), expected.toarray(), rtol=1e-6)

    def test_each_link_knows_who_chose_both_of_its_items(self, tmp_path):
        log = random_log()
        chosen = np.zeros((log.n_users, log.n_items), dtype=np.int32)
        chosen[log.users, log.items] = 1
        fitted = self.fit(log)
        fitted.save(tmp_path / "with counts")
        for model in (fitted, type(fitted).load(tmp_path / "with counts")):
            links = model.links.tocoo()
            assert links.nnz
            together = (chosen.T @ chosen)[links.row, links.col]
            assert model.choosers.data.tolist() == together.tolist()
            strengths, people = model.between_items(np.array([links.row[0], 10_000]), int(links.col[0]))
            assert strengths.tolist() == [links.data[0], 0]
            assert people.tolist() == [together[0], 0]

    def test_who_chose_both_long_ago_counts_too(self):
        first = [(user, item, item) for item in (0, 1) for user in range(6)]
        again = [(user, 2, 2 + day) for day in range(NEWEST_EVENTS) for user in range(3)]
        strengths, people = self.fit(make_log(first + again, 3)).between_items(np.array([0]), 1)
        assert strengths[0] > 0
        assert people.tolist() == [6]

    def test_who_chose_very_much_counts_too(self):
        n_items = NEWEST_EVENTS + 100
        rows = [(user, item, item) for item in range(n_items) for user in range(3)] + [(3, 0, n_items), (3, 1, n_items)]
        choosers = self.fit(make_log(rows, n_items)).choosers.tocoo()
        off = choosers.row != choosers.col
        both = np.isin(choosers.row, [0, 1]) & np.isin(choosers.col, [0, 1])
        assert set(choosers.data[off & both].tolist()) == {4}
        assert set(choosers.data[off & ~both].tolist()) == {3}

    def test_links_of_a_release_that_counted_nobody(self, tmp_path):
        self.fit(random_log()).save(tmp_path)
        (tmp_path / f"{self.model.name}.choosers.npy").unlink()
        assert not self.model.load(tmp_path).choosers.data.any()
