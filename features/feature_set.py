"""The features of one trained version: chosen by the config and by what was learned, in a fixed order."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from features.declarations import FEATURES, Feature
from features.kinds.base import Family, Kind, Member, MonotoneConstraint
from features.kinds.items import ItemPastColumns
from features.measures import Measure
from features.pairs import PairBatch
from recsys.config import FeatureGroup
from recsys.errors import BundleError


@dataclass(frozen=True)
class FeatureSet:
    """Features in the order of the table's columns."""

    features: tuple[Feature, ...]

    @classmethod
    def choose(
        cls, groups: Collection[FeatureGroup], available: Collection[str], declared: Sequence[Feature] = FEATURES
    ) -> "FeatureSet":
        """The declared features of these groups for which what they need is among `available`."""
        return cls(tuple(f for f in declared if f.group in groups and (f.needs is None or f.needs in available)))

    @classmethod
    def named(cls, names: Collection[str], declared: Sequence[Feature] = FEATURES) -> "FeatureSet":
        """The features with these names, in this order.

        Raises:
            BundleError: a name is not declared in this release.
        """
        by_name = {feature.name: feature for feature in declared}
        missing = [name for name in names if name not in by_name]
        if missing:
            raise BundleError(f"this release does not know the features {', '.join(missing)}; train a new version")
        return cls(tuple(by_name[name] for name in names))

    @property
    def names(self) -> list[str]:
        """Column names."""
        return [feature.name for feature in self.features]

    @property
    def groups(self) -> list[FeatureGroup]:
        """The group of each column."""
        return [feature.group for feature in self.features]

    @property
    def monotone_constraints(self) -> list[MonotoneConstraint]:
        """The constraint of each column."""
        return [feature.monotone for feature in self.features]

    def without(self, group: FeatureGroup) -> "FeatureSet":
        """All but one group."""
        return FeatureSet(tuple(feature for feature in self.features if feature.group != group))

    @cached_property
    def _families(self) -> tuple[Family, ...]:
        """Columns that are computed together."""
        members: dict[type[Family], dict[int, Kind]] = {}
        for column, feature in enumerate(self.features):
            if isinstance(feature.kind, Member):
                members.setdefault(feature.kind.family, {})[column] = feature.kind
        return tuple(family(list(own.values()), list(own)) for family, own in members.items())

    @cached_property
    def _others(self) -> tuple[tuple[int, Kind], ...]:
        """Columns that are computed one by one, and how."""
        return tuple((c, f.kind) for c, f in enumerate(self.features) if not isinstance(f.kind, Member))

    @property
    def measures(self) -> tuple[Measure, ...]:
        """What the features need to know of the past of items."""
        asking = [family for family in self._families if isinstance(family, ItemPastColumns)]
        return tuple(measure for family in asking for stream in family.questions.streams for measure in stream.measures)

    def compute(self, pairs: PairBatch) -> NDArray[np.float32]:
        """(n_pairs, n_features) float32, NaN where a value does not exist."""
        table = np.empty((len(pairs), len(self.features)), dtype=np.float32)
        for family in self._families:
            family.fill(pairs, table)
        for column, kind in self._others:
            table[:, column] = kind.values(pairs)
        return table
