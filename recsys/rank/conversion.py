"""Whether what is wanted is also bought, which differs from item to item: a click on one is worth ten on another.

It is learned from wanted items only, separately from whether an item is wanted (Ma et al., Entire space multi-task
model, SIGIR 2018). The two are not multiplied, because a ranker for which purchases are worth more already has part of
it in its scores. It is a second opinion beside these scores, and both are calibrated together.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from recsys.rank.boosting import probability_trees
from recsys.rank.lambdarank import Ranker
from recsys.rank.rows import RankerRows
from recsys.rank.score_calibration import ScoreCalibration
from recsys.significance import standard_error

_FEWEST = 100
"""Fewest rows that were bought, and fewest that were wanted and not bought, from which it can be learned."""

_FEWEST_HELD_OUT = 20
"""The same for the rows that judge it."""

_RAREST = 1e-4
"""Probabilities are kept this far from 0 and from 1: sums of leaves can go beyond both."""


@dataclass(frozen=True)
class Conversion:
    """Trees that distinguish what was bought from what was only wanted.

    Attributes:
        strongest: weight of the event that counts as bought.
    """

    trees: Ranker
    strongest: float

    @classmethod
    def fit(cls, train: RankerRows, held_out: RankerRows, names: Sequence[str], seed: int) -> "Conversion | None":
        """Learn from older requests.

        Args:
            held_out: newer ones, which judge it.
            names: of the columns.

        Returns:
            None where too little was bought, or where one rate for all predicts the held-out purchases as well.
        """
        older, newer = _wanted(train), _wanted(held_out)
        if _rarer_class_size(older) < _FEWEST or _rarer_class_size(newer) < _FEWEST_HELD_OUT:
            return None
        trees = Ranker(probability_trees(older.table, older.bought, names, seed), tuple(names))
        found = cls(trees, float(older.gains[older.bought].max()))
        return found if found._beats_base_rate(newer, float(older.bought.mean())) else None

    def log_odds(self, table: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n_rows,) logarithm of the odds that each row is bought, if it is wanted; to be calibrated."""
        return np.asarray(logit(np.clip(self.trees.score(table), _RAREST, 1 - _RAREST)), dtype=np.float32)

    def shares_strongest_event(self, rows: RankerRows) -> bool:
        """Whether the same event counts as bought in these rows as in training; a log may get a stronger one later."""
        return bool(np.array_equal(rows.bought, rows.gains >= self.strongest))

    def _beats_base_rate(self, rows: RankerRows, rate: float) -> bool:
        """Whether these trees predict what was bought better than one rate for all, by more than a standard error."""
        log_odds = self.log_odds(rows.table)
        probabilities = ScoreCalibration.fit(log_odds, rows.bought).probability(log_odds)
        own, plain = (np.log(np.where(rows.bought, p, 1 - p)) for p in (probabilities, rate))
        gain = own - plain
        return bool(gain.mean() > standard_error(gain))


def _wanted(rows: RankerRows) -> RankerRows:
    """The candidates that were wanted."""
    return rows.keep(rows.positive & rows.are_candidates)


def _rarer_class_size(rows: RankerRows) -> int:
    """Rows that were bought, or those that were not, whichever are fewer."""
    n_bought = int(np.count_nonzero(rows.bought))
    return min(n_bought, len(rows.bought) - n_bought)
