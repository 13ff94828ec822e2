"""The ranker of a version, the same without one group each, and how its scores become probabilities."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from features.feature_set import FeatureSet
from recsys.config import FeatureGroup, RankerConfig
from recsys.pipeline.stage_one import Progress
from recsys.rank.calibration import Calibration
from recsys.rank.lambdarank import VALIDATION_SHARE, Ranker
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
    ) -> "Rankers":
        """Fit on older requests; the newest share decides the number of trees and calibrates.

        Raises:
            DataError: no request has an item that was wanted.
        """
        progress(f"ranker: {len(rows.grades):,} rows of {rows.n_requests:,} requests, {len(features.names)} features")
        train, validation = rows.split(VALIDATION_SHARE)
        train = train.sampled(config.negatives, seed)
        full = Ranker.fit(train, validation, features.names, config, seed, features.directions)
        without: dict[FeatureGroup, Ranker] = {}
        for group in ABLATED if config.ablation else ():
            columns = [place for place, own in enumerate(features.groups) if own != group]
            parts = [part.keep(remaining(part.proposed_by, sources, group)) for part in (train, validation)]
            if len(columns) in (0, len(features.groups)) or not parts[0].wanted.any():
                continue
            progress(f"ranker without {group}")
            other, (older, newer) = features.without(group), (part.columns(columns) for part in parts)
            without[group] = Ranker.fit(older, newer, other.names, config, seed, other.directions)
        return cls(full, without, *_calibrated(full, validation if validation.n_requests else train))

    @property
    def alone(self) -> "Rankers":
        """Without the ablations."""
        return replace(self, without={})

    def continued(self, rows: RankerRows, config: RankerConfig, seed: int, progress: Progress) -> "Rankers":
        """The ranker after newer requests, see `Ranker.continued`; calibrated on the newest, and without ablations."""
        progress(f"ranker goes on: {len(rows.grades):,} rows of {rows.n_requests:,} requests")
        train, validation = rows.split(VALIDATION_SHARE)
        if not validation.n_requests:
            return self.alone
        full = self.full.continued(train.sampled(config.negatives, seed), validation, config, seed)
        return Rankers(full, {}, *_calibrated(full, validation))

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


def _calibrated(ranker: Ranker, held_out: RankerRows) -> tuple[Calibration, Calibration]:
    scores = ranker.score(held_out.table)
    return Calibration.fit(scores, held_out.wanted), Calibration.fit(scores, held_out.bought)


def remaining(proposed_by: NDArray[np.uint16], sources: Sequence[str], group: FeatureGroup) -> NDArray[np.bool_]:
    """(n_pairs,) False where only sources of `group` proposed the item; what was merely shown remains."""
    others = sum(1 << bit for bit, source in enumerate(sources) if SOURCE_GROUP[source] != group)
    return np.asarray(np.not_equal(proposed_by & np.uint16(others), 0) | np.equal(proposed_by, 0))
