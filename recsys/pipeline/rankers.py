"""The ranker of a version, the same without one group each, and how its scores become probabilities."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from features.feature_set import FeatureSet
from recsys.config import FeatureGroup, RankerConfig
from recsys.pipeline.engine import Engine
from recsys.progress import Progress
from recsys.rank.calibration import Calibration
from recsys.rank.lambdarank import VALIDATION_SHARE, Ranker, Way
from recsys.rank.rows import RankerRows

SOURCE_GROUP: Mapping[str, FeatureGroup] = {
    "transitions": "collaborative",
    "neighbours": "collaborative",
    "ease": "collaborative",
    "als": "collaborative",
    "popular": "behaviour",
    "history": "behaviour",
    "text": "text",
}
"""The group that a source falls with, when a group is left out to see what it adds."""

_COMPARED = 100_000
"""Most rows by which the scores of two rankers are held against each other."""

ABLATED: tuple[FeatureGroup, ...] = ("text", "collaborative", "behaviour")


@dataclass(frozen=True)
class Rankers:
    """Fitted rankers.

    Attributes:
        full: with all configured groups.
        without: group -> the ranker that sees neither the group's features nor what only its sources proposed.
        click, purchase: probability of any sign of interest, and of the strongest one, from the full ranker's score.
    """

    full: Ranker
    without: Mapping[FeatureGroup, Ranker]
    click: Calibration
    purchase: Calibration

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
        """Fit on all requests. A ranker that has not seen the newest ones calibrates, and says how many trees to fit.

        Args:
            engine: its processes fit the rankers side by side, each as this one would; without it, this one does.

        Raises:
            DataError: no request has an item that was wanted.
        """
        progress(f"ranker: {len(rows.grades):,} rows of {rows.n_requests:,} requests, {len(features.names)} features")
        train, validation = rows.split(VALIDATION_SHARE)
        ground = _Ground(train.sampled(config.negatives, seed), validation, features, tuple(sources), config, seed)
        tasks: list[tuple[FeatureGroup | None]] = [(None,), *((group,) for group in ABLATED if config.ablation)]
        several = engine.run(ground.opened, _Ground.fit, tasks) if engine and len(tasks) > 1 else None
        fitted: dict[FeatureGroup | None, tuple[Ranker, Ranker]] = {}
        for found in several or (ground.fit(*task) for task in tasks):
            if found is not None and found[1] is not None:
                progress("ranker fitted" if found[0] is None else f"ranker without {found[0]} fitted")
                fitted[found[0]] = found[1]
        without = {group: fitted[group][1] for group in ABLATED if group in fitted}
        held, full = fitted[None]
        heads = _calibrated(held, validation if validation.n_requests else train, full, ground.train)
        return cls(full, without, *heads)

    @property
    def alone(self) -> "Rankers":
        """Without the ablations."""
        return replace(self, without={})

    def continued(self, rows: RankerRows, config: RankerConfig, seed: int, progress: Progress) -> tuple["Rankers", Way]:
        """The ranker after newer requests, see `Ranker.continued`, without ablations, and the way it was made."""
        progress(f"ranker goes on: {len(rows.grades):,} rows of {rows.n_requests:,} requests")
        train, validation = rows.split(VALIDATION_SHARE)
        train = train.sampled(config.negatives, seed)
        held, way = self.full.continued(train, validation, config, seed)
        return self._made(way, rows.sampled(config.negatives, seed), held, validation, train), way

    def again(
        self, way: Way, older: RankerRows, newer: RankerRows, config: RankerConfig, seed: int, progress: Progress
    ) -> "Rankers":
        """The ranker made in the same way of the older requests, which this one has seen, and of newer ones."""
        rows = RankerRows.joined([older, newer])
        progress(f"ranker again: {len(rows.grades):,} rows of {rows.n_requests:,} requests")
        return self._made(way, rows.sampled(config.negatives, seed), self.full, newer, older)

    def _made(self, way: Way, rows: RankerRows, held: Ranker, held_out: RankerRows, seen: RankerRows) -> "Rankers":
        """Calibrated on what one made of fewer rows has not seen; both have seen some."""
        full = way(rows)
        heads = _calibrated(held, held_out, full, seen) if held_out.n_requests else (self.click, self.purchase)
        return Rankers(full, {}, *heads)

    def chances(self, scores: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(n,) p_click and p_purchase of the full ranker's scores. What is bought was wanted: the latter is never above
        the former, though each was fitted by itself."""
        click = self.click.probability(scores)
        return click, np.minimum(click, self.purchase.probability(scores))

    def save(self, folder: Path) -> None:
        """Write LightGBM text files and the calibration."""
        folder.mkdir(parents=True, exist_ok=True)
        self.full.save(folder / "ranker.txt")
        for group, ranker in self.without.items():
            ranker.save(folder / f"without_{group}.txt")
        calibration = {"click": asdict(self.click), "purchase": asdict(self.purchase)}
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
        return cls(full, without, Calibration(**calibration["click"]), Calibration(**calibration["purchase"]))


@dataclass(frozen=True)
class _Ground:
    """What each ranker is fitted on."""

    train: RankerRows
    validation: RankerRows
    features: FeatureSet
    sources: tuple[str, ...]
    config: RankerConfig
    seed: int

    def opened(self) -> "_Ground":
        """Itself: what a process needs comes with the call."""
        return self

    def fit(self, group: FeatureGroup | None) -> tuple[FeatureGroup | None, tuple[Ranker, Ranker] | None]:
        """The ranker without a group, or the full one: as the older requests alone make it, and from all; none where
        nothing is left to learn from."""
        features, older, newer = self.features, self.train, self.validation
        if group is not None:
            columns = [place for place, own in enumerate(features.groups) if own != group]
            older, newer = (rows.keep(remaining(rows.proposed_by, self.sources, group)) for rows in (older, newer))
            if len(columns) in (0, len(features.groups)) or not older.wanted.any():
                return group, None
            features, older, newer = features.without(group), older.columns(columns), newer.columns(columns)
        rows = RankerRows.joined([older, newer.sampled(self.config.negatives, self.seed)])
        if group is not None and not (older if self.config.early_stopping else rows).ordered:
            return group, None  # without the group's sources, all that was proposed may have been wanted
        if group is not None and not self.config.early_stopping:
            ranker = Ranker.fit(rows, newer, features.names, self.config, self.seed, features.directions)
            return group, (ranker, ranker)
        held = Ranker.fit(older, newer, features.names, self.config, self.seed, features.directions)
        return group, (held, held.refitted(rows, self.config, self.seed))


def _calibrated(held: Ranker, held_out: RankerRows, full: Ranker, seen: RankerRows) -> tuple[Calibration, Calibration]:
    """Probabilities of any sign of interest and of the strongest one, from the scores of `full`: as one that has not
    seen some rows shows on them, carried over by rows that both have seen."""
    scores, common = held.score(held_out.table), seen.table[:_COMPARED]
    before, after = held.score(common), full.score(common)
    click, purchase = (
        Calibration.fit(scores, happened, held_out.found) for happened in (held_out.wanted, held_out.bought)
    )
    return click.carried(before, after), purchase.carried(before, after)


def remaining(proposed_by: NDArray[np.uint16], sources: Sequence[str], group: FeatureGroup) -> NDArray[np.bool_]:
    """(n_pairs,) False where only sources of `group` proposed the item; what was merely shown remains."""
    others = sum(1 << bit for bit, source in enumerate(sources) if SOURCE_GROUP[source] != group)
    return np.asarray(np.not_equal(proposed_by & np.uint16(others), 0) | np.equal(proposed_by, 0))
