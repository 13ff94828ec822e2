"""One ranker, with all groups of features or without one of them, fitted twice: on the older requests, and on all."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.feature_set import FeatureSet
from recsys.config import FeatureGroup, RankerConfig, sources_of
from recsys.rank.columns import Columns
from recsys.rank.lambdarank import Ranker
from recsys.rank.rows import RankerRows
from recsys.rank.samples import to_learn_from
from recsys.rank.stacking import REQUESTS_FOR_TREES_ALONE, PartWeights


@dataclass(frozen=True)
class FittedTwice:
    """A ranker, twice.

    Attributes:
        without: the group of features that is left out; None for the full ranker.
        on_older: fitted on the older requests alone, without the newest.
        on_all: fitted on all requests.
    """

    without: FeatureGroup | None
    on_older: Ranker
    on_all: Ranker


@dataclass(frozen=True)
class RankerInputs:
    """What every ranker is fitted on.

    Attributes:
        train: rows of the older requests, sampled.
        validation: all rows of the newest ones.
        features: the columns of both tables.
        sources: in the order of the bits of `RankerRows.proposed_by`.
    """

    train: RankerRows
    validation: RankerRows
    features: FeatureSet
    sources: tuple[str, ...]
    config: RankerConfig
    seed: int

    def opened(self) -> "RankerInputs":
        """Itself, as the `open_` of `Engine.run`: these inputs travel with the call."""
        return self

    def fit(self, without: FeatureGroup | None) -> FittedTwice | None:
        """The ranker without a group, or the full one; None where nothing is left to learn from."""
        features, older, newer = self.features, self.train, self.validation
        if without is not None:
            kept = [index for index, group in enumerate(features.groups) if group != without]
            if len(kept) in (0, len(features.groups)):
                return None
            older, newer = (
                rows.keep(remaining(rows.proposed_by, self.sources, without), kept) for rows in (older, newer)
            )
            if not older.positive.any():
                return None
            features = features.without(without)
        sample = to_learn_from(newer, self.config, self.seed)
        rows = RankerRows.joined([older, sample])
        if without is not None and not (older if self.config.early_stopping else rows).has_order:
            return None  # without the group's sources, perhaps only wanted items were proposed
        columns = columns_of(features)
        settings = columns, self.config, self.seed
        judged = older.n_requests < REQUESTS_FOR_TREES_ALONE and newer.has_order and not self.config.debias
        if without is not None and not judged and not self.config.early_stopping:
            ranker = Ranker.fit(rows, newer, *settings)
            return FittedTwice(without, ranker, ranker)
        on_older = Ranker.fit(older, newer, *settings, PartWeights.even() if judged else None)
        weights = None
        if judged:
            weights = PartWeights.fit(on_older.parts(sample.table), sample, PartWeights.usual(older.n_requests))
        on_all = on_older.refitted(rows, self.config, self.seed, weights)
        return FittedTwice(without, on_older.weighted(weights) if weights else on_older, on_all)


def columns_of(features: FeatureSet) -> Columns:
    """The columns of the ranker's table."""
    return Columns(tuple(features.names), tuple(features.monotone_constraints))


def remaining(proposed_by: NDArray[np.uint16], sources: Sequence[str], group: FeatureGroup) -> NDArray[np.bool_]:
    """(n_pairs,) False where only sources of `group` proposed the item; what was merely shown remains."""
    others = sum(1 << bit for bit, source in enumerate(sources) if source not in sources_of(group))
    return np.asarray(np.not_equal(proposed_by & np.uint16(others), 0) | np.equal(proposed_by, 0))
