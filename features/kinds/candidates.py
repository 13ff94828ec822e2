"""What the sources say of a candidate, and how alike it is to what the user chose last."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from features.affinity import Aggregate
from features.kinds.base import Scope
from features.pairs import PairBatch


@dataclass(frozen=True)
class SourceScore:
    """What a source says of the candidate."""

    source: str
    scope: ClassVar[Scope] = "candidate"

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        return np.asarray(pairs.scores[self.source], dtype=np.float32)


@dataclass(frozen=True)
class SourceRank:
    """Place of the candidate among the request's candidates by one source: 0 is the best."""

    source: str
    scope: ClassVar[Scope] = "candidate"

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        return np.asarray(pairs.sources.ranks[pairs.sources.row(self.source)])


@dataclass(frozen=True)
class SourceShare:
    """The score relative to the best score that the source gives in this request."""

    source: str
    scope: ClassVar[Scope] = "candidate"

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        return np.asarray(pairs.sources.shares[pairs.sources.row(self.source)])


@dataclass(frozen=True)
class SourceFlag:
    """1 where a source gives the candidate a score above 0, else 0."""

    source: str
    scope: ClassVar[Scope] = "candidate"

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        return np.asarray(pairs.sources.flags[pairs.sources.row(self.source)], dtype=np.float32)


@dataclass(frozen=True)
class Agreement:
    """How many sources give the candidate a score above 0."""

    sources: tuple[str, ...]
    scope: ClassVar[Scope] = "candidate"

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        rows = [pairs.sources.row(source) for source in self.sources if source in pairs.scores]
        return np.asarray(np.sum(pairs.sources.flags[rows], axis=0, dtype=np.float32))


@dataclass(frozen=True)
class Affinity:
    """Item-item affinity between the candidate and the newest items of the history, aggregated.

    `max` is the nearest item of the history, `min` the one furthest off, `place` how many events ago the nearest was.
    """

    name: str
    aggregate: Aggregate
    scope: ClassVar[Scope] = "user-item"

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        return pairs.affinity(self.name, self.aggregate)
