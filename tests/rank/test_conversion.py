"""What of that which is wanted is bought."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rank_world import rows_of
from scipy.special import expit

from recsys.pipeline.ranking.ranker_calibration import RankerCalibration
from recsys.pipeline.ranking.rankers import Rankers
from recsys.rank.conversion import Conversion
from recsys.rank.lambdarank import Ranker
from recsys.rank.rows import RankerRows
from recsys.rank.score_calibration import ScoreCalibration

NAMES = ("kind", "noise")
SIZE = 5


def make_rows(n_requests: int, seed: int, told: float = 0.55) -> RankerRows:
    """The first row of each request is wanted; of one kind of items `told` more is bought than of the other."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(0, 2, n_requests * SIZE)
    table = np.stack([kinds, rng.normal(size=len(kinds))], axis=1).astype(np.float32)
    wanted = np.arange(len(kinds)) % SIZE == 0
    bought = wanted & (rng.random(len(kinds)) < 0.05 + told * kinds)
    gains = np.where(bought, 4, wanted).astype(np.float32)
    return rows_of(table, gains, SIZE)


@pytest.fixture(scope="module")
def conversion() -> Conversion:
    found = Conversion.fit(make_rows(1_500, 0), make_rows(400, 1), NAMES, seed=0)
    assert found is not None
    return found


def test_each_item_has_its_rate(conversion: Conversion) -> None:
    test = make_rows(2_000, 2)
    chances = expit(conversion.log_odds(test.table))
    for kind, rate in ((0, 0.05), (1, 0.6)):
        assert chances[test.table[:, 0] == kind].mean() == pytest.approx(rate, abs=0.06)
    assert ((chances > 0) & (chances < 1)).all()


@pytest.mark.parametrize(
    "newer",
    [
        make_rows(400, 1, told=0.0),  # what older requests taught tells nothing there
        make_rows(60, 1, told=0.0),  # too few purchases to judge by
    ],
)
def test_none_where_newer_purchases_are_not_predicted(newer: RankerRows) -> None:
    assert Conversion.fit(make_rows(1_500, 0), newer, NAMES, seed=0) is None


def test_none_where_little_is_bought_or_little_is_not() -> None:
    rows = make_rows(1_500, 0)
    for bought in (rows.positive & (np.arange(len(rows.gains)) < 300), rows.positive):
        assert Conversion.fit(replace(rows, bought=bought), make_rows(400, 1), NAMES, seed=0) is None


def test_it_is_kept_for_rows_whose_strongest_event_is_its_own(conversion: Conversion) -> None:
    rows = make_rows(50, 3)
    assert conversion.shares_strongest_event(rows)
    stronger = np.flatnonzero(rows.bought)[:2]
    gains = rows.gains.copy()
    gains[stronger] = 9
    assert not conversion.shares_strongest_event(replace(rows, gains=gains, bought=gains == 9)), (
        "what it calls bought is none now"
    )
    assert not conversion.shares_strongest_event(replace(rows, bought=np.zeros_like(rows.bought))), (
        "none of the newer ones was seen yet"
    )


def test_scores_that_know_of_purchases_are_not_counted_twice(conversion: Conversion) -> None:
    """A ranker to whom purchases are worth more puts first what is bought more often, wanted or not."""
    held_out, test = make_rows(4_000, 5), make_rows(4_000, 6)
    scores = [rows.table[:, 0] + np.float32(2) * rows.positive for rows in (held_out, test)]
    log_odds = [conversion.log_odds(rows.table) for rows in (held_out, test)]
    for name in ("positive", "bought"):
        found = ScoreCalibration.fit(scores[0], getattr(held_out, name), log_odds=log_odds[0]).probability(
            scores[1], log_odds[1]
        )
        happened = getattr(test, name)
        for kind in (0, 1):
            chosen = test.table[:, 0] == kind
            assert found[chosen].mean() == pytest.approx(happened[chosen].mean(), rel=0.2, abs=0.005), (name, kind)


def test_a_purchase_is_likelier_where_more_of_what_is_wanted_is_bought(conversion: Conversion, tmp_path: Path) -> None:
    ranker, scores, no_history = conversion.trees, np.zeros(2, dtype=np.float32), np.zeros(2, dtype=bool)
    table = np.array([[0, 0], [1, 0]], dtype=np.float32)
    calibration = RankerCalibration(ScoreCalibration(1.0, -1.0), ScoreCalibration(1.0, -3.0, 0.5), conversion)
    rankers = Rankers(ranker, {}, calibration)
    click, purchase = rankers.probabilities(scores, table, no_history)
    assert click[0] == click[1]
    assert 2 * purchase[0] < purchase[1] <= click[1]
    rankers.save(tmp_path)
    loaded = Rankers.load(tmp_path)
    np.testing.assert_array_equal(loaded.probabilities(scores, table, no_history), (click, purchase))
    alone = replace(rankers, calibration=replace(calibration, conversion=None))
    alone.save(tmp_path / "alone")
    assert Rankers.load(tmp_path / "alone").calibration.conversion is None
    click, purchase = alone.probabilities(scores, table, no_history)
    assert purchase[0] == purchase[1]


def test_the_trees_of_a_conversion_are_compiled(conversion: Conversion) -> None:
    assert isinstance(conversion.trees, Ranker)
    assert conversion.trees.compiled is not None
