"""From the ranker's scores to the probabilities of the API: p_click and p_purchase."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recsys.rank.conversion import Conversion
from recsys.rank.lambdarank import Ranker
from recsys.rank.rows import RankerRows
from recsys.rank.score_calibration import ScoreCalibration

_ACTS = "user_acts"
"""The column that counts the events of a history."""

_COMPARED = 100_000
"""Most rows on which the scores of two rankers are compared."""

_CONVERSION = "conversion.txt"


@dataclass(frozen=True)
class RankerCalibration:
    """What the scores of one ranker mean as probabilities.

    Attributes:
        click, purchase: probability of any positive event, and of the strongest one.
        conversion: a second opinion for both; None where it adds nothing.
    """

    click: ScoreCalibration
    purchase: ScoreCalibration
    conversion: Conversion | None = None

    @classmethod
    def fit(
        cls, older: Ranker, held_out: RankerRows, full: Ranker, seen: RankerRows, conversion: Conversion | None
    ) -> "RankerCalibration":
        """Calibrate the scores of `full`.

        Args:
            older: a ranker like `full` that has not seen the rows `held_out`: on those its scores are calibrated.
            full: the ranker that the calibrations are carried over to.
            seen: rows that both have seen: on these, the scores of the two are compared.
            conversion: learned without `held_out`.
        """
        # Items that were shown but not proposed are left out: if sources miss much, these are wanted more often than
        # candidates are.
        asked, common = held_out.are_candidates, seen.table[np.flatnonzero(seen.are_candidates)[:_COMPARED]]
        table, before, after = held_out.table[asked], older.score(common), full.score(common)
        scores, log_odds, n_acts = older.score(table), _log_odds(conversion, table), _acts(full, table)
        click, purchase = (
            ScoreCalibration.fit(scores, happened[asked], held_out.covered, log_odds, n_acts).rescaled(before, after)
            for happened in (held_out.positive, held_out.bought)
        )
        return cls(click, purchase, conversion)

    def probabilities(
        self, ranker: Ranker, scores: NDArray[np.float32], table: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(n,) p_click and p_purchase of rows, by the ranker's scores (n,) and its table (n, n_features).

        What is bought is also wanted, so p_purchase is never above p_click.
        """
        log_odds, n_acts = _log_odds(self.conversion, table), _acts(ranker, table)
        click, purchase = (found.probability(scores, log_odds, n_acts) for found in (self.click, self.purchase))
        return click, np.minimum(click, purchase)

    def save(self, folder: Path) -> None:
        """Write calibration.json, and the trees of the second opinion."""
        facts = {"click": asdict(self.click), "purchase": asdict(self.purchase)}
        if self.conversion is not None:
            self.conversion.trees.save(folder / _CONVERSION)
            facts["conversion"] = {"strongest": self.conversion.strongest}
        (folder / "calibration.json").write_text(json.dumps(facts, indent=2), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "RankerCalibration":
        """Read what `save` wrote."""
        facts = json.loads((folder / "calibration.json").read_text(encoding="utf-8"))
        conversion = None
        if "conversion" in facts:
            conversion = Conversion(Ranker.load(folder / _CONVERSION), **facts["conversion"])
        return cls(ScoreCalibration(**facts["click"]), ScoreCalibration(**facts["purchase"]), conversion)


def _log_odds(conversion: Conversion | None, table: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """(n,) the second opinion of rows."""
    return None if conversion is None else conversion.log_odds(table)


def _acts(ranker: Ranker, table: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """(n,) events in the history of who asks, where the ranker looks at them."""
    return np.nan_to_num(table[:, ranker.names.index(_ACTS)]) if _ACTS in ranker.names else None
