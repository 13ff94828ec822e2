"""The ranker of a version, the same without one group each, and how its scores become probabilities."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.feature_set import FeatureSet
from recsys.config import FeatureGroup, RankerConfig
from recsys.pipeline.engines.engine import Engine
from recsys.pipeline.ranking.ranker_fits import FittedTwice, RankerInputs
from recsys.progress import Progress
from recsys.rank.calibration import ScoreCalibration
from recsys.rank.continuation import Continuation, continued
from recsys.rank.conversion import Conversion
from recsys.rank.lambdarank import VALIDATION_SHARE, Ranker
from recsys.rank.rows import RankerRows

_ACTS = "user_acts"
"""The column that counts the events of a history."""

_COMPARED = 100_000
"""Most rows by which the scores of two rankers are held against each other."""

_CONVERSION = "conversion.txt"

_GIVEN = "given"
"""The folder of the rankers of requests that bring their history."""

ABLATED: tuple[FeatureGroup, ...] = ("text", "collaborative", "behaviour")


class OlderRanker(NamedTuple):
    """The full ranker as the older requests alone make it."""

    ranker: Ranker
    until: int
    """microseconds: it has learned from no request of this moment or a later one"""


@dataclass(frozen=True)
class Rankers:
    """Fitted rankers.

    Attributes:
        full: with all configured groups.
        without: group -> the ranker that sees neither the group's features nor what only its sources proposed.
        click, purchase: probability of any sign of interest, and of the strongest one, from the full ranker's score.
        conversion: a second opinion for both; None where it tells nothing.
        older: what has not learned from the newest requests; None where no request was held out, and once loaded.
        given: those of requests that bring their history as bare items, with nothing of when and how they were chosen;
            None: the ranker of the others ranks these too.
    """

    full: Ranker
    without: Mapping[FeatureGroup, Ranker]
    click: ScoreCalibration
    purchase: ScoreCalibration
    conversion: Conversion | None = None
    older: OlderRanker | None = None
    given: "Rankers | None" = None

    @classmethod
    def fit(
        cls,
        rows: RankerRows,
        features: FeatureSet,
        sources: Sequence[str],
        config: RankerConfig,
        seed: int,
        progress: Progress,
        engine: Engine | None = None,
    ) -> "Rankers":
        """Fit on all requests. A ranker that has not seen the newest ones calibrates, and says how far its parts are to
        be believed and, with early stopping, how many trees to fit.

        Args:
            engine: its processes fit the rankers side by side, each as this one would; without it, this one does.

        Raises:
            DataError: no request has an item that was wanted.
        """
        progress(f"ranker: {len(rows.worth):,} rows of {rows.n_requests:,} requests, {len(features.names)} features")
        train, validation = rows.split_to_learn_from(VALIDATION_SHARE, config, seed)
        inputs = RankerInputs(train, validation, features, tuple(sources), config, seed)
        tasks: list[tuple[FeatureGroup | None]] = [(None,), *((group,) for group in ABLATED if config.ablation)]
        side_by_side = engine.run(inputs.opened, RankerInputs.fit, tasks) if engine and len(tasks) > 1 else None
        fitted: dict[FeatureGroup | None, FittedTwice] = {}
        for found in side_by_side or (inputs.fit(*task) for task in tasks):
            if found is not None:
                progress("ranker fitted" if found.without is None else f"ranker without {found.without} fitted")
                fitted[found.without] = found
        full, held_out = fitted[None], validation if validation.n_requests else train
        conversion = Conversion.fit(inputs.train, held_out, features.names, seed)
        calibrations = _calibrations(full.on_older, held_out, full.on_all, inputs.train, conversion)
        without = {group: fitted[group].on_all for group in ABLATED if group in fitted}
        older = OlderRanker(full.on_older, int(validation.times.min())) if validation.n_requests else None
        return cls(full.on_all, without, *calibrations, conversion, older)

    @property
    def alone(self) -> "Rankers":
        """Without the ablations."""
        return replace(self, without={})

    def of(self, *, brings_history: bool) -> "Rankers":
        """The rankers of requests that bring their history, or of the others."""
        return self.given if brings_history and self.given is not None else self

    def score(self, table: NDArray[np.float32], of_given: NDArray[np.bool_]) -> NDArray[np.float32]:
        """(n,) scores of rows (n_rows, n_features) by the full ranker, see `Ranker.score`.

        Args:
            of_given: (n,) True for rows of requests that bring their history.
        """
        if self.given is None or not of_given.any():
            return self.full.score(table)
        scores = np.empty(len(table), dtype=np.float32)
        for rankers, asked in ((self, ~of_given), (self.given, of_given)):
            scores[asked] = rankers.full.score(table[asked])
        return scores

    def compile(self) -> None:
        """Make the faster layout of all trees that serve."""
        for rankers in (self, self.given):
            if rankers is not None:
                _ = rankers.full.compiled, rankers.conversion and rankers.conversion.trees.compiled

    def continued(
        self, rows: RankerRows, config: RankerConfig, seed: int, progress: Progress
    ) -> tuple["Rankers", Continuation]:
        """The full ranker after newer requests, without ablations, and how it was made; see `recsys.rank.continuation`.

        Args:
            rows: of the newer requests.
        """
        progress(f"ranker goes on: {len(rows.worth):,} rows of {rows.n_requests:,} requests")
        train, validation = rows.split_to_learn_from(VALIDATION_SHARE, config, seed)
        older, continuation = continued(self.full, train, validation, config, seed)
        full = continuation.fit(rows.to_learn_from(config, seed))
        return self._calibrated(older, validation, full, train), continuation

    def continued_again(
        self,
        continuation: Continuation,
        older: RankerRows,
        newer: RankerRows,
        config: RankerConfig,
        seed: int,
        progress: Progress,
    ) -> "Rankers":
        """The full ranker made in the same way of more requests.

        Args:
            continuation: what `continued` gave beside this one.
            older, newer: rows of requests that this one has seen, and of those that it has not.
        """
        rows = RankerRows.joined([older, newer])
        progress(f"ranker again: {len(rows.worth):,} rows of {rows.n_requests:,} requests")
        full = continuation.fit(rows.to_learn_from(config, seed))
        return self._calibrated(self.full, newer, full, older)

    def _calibrated(self, older: Ranker, held_out: RankerRows, full: Ranker, seen: RankerRows) -> "Rankers":
        """`full` with probabilities, see `_calibrations`; with those of this one where no request was held out."""
        if not held_out.n_requests:
            return replace(self, full=full, without={})
        conversion = self.conversion
        if conversion is not None and not all(map(conversion.shares_strongest_event, (held_out, seen))):
            conversion = None
        calibrations = _calibrations(older, held_out, full, seen, conversion)
        return Rankers(full, {}, *calibrations, conversion, given=self.given)

    def probabilities(
        self, scores: NDArray[np.float32], table: NDArray[np.float32], of_given: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(n,) p_click and p_purchase of rows, by the full ranker's scores (n,) and what it saw (n, n_features).

        What is bought was wanted: the latter is never above the former.

        Args:
            of_given: see `score`.
        """
        if self.given is None or not of_given.any():
            return self._probabilities(scores, table)
        click, purchase = np.empty_like(scores), np.empty_like(scores)
        for rankers, asked in ((self, ~of_given), (self.given, of_given)):
            click[asked], purchase[asked] = rankers._probabilities(scores[asked], table[asked])
        return click, purchase

    def _probabilities(
        self, scores: NDArray[np.float32], table: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        opinions = _opinions(self.full, self.conversion, table)
        click = self.click.probability(scores, *opinions)
        return click, np.minimum(click, self.purchase.probability(scores, *opinions))

    def save(self, folder: Path) -> None:
        """Write LightGBM text files and the calibration."""
        folder.mkdir(parents=True, exist_ok=True)
        if self.given is not None:
            self.given.save(folder / _GIVEN)
        self.full.save(folder / "ranker.txt")
        for group, ranker in self.without.items():
            ranker.save(folder / f"without_{group}.txt")
        calibration = {"click": asdict(self.click), "purchase": asdict(self.purchase)}
        if self.conversion is not None:
            self.conversion.trees.save(folder / _CONVERSION)
            calibration["conversion"] = {"strongest": self.conversion.strongest}
        (folder / "calibration.json").write_text(json.dumps(calibration, indent=2), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Rankers":
        """Read what `save` wrote."""
        calibration = json.loads((folder / "calibration.json").read_text(encoding="utf-8"))
        without: dict[FeatureGroup, Ranker] = {
            group: Ranker.load(folder / f"without_{group}.txt")
            for group in ABLATED
            if (folder / f"without_{group}.txt").exists()
        }
        full = Ranker.load(folder / "ranker.txt")
        conversion = None
        if "conversion" in calibration:
            conversion = Conversion(Ranker.load(folder / _CONVERSION), **calibration["conversion"])
        click, purchase = (ScoreCalibration(**calibration[name]) for name in ("click", "purchase"))
        given = cls.load(folder / _GIVEN) if (folder / _GIVEN).exists() else None
        return cls(full, without, click, purchase, conversion, given=given)


def _calibrations(
    older: Ranker, held_out: RankerRows, full: Ranker, seen: RankerRows, conversion: Conversion | None
) -> tuple[ScoreCalibration, ScoreCalibration]:
    """Probabilities of any sign of interest and of the strongest one, from the scores of `full`.

    Args:
        older: a ranker like `full` that has not seen the rows `held_out`: on those its scores are calibrated.
        full: the ranker that the calibrations are carried over to.
        seen: rows that both have seen: they tell how the scores of the two differ.
        conversion: a second opinion.
    """
    # What was only shown is no candidate: where the sources miss much of it, it is wanted more often than those are.
    asked, common = held_out.are_candidates, seen.table[np.flatnonzero(seen.are_candidates)[:_COMPARED]]
    scores, before, after = older.score(held_out.table[asked]), older.score(common), full.score(common)
    opinions = _opinions(full, conversion, held_out.table[asked])
    click, purchase = (
        ScoreCalibration.fit(scores, happened[asked], held_out.covered, *opinions)
        for happened in (held_out.wanted, held_out.bought)
    )
    return click.carried(before, after), purchase.carried(before, after)


def _opinions(
    ranker: Ranker, conversion: Conversion | None, table: NDArray[np.float32]
) -> tuple[NDArray[np.float32] | None, NDArray[np.float32] | None]:
    """(n,) what `ScoreCalibration` knows of rows beside their scores: log odds, and events of the history."""
    log_odds = None if conversion is None else conversion.log_odds(table)
    return log_odds, np.nan_to_num(table[:, ranker.names.index(_ACTS)]) if _ACTS in ranker.names else None
