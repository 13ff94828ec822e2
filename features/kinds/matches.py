"""What the history has in common with each candidate: the same item, category or brand.

A history that was given as ids has no times: for it, whatever is counted in days is NaN; what is counted in events is
not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from features.item_facts import Code
from features.kinds.base import UNEQUAL_WEIGHTS, Family, Kind, Member, Of, Scope
from features.loops.codes import (
    BASKET_SHARE,
    DUE,
    EVENTS_SINCE,
    FADED_BASKETS,
    FADED_DAYS,
    MATCH_SHARE,
    MATCHES,
    NO_EVENT,
    TIME_SINCE,
    WEIGHT,
    WEIGHT_SHARE,
)
from features.loops.matches import Past, fill_days_since, fill_matches
from features.pairs import PairBatch
from recsys.data.log.history import HistoryBatch

_ALL = np.iinfo(np.int64).max


class MatchColumns:
    """The columns of kinds that look for a candidate's codes in the history."""

    def __init__(self, kinds: Sequence["_Match"], columns: Sequence[int]) -> None:
        compared = list(dict.fromkeys(kind.compared for kind in kinds))
        wanted = sorted(
            (compared.index(kind.compared), kind.statistic, column) for kind, column in zip(kinds, columns, strict=True)
        )
        self._comparisons = np.array(
            [(get_args(Code).index(code), _ALL if newest is None else newest) for code, newest in compared]
        )
        self._wanted = np.array(wanted)

    def fill(self, pairs: PairBatch, table: NDArray[np.float32]) -> None:
        """Fill their columns of the table."""
        codes, past = pairs.facts.codes, past_of(pairs.histories)
        fill_matches(codes, self._comparisons, past, pairs.bounds, pairs.items, self._wanted, table)


class NamedEventColumns:
    """The columns of kinds that look for events of one name in the history."""

    def __init__(self, kinds: Sequence["UserItemSinceEvent"], columns: Sequence[int]) -> None:
        self._names, self._columns = [kind.event for kind in kinds], columns

    def fill(self, pairs: PairBatch, table: NDArray[np.float32]) -> None:
        """Fill their columns of the table."""
        known = pairs.state.event_names
        numbers = [known.index(name) if name in known else NO_EVENT for name in self._names]
        wanted, events = np.column_stack([numbers, self._columns]), pairs.histories.events
        fill_days_since(pairs.facts.codes, past_of(pairs.histories), events, pairs.bounds, pairs.items, wanted, table)


def past_of(histories: HistoryBatch) -> Past:
    known = histories.items, histories.times, histories.weights, histories.baskets
    return Past(histories.offsets, *known, histories.now)


class _Match(Member):
    family: ClassVar[type[Family]] = MatchColumns

    @property
    def compared(self) -> tuple[Code, int | None]:
        """What two items must have in common; how many of the newest events are looked at, None for all."""
        raise NotImplementedError

    @property
    def statistic(self) -> int:
        """The code of the statistic about the matching events, see `features.loops.codes`."""
        raise NotImplementedError


@dataclass(frozen=True)
class UserShare(_Match):
    """Share of the user's acts, or of their weight, that went to the candidate's category or brand; with `newest`, of
    only so many of the newest acts."""

    column: Literal["categories", "brands"]
    newest: int | None = None
    of: Of = "acts"
    scope: ClassVar[Scope] = "user-category"

    @property
    def needs(self) -> str | None:
        return UNEQUAL_WEIGHTS if self.of == "worth" else None

    @property
    def statistic(self) -> int:
        return MATCH_SHARE if self.of == "acts" else WEIGHT_SHARE

    @property
    def compared(self) -> tuple[Code, int | None]:
        return self.column, self.newest


@dataclass(frozen=True)
class UserCodeSince(_Match):
    """Events, or days, since the user last acted on the candidate's category or brand; NaN if never."""

    column: Literal["categories", "brands"]
    unit: Literal["days", "events"]
    scope: ClassVar[Scope] = "user-category"

    @property
    def compared(self) -> tuple[Code, int | None]:
        return self.column, None

    @property
    def statistic(self) -> int:
        return TIME_SINCE if self.unit == "days" else EVENTS_SINCE


@dataclass(frozen=True)
class UserItemCount(_Match):
    """How often the user acted on this very item before."""

    scope: ClassVar[Scope] = "user-item"
    compared: ClassVar[tuple[Code, int | None]] = ("items", None)
    statistic: ClassVar[int] = MATCHES


@dataclass(frozen=True)
class UserItemSince(_Match):
    """Days, or events, since the user last acted on this very item; NaN if never (days: or if the time is unknown)."""

    unit: Literal["days", "events"]
    scope: ClassVar[Scope] = "user-item"
    compared: ClassVar[tuple[Code, int | None]] = ("items", None)

    @property
    def statistic(self) -> int:
        return TIME_SINCE if self.unit == "days" else EVENTS_SINCE


@dataclass(frozen=True)
class UserItemSinceEvent(Member):
    """Days since the user's newest event of one name on this very item; NaN without one, or if its time is unknown."""

    event: str
    scope: ClassVar[Scope] = "user-item"
    family: ClassVar[type[Family]] = NamedEventColumns


@dataclass(frozen=True)
class UserItemWorth(_Match):
    """Weight of the user's newest act on this very item: 0 where it was no positive event, as a dislike; NaN before
    any."""

    scope: ClassVar[Scope] = "user-item"
    compared: ClassVar[tuple[Code, int | None]] = ("items", None)
    statistic: ClassVar[int] = WEIGHT


@dataclass(frozen=True)
class UserItemBaskets(_Match):
    """Share of the user's baskets that hold this very item, NaN before any; a basket is all acts at one time."""

    scope: ClassVar[Scope] = "user-item"
    compared: ClassVar[tuple[Code, int | None]] = ("items", None)
    statistic: ClassVar[int] = BASKET_SHARE


@dataclass(frozen=True)
class UserItemDue(_Match):
    """Time since the user acted on this very item, over the mean time between two baskets with it: at 1 it is due.

    NaN for an item in fewer than two baskets, or if a time is unknown.
    """

    scope: ClassVar[Scope] = "user-item"
    compared: ClassVar[tuple[Code, int | None]] = ("items", None)
    statistic: ClassVar[int] = DUE


@dataclass(frozen=True)
class UserItemFaded(_Match):
    """How often the user acted on this very item, where an act counts half after 30 days, or after 3 later baskets. By
    days, it is NaN if a time is unknown."""

    unit: Literal["days", "baskets"]
    scope: ClassVar[Scope] = "user-item"
    compared: ClassVar[tuple[Code, int | None]] = ("items", None)

    @property
    def statistic(self) -> int:
        return FADED_DAYS if self.unit == "days" else FADED_BASKETS


KINDS: tuple[type[Kind], ...] = (
    UserShare,
    UserCodeSince,
    UserItemCount,
    UserItemSince,
    UserItemSinceEvent,
    UserItemWorth,
    UserItemBaskets,
    UserItemDue,
    UserItemFaded,
)
"""The kinds of this file, for `features.extra`."""
