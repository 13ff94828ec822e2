"""What the sources say of a candidate, and how alike it is to what the user chose last."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from features.kinds.base import Scope, ratio
from features.pairs import PairBatch


@dataclass(frozen=True)
class SourceScore:
    """What a source says of the candidate."""

    source: str
    scope: ClassVar[Scope] = "candidate"

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        return pairs.scores[self.source]


@dataclass(frozen=True)
class SourceRank:
    """Place of the candidate among the request's candidates by one source: 0 is the best."""

    source: str
    scope: ClassVar[Scope] = "candidate"

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        return pairs.ranks(self.source)


@dataclass(frozen=True)
class SourceShare:
    """The score relative to the best score that the source gives in this request."""

    source: str
    scope: ClassVar[Scope] = "candidate"

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        scores = pairs.scores[self.source]
        best = np.zeros(len(pairs.histories), dtype=np.float32)
        filled = np.flatnonzero(np.diff(pairs.bounds))
        if len(filled):
            best[filled] = np.maximum.reduceat(np.abs(scores), pairs.bounds[filled])
        best = best[pairs.rows]
        return ratio(scores, best, best > 0)


@dataclass(frozen=True)
class SourceFlag:
    """1 where a source gives the candidate a score above 0, else 0."""

    source: str
    scope: ClassVar[Scope] = "candidate"

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        return (pairs.scores[self.source] > 0).astype(np.float32)


@dataclass(frozen=True)
class Agreement:
    """How many sources give the candidate a score above 0."""

    sources: tuple[str, ...]
    scope: ClassVar[Scope] = "candidate"

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        votes = np.zeros(len(pairs), dtype=np.float32)
        for source in self.sources:
            if source in pairs.scores:
                votes += pairs.scores[source] > 0
        return votes


@dataclass(frozen=True)
class Affinity:
    """Item-item affinity between the candidate and the newest items of the history, aggregated.

    `max` is the nearest item of the history, `min` the one furthest off, `place` how many events ago the nearest was.
    """

    name: str
    aggregate: Literal["last", "max", "min", "mean", "decayed", "place"]
    scope: ClassVar[Scope] = "user-item"

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        found: NDArray[np.float32] = getattr(pairs.affinity(self.name), self.aggregate)
        return found
