"""The ranker of a version, rankers without one group of features each, and those of requests that bring their history
or the items to rank."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.feature_set import FeatureSet
from recsys.config import FeatureGroup, RankerConfig
from recsys.counts import counted
from recsys.pipeline.candidates.request_block import RequestKind
from recsys.pipeline.engines.threads import in_threads, usable_cores
from recsys.pipeline.ranking.ranker_calibration import RankerCalibration
from recsys.pipeline.ranking.ranker_fits import FittedTwice, RankerInputs
from recsys.pipeline.training_run import TrainingRun
from recsys.rank.continuation import Continuation, continued
from recsys.rank.conversion import Conversion
from recsys.rank.lambdarank import Ranker
from recsys.rank.rows import RankerRows
from recsys.rank.samples import LearningRows, to_learn_from

_GIVEN, _NAMED = "given", "named"
"""The folders of the rankers of requests that bring their history, and of those that name the items to rank."""

_MOST_SIDE_BY_SIDE = 1_000_000
"""Most rows with which rankers are fitted side by side in this process, because each copies the rows that it learns
from."""

ABLATED: tuple[FeatureGroup, ...] = ("text", "collaborative", "behaviour")


class OlderRanker(NamedTuple):
    """The full ranker, fitted on the older requests alone."""

    ranker: Ranker
    until: int
    """microseconds: it has learned from no request of this moment or a later one"""


@dataclass(frozen=True)
class Rankers:
    """Fitted rankers.

    Attributes:
        full: with all configured groups.
        without: group -> the ranker that sees neither the group's features nor what only its sources proposed.
        calibration: what the scores of `full` mean as probabilities.
        older: a ranker that has not learned from the newest requests; None where no request was held out, and in a
            loaded version.
        given: the rankers of requests that bring their history as bare items, without when and how these were chosen;
            None: such requests are ranked like others.
        named: the rankers of requests that name the items to rank, which learned from lists that were shown; None: such
            requests are ranked like others.
    """

    full: Ranker
    without: Mapping[FeatureGroup, Ranker]
    calibration: RankerCalibration
    older: OlderRanker | None = None
    given: "Rankers | None" = None
    named: "Rankers | None" = None

    @classmethod
    def fit(
        cls,
        rows: LearningRows,
        features: FeatureSet,
        sources: Sequence[str],
        config: RankerConfig,
        run: TrainingRun,
    ) -> "Rankers":
        """Fit on all requests. A ranker of all but the newest ones is fitted first: on these it is calibrated, and they
        decide how much its parts count and, with early stopping, how many trees to fit.

        Args:
            sources: in the order of the bits of `RankerRows.proposed_by`.
            run: its engine fits the rankers side by side; without one, threads of this process do. The result is the
                same.

        Raises:
            DataError: no request has an item that was wanted.
        """
        seed, progress, engine = run.seed, run.progress, run.engine
        train, validation = rows.older, rows.newest
        progress(f"ranker: {_size_of(train, validation)}, {counted(len(features.names), 'feature')}")
        inputs = RankerInputs(train, validation, features, tuple(sources), config, seed)
        tasks: list[tuple[FeatureGroup | None]] = [(None,), *((group,) for group in ABLATED if config.ablation)]
        found_by: Iterator[FittedTwice | None]
        if engine and len(tasks) > 1:
            found_by = engine.run(inputs.opened, RankerInputs.fit, tasks)
        elif len(tasks) > 1 and usable_cores() > 1 and len(train.gains) <= _MOST_SIDE_BY_SIDE:
            found_by = in_threads(inputs.fit, tasks, min(usable_cores(), len(tasks)))
        else:
            found_by = (inputs.fit(*task) for task in tasks)
        fitted: dict[FeatureGroup | None, FittedTwice] = {}
        for found in found_by:
            if found is not None:
                progress("ranker fitted" if found.without is None else f"ranker without {found.without} fitted")
                fitted[found.without] = found
        full, held_out = fitted[None], validation if validation.n_requests else train
        conversion = Conversion.fit(inputs.train, held_out, features.names, seed)
        calibration = RankerCalibration.fit(full.on_older, held_out, full.on_all, inputs.train, conversion)
        without = {group: fitted[group].on_all for group in ABLATED if group in fitted}
        older = OlderRanker(full.on_older, int(validation.times.min())) if validation.n_requests else None
        return cls(full.on_all, without, calibration, older)

    @property
    def alone(self) -> "Rankers":
        """Without the ablations."""
        return replace(self, without={})

    def of(self, kind: RequestKind) -> "Rankers":
        """The rankers of requests of one kind."""
        own = {RequestKind.BRINGS_HISTORY: self.given, RequestKind.NAMES_CANDIDATES: self.named}.get(kind)
        return self if own is None else own

    def score(self, table: NDArray[np.float32], kinds: NDArray[np.int8]) -> NDArray[np.float32]:
        """(n,) scores of rows (n_rows, n_features) by the full ranker, see `Ranker.score`.

        Args:
            kinds: (n,) the `RequestKind` of the request of each row.
        """
        scores = np.empty(len(table), dtype=np.float32)
        for rankers, rows in self._by_rows(kinds):
            scores[rows] = rankers.full.score(table[rows])
        return scores

    def _by_rows(self, kinds: NDArray[np.int8]) -> Iterator[tuple["Rankers", NDArray[np.bool_] | slice]]:
        """The rankers to use, each with the rows that it ranks; see `score`."""
        special = [kind for kind in RequestKind if self.of(kind) is not self and (kinds == kind).any()]
        if not special:
            yield self, slice(None)
            return
        for kind in special:
            yield self.of(kind), kinds == kind
        others = ~np.isin(kinds, special)
        if others.any():
            yield self, others

    def compile(self) -> None:
        """Prepare all trees that serve for fast scoring, now and not in the first request."""
        for rankers in (self, self.given, self.named):
            if rankers is not None:
                conversion = rankers.calibration.conversion
                _ = rankers.full.compiled, conversion and conversion.trees.compiled

    def continued(self, rows: RankerRows, config: RankerConfig, run: TrainingRun) -> tuple["Rankers", Continuation]:
        """The full ranker after newer requests, without ablations, and how it was made; see `recsys.rank.continuation`.

        Args:
            rows: of the newer requests.
        """
        run.progress(f"ranker continues: {_size_of(rows)}")
        learning = LearningRows.of(rows, config=config, seed=run.seed)
        older, continuation = continued(self.full, learning.older, learning.newest, config, run.seed)
        full = continuation.fit(to_learn_from(rows, config, run.seed))
        return self._calibrated(older, learning.newest, full, learning.older), continuation

    def continued_again(
        self, continuation: Continuation, older: RankerRows, newer: RankerRows, config: RankerConfig, run: TrainingRun
    ) -> "Rankers":
        """The full ranker, made in the same way with more requests.

        Args:
            continuation: what `continued` returned with this one.
            older, newer: rows of requests that this one has seen, and of those that it has not seen.
        """
        rows = RankerRows.joined([older, newer])
        run.progress(f"ranker continues with the newest requests too: {_size_of(rows)}")
        full = continuation.fit(to_learn_from(rows, config, run.seed))
        return self._calibrated(self.full, newer, full, older)

    def _calibrated(self, older: Ranker, held_out: RankerRows, full: Ranker, seen: RankerRows) -> "Rankers":
        """`full` with a calibration of its own; with that of this one if no request was held out."""
        if not held_out.n_requests:
            return replace(self, full=full, without={})
        conversion = self.calibration.conversion
        if conversion is not None and not all(map(conversion.shares_strongest_event, (held_out, seen))):
            conversion = None
        calibration = RankerCalibration.fit(older, held_out, full, seen, conversion)
        return Rankers(full, {}, calibration, given=self.given, named=self.named)

    def probabilities(
        self, scores: NDArray[np.float32], table: NDArray[np.float32], kinds: NDArray[np.int8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(n,) p_click and p_purchase of rows, by the full rankers' scores (n,), see `RankerCalibration.probabilities`.

        Args:
            table, kinds: see `score`.
        """
        found = np.empty((2, len(scores)), dtype=np.float32)
        for rankers, rows in self._by_rows(kinds):
            found[:, rows] = rankers.calibration.probabilities(rankers.full, scores[rows], table[rows])
        return found[0], found[1]

    def save(self, folder: Path) -> None:
        """Write LightGBM text files and the calibration."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, own in ((_GIVEN, self.given), (_NAMED, self.named)):
            if own is not None:
                own.save(folder / name)
        self.full.save(folder / "ranker.txt")
        for group, ranker in self.without.items():
            ranker.save(folder / f"without_{group}.txt")
        self.calibration.save(folder)

    @classmethod
    def load(cls, folder: Path) -> "Rankers":
        """Read what `save` wrote."""
        without: dict[FeatureGroup, Ranker] = {
            group: Ranker.load(folder / f"without_{group}.txt")
            for group in ABLATED
            if (folder / f"without_{group}.txt").exists()
        }
        full = Ranker.load(folder / "ranker.txt")
        given, named = (cls.load(folder / name) if (folder / name).exists() else None for name in (_GIVEN, _NAMED))
        return cls(full, without, RankerCalibration.load(folder), given=given, named=named)


def _size_of(*parts: RankerRows) -> str:
    n_rows, n_requests = sum(len(rows.gains) for rows in parts), sum(rows.n_requests for rows in parts)
    return f"{counted(n_rows, 'row')} of {counted(n_requests, 'request')}"
