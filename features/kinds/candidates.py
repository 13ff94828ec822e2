"""What the sources say of a candidate, and how alike it is to what the user chose last."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, get_args

import numpy as np
from numpy.typing import NDArray

from features.affinity import Aggregate
from features.kinds.base import Direction, Family, Member, Scope
from features.pairs import PairBatch
from features.source_table import Said


class SourceColumns:
    """The columns of kinds that tell what sources say."""

    def __init__(self, kinds: Sequence["_OfSource"]) -> None:
        self._said = [get_args(Said).index(kind.part) for kind in kinds]
        self._sources = [kind.source for kind in kinds]

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        """(n_kinds, n_pairs)."""
        return pairs.sources.said[self._said, [pairs.sources.row(source) for source in self._sources]]


@dataclass(frozen=True)
class _OfSource(Member):
    source: str
    part: ClassVar[Said]
    direction: ClassVar[Direction] = 1
    scope: ClassVar[Scope] = "candidate"
    family: ClassVar[type[Family]] = SourceColumns


class SourceScore(_OfSource):
    """What a source says of the candidate."""

    part = "scores"


class SourceRank(_OfSource):
    """Place of the candidate among the request's candidates by one source: 0 is the best."""

    part = "ranks"
    direction = -1


class SourceShare(_OfSource):
    """The score relative to the best score that the source gives in this request."""

    part = "shares"


class SourceFlag(_OfSource):
    """1 where a source gives the candidate a score above 0, else 0."""

    part = "flags"


@dataclass(frozen=True)
class Agreement:
    """How many sources give the candidate a score above 0."""

    sources: tuple[str, ...]
    direction: ClassVar[Direction] = 1
    scope: ClassVar[Scope] = "candidate"

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        rows = [pairs.sources.row(source) for source in self.sources if source in pairs.scores]
        return np.asarray(pairs.sources.flags.take(rows, axis=0).sum(axis=0))


class AffinityColumns:
    """The columns of kinds that compare candidates with the history."""

    def __init__(self, kinds: Sequence["Affinity"]) -> None:
        self._names = [kind.name for kind in kinds]
        self._aggregates = [get_args(Aggregate).index(kind.aggregate) for kind in kinds]

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        """(n_kinds, n_pairs)."""
        return pairs.affinities.table[[pairs.facts.affinities.index(name) for name in self._names], self._aggregates]


@dataclass(frozen=True)
class Affinity(Member):
    """Item-item affinity between the candidate and the newest items of the history, aggregated.

    `max` is the nearest item of the history, `min` the one furthest off, `place` how many events ago the nearest was.
    """

    name: str
    aggregate: Aggregate
    scope: ClassVar[Scope] = "user-item"
    family: ClassVar[type[Family]] = AffinityColumns

    @property
    def direction(self) -> Direction:
        """Likeness speaks for an item; how long ago the nearest one was may do either."""
        return 0 if self.aggregate == "place" else 1
