"""What the sources say of a candidate, and how alike it is to what the user chose last."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from features.affinity import AffinityName, Aggregate, fill_affinity
from features.kinds.base import Family, Kind, Member, MonotoneConstraint, Scope
from features.loops.codes import ANOTHER_FLAG, FLAG, RANK
from features.loops.sources import fill_source_values
from features.pairs import PairBatch
from recsys.config import Source
from recsys.errors import ConfigError
from recsys.retrieval.sort_keys import rank_keys

SourceStatistic = Literal["score", "rank", "share", "flag"]
"""What a source says of a candidate, in the order of the codes of `features.loops.codes`."""


class SourceColumns:
    """The columns of kinds that report what sources say."""

    def __init__(self, kinds: Sequence["_OfSource | Agreement"], columns: Sequence[int]) -> None:
        statistics = [(*one, column) for kind, column in zip(kinds, columns, strict=True) for one in kind.statistics]
        ranked = dict.fromkeys(source for source, statistic, _ in statistics if statistic == RANK)
        self._n_ranked = len(ranked)
        self._sources = tuple(dict.fromkeys((*ranked, *(source for source, _, _ in statistics))))
        self._needed = {kind.source for kind in kinds if isinstance(kind, _OfSource)}
        self._wanted = np.array(
            [(self._sources.index(source), statistic, column) for source, statistic, column in statistics]
        )

    def fill(self, pairs: PairBatch, table: NDArray[np.float32]) -> None:
        """Fill their columns of the table."""
        bounds, scores = pairs.bounds, np.empty((len(self._sources), len(pairs)), dtype=np.float32)
        for own, source in zip(scores, self._sources, strict=True):
            own[:] = pairs.scores[source] if source in self._needed else pairs.scores.get(source, 0)
        # One integer holds score and rank, because numpy sorts integers with vector instructions.
        keys = np.empty((self._n_ranked, len(pairs)), dtype=np.int64)
        rank_keys(scores, scores.view(np.int32), keys)
        for start, stop in pairwise(bounds.tolist()):
            keys[:, start:stop].sort(axis=1)
        fill_source_values(scores, keys, bounds, self._wanted, table)


@dataclass(frozen=True)
class _OfSource(Member):
    source: Source
    statistic: ClassVar[SourceStatistic]
    monotone: ClassVar[MonotoneConstraint] = 1
    scope: ClassVar[Scope] = "candidate"
    family: ClassVar[type[Family]] = SourceColumns

    @property
    def needs(self) -> str:
        return self.source

    @property
    def statistics(self) -> list[tuple[str, int]]:
        """What fills the column: sources, each with the code of the statistic that is wanted of it."""
        return [(self.source, get_args(SourceStatistic).index(self.statistic))]


class SourceScore(_OfSource):
    """What a source says of the candidate."""

    statistic = "score"


class SourceRank(_OfSource):
    """Rank of the candidate among the request's candidates by one source: 0 is the best."""

    statistic = "rank"
    monotone = -1


class SourceShare(_OfSource):
    """The score relative to the best score that the source gives in this request."""

    statistic = "share"


class SourceFlag(_OfSource):
    """1 where a source gives the candidate a score above 0, else 0."""

    statistic = "flag"


class RatioColumns:
    """The columns of kinds that compare what two sources say."""

    def __init__(self, kinds: Sequence["SourceRatio"], columns: Sequence[int]) -> None:
        self._compared = [(kind.source, kind.over, column) for kind, column in zip(kinds, columns, strict=True)]

    def fill(self, pairs: PairBatch, table: NDArray[np.float32]) -> None:
        """Fill their columns of the table."""
        for source, over, column in self._compared:
            table[:, column] = np.nan
            if over in pairs.scores:
                usual = pairs.scores[over]
                np.divide(pairs.scores[source], usual, out=table[:, column], where=usual > 0)


@dataclass(frozen=True)
class SourceRatio(Member):
    """The score by `source` divided by that of another one; NaN where the other one's is 0, or it is not used."""

    source: Source
    over: Source
    monotone: ClassVar[MonotoneConstraint] = 1
    scope: ClassVar[Scope] = "candidate"
    family: ClassVar[type[Family]] = RatioColumns

    @property
    def needs(self) -> str:
        return self.source


@dataclass(frozen=True)
class SourceWithin(Kind):
    """The score of `within` as it would be if it used the popularity by `source` in place of the usual one; its score
    must rise with the root of popularity, as that of `categories` does. NaN where the usual popularity is 0, or where
    `within` or `popular` is not among the sources."""

    source: Source
    within: Source
    monotone: ClassVar[MonotoneConstraint] = 1
    scope: ClassVar[Scope] = "candidate"

    @property
    def needs(self) -> str:
        return self.source

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        found = np.full(len(pairs), np.nan, dtype=np.float32)
        if {self.within, "popular"} <= pairs.scores.keys():
            now, usual = pairs.scores[self.source], pairs.scores["popular"]
            np.divide(now, usual, out=found, where=(usual > 0) & (now >= 0))
            np.sqrt(found, out=found)
            found *= pairs.scores[self.within]
        return found


@dataclass(frozen=True)
class Agreement(Member):
    """How many of the named sources give the candidate a score above 0; those that are not used do not count.

    Raises:
        ConfigError: when it is declared, if it names no source.
    """

    sources: tuple[Source, ...]
    monotone: ClassVar[MonotoneConstraint] = 1
    scope: ClassVar[Scope] = "candidate"
    family: ClassVar[type[Family]] = SourceColumns

    def __post_init__(self) -> None:
        if not self.sources:
            raise ConfigError("sources = []: name the candidate sources that may agree")

    @property
    def statistics(self) -> list[tuple[str, int]]:
        """See `_OfSource.statistics`; the first flag is written, the others are added to it."""
        return [(source, ANOTHER_FLAG if index else FLAG) for index, source in enumerate(self.sources)]


class AffinityColumns:
    """The columns of kinds that compare candidates with the history."""

    def __init__(self, kinds: Sequence["Affinity"], columns: Sequence[int]) -> None:
        wanted: dict[str, list[tuple[int, int]]] = {}
        for kind, column in zip(kinds, columns, strict=True):
            wanted.setdefault(kind.name, []).append((get_args(Aggregate).index(kind.aggregate), column))
        self._wanted = {name: np.array(own) for name, own in wanted.items()}

    def fill(self, pairs: PairBatch, table: NDArray[np.float32]) -> None:
        """Fill their columns of the table."""
        for name, wanted in self._wanted.items():
            fill_affinity(pairs.facts, name, pairs.histories, pairs.bounds, pairs.items, wanted, table)


@dataclass(frozen=True)
class Affinity(Member):
    """Affinity between the candidate and the newest items of the history, aggregated: see `Aggregate`."""

    name: AffinityName
    aggregate: Aggregate
    scope: ClassVar[Scope] = "user-item"
    family: ClassVar[type[Family]] = AffinityColumns

    @property
    def needs(self) -> str:
        return self.name

    @property
    def monotone(self) -> MonotoneConstraint:
        """A higher similarity never lowers the score; how long ago the nearest event was may do either."""
        return 0 if self.aggregate == "place" else 1


KINDS: tuple[type[Kind], ...] = (
    SourceScore,
    SourceRank,
    SourceShare,
    SourceFlag,
    SourceRatio,
    SourceWithin,
    Agreement,
    Affinity,
)
"""The kinds of this file, for `features.extra`."""
