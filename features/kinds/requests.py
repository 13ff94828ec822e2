"""What all candidates of a request have in common: its moment, and the history of its user.

Histories hold at most `data.max_history` events. One that was given as ids has no times: for it, whatever is counted in
days is NaN; what is counted in events is not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from features.item_facts import Code
from features.kinds.base import Family, Kind, Member, Scope, span
from features.loops.codes import ACTS, DISTINCT, ENTROPY, HOUR, LENGTH, POSITIVE_SHARE, SINCE_FIRST, SINCE_LAST, WEEKDAY
from features.loops.pairs import describe_requests, fill_request_values
from features.pairs import PairBatch


class RequestColumns:
    """The columns of kinds that have one value for all candidates of a request."""

    def __init__(self, kinds: Sequence["OfRequest"], columns: Sequence[int]) -> None:
        windows = list(dict.fromkeys(kind.length for kind in kinds if isinstance(kind, UserCount)))
        rows = [ACTS + windows.index(k.length) if isinstance(k, UserCount) else k.row for k in kinds]
        self._windows, self._wanted = np.array(windows, dtype=np.int64), np.column_stack([rows, columns])

    def fill(self, pairs: PairBatch, table: NDArray[np.float32]) -> None:
        """Fill their columns of the table."""
        own = pairs.histories
        found = np.empty((ACTS + len(self._windows), len(own)), dtype=np.float32)
        describe_requests(
            pairs.facts.codes, own.offsets, own.items, own.weights, own.times, own.now, self._windows, found
        )
        fill_request_values(found, pairs.bounds, self._wanted, table)


class OfRequest(Member):
    """A kind with one value for all candidates of a request."""

    family: ClassVar[type[Family]] = RequestColumns

    @property
    def row(self) -> int:
        """The row of this kind in the table that describes requests, see `describe_requests`."""
        raise NotImplementedError


@dataclass(frozen=True)
class UserHistory(OfRequest):
    """A property of the user's history as a whole."""

    what: Literal["length", "distinct", "days_since_last", "days_since_first", "positive_share"]
    scope: ClassVar[Scope] = "user"

    @property
    def row(self) -> int:
        return _ROWS[self.what]


@dataclass(frozen=True)
class UserCount(OfRequest):
    """Events of the user in the days before the request."""

    days: float
    scope: ClassVar[Scope] = "user"

    def __post_init__(self) -> None:
        _ = self.length

    @property
    def length(self) -> int:
        """Microseconds."""
        return span(self.days)


@dataclass(frozen=True)
class UserEntropy(OfRequest):
    """Shannon entropy, in bits, of the categories or brands in the history: 0 for a user with one taste."""

    column: Literal["categories", "brands"]
    scope: ClassVar[Scope] = "user"

    @property
    def row(self) -> int:
        return ENTROPY + get_args(Code).index(self.column)


@dataclass(frozen=True)
class Clock(OfRequest):
    """When the request is made, UTC."""

    what: Literal["hour", "weekday"]
    scope: ClassVar[Scope] = "request"

    @property
    def row(self) -> int:
        return _ROWS[self.what]


_ROWS = {
    "length": LENGTH,
    "distinct": DISTINCT + get_args(Code).index("items"),
    "positive_share": POSITIVE_SHARE,
    "days_since_last": SINCE_LAST,
    "days_since_first": SINCE_FIRST,
    "hour": HOUR,
    "weekday": WEEKDAY,
}


KINDS: tuple[type[Kind], ...] = (UserHistory, UserCount, UserEntropy, Clock)
"""The kinds of this file, for `features.extra`."""
