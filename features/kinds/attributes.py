"""What the attributes of items say: how wanted those with the candidate's value are, and what the history has in common
with the candidate by a column of one's own. A column that is missing, or of another kind, gives NaN.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from features.kinds.base import UNEQUAL_WEIGHTS, Kind, Of, Scope
from features.kinds.matches import past_of
from features.kinds.users import history_shares
from features.loops.attributes import fill_distances, fill_named_shares, fill_quantity_steps, fill_steps
from features.loops.matches import fill_label_dues
from features.loops.pairs import fill_ages
from features.pairs import PairBatch
from recsys.arrays.types import Floats, Ints
from recsys.errors import ConfigError
from recsys.moments import DAY

Column = TypeVar("Column")
"""An attribute in the form in which a loop reads it."""


@dataclass(frozen=True)
class GroupPopularity(Kind):
    """How many times as often as a typical item the items that share the candidate's value of a column are wanted while
    they are there: an oil filter more than a spindle, a book of a known author more than others. For a list of values,
    the mean."""

    column: str
    scope: ClassVar[Scope] = "item"

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        known = pairs.facts.attributes.popularities(self.column)
        return np.full(len(pairs), np.nan, dtype=np.float32) if known is None else known[pairs.items]


@dataclass(frozen=True)
class ItemReplaced(Kind):
    """Days since the first item came that follows the candidate in its line, see `UserLineStep`: a newer model, the
    next volume. NaN where there was none yet, or where items have no dates."""

    column: str
    number: str
    part: str | None = None
    scope: ClassVar[Scope] = "item"

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        found = np.full(len(pairs), np.nan, dtype=np.float32)
        successors = pairs.facts.attributes.successors(self.column, self.number, self.part)
        if successors is not None:
            fill_ages(successors, pairs.histories.now, pairs.bounds, pairs.items, DAY, found)
        return found


@dataclass(frozen=True)
class ItemDaysUntil(Kind):
    """Days from the request to the date that the candidate has in a column, such as that of a concert; below 0 once it
    has passed, NaN without a date."""

    column: str
    scope: ClassVar[Scope] = "item"

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        moments = pairs.facts.attributes.moments(self.column)
        if moments is None:
            return np.full(len(pairs), np.nan, dtype=np.float32)
        return ((moments[pairs.items] - pairs.histories.now[pairs.rows]) / DAY).astype(np.float32)


@dataclass(frozen=True)
class UserLabelShare(Kind):
    """Share of the acts, or of their weight, on items with the candidate's value of an attribute of the items; for
    a list of values the mean over these. For paths, the mean over all levels of the candidate, or one `level`.

    Raises:
        ConfigError: when it is declared, if the level is below 1.
    """

    column: str
    of: Of = "acts"
    level: int | None = None
    scope: ClassVar[Scope] = "user-category"

    def __post_init__(self) -> None:
        if self.level is not None and self.level < 1:
            raise ConfigError(f"level = {self.level}: levels of paths are counted from 1, the widest")

    @property
    def needs(self) -> str | None:
        return UNEQUAL_WEIGHTS if self.of == "worth" else None

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        return history_shares(pairs, pairs.facts.attributes.labels(self.column, self.level), self.of)


@dataclass(frozen=True)
class UserLabelDue(Kind):
    """Time since the user acted on an item with the candidate's value of a column, over the mean time between two
    baskets with such an item: at 1 it is due, whoever made it. For a list of values the mean over those in two baskets
    or more.

    NaN where no value is in two baskets, or if a time is unknown.
    """

    column: str
    scope: ClassVar[Scope] = "user-category"

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        labels = pairs.facts.attributes.labels(self.column, None)
        dues = np.full(len(pairs), np.nan, dtype=np.float32)
        if labels is not None:
            members = labels.indptr, labels.indices, labels.shape[1]
            fill_label_dues(*members, past_of(pairs.histories), pairs.bounds, pairs.items, dues)
        return dues


@dataclass(frozen=True)
class UserAlikeShare(Kind):
    """Share of the acts on items that have the candidate's values in all of some columns: on other dates of the class
    that is given every Monday at seven, or on the same product under another id. Shares of single columns do not tell
    who swims on Mondays and boxes on Fridays from who does it the other way round."""

    columns: tuple[str, ...]
    scope: ClassVar[Scope] = "user-category"

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        return history_shares(pairs, pairs.facts.attributes.alike(self.columns), "acts")


@dataclass(frozen=True)
class UserNamedShare(Kind):
    """Of the items that the candidate names by their ids in an attribute, the share that the user acted on: of the
    courses that a course requires, of the devices that an accessory fits. NaN where it names none."""

    column: str
    scope: ClassVar[Scope] = "user-item"

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        named = pairs.facts.attributes.named(self.column)
        return _compared(pairs, named, lambda named, *others: fill_named_shares(named.indptr, named.indices, *others))


@dataclass(frozen=True)
class UserQuantityDistance(Kind):
    """How far the candidate is from the items that the user acted on, by a column of numbers: the share of all items
    whose numbers lie between the two, averaged over the newest events."""

    column: str
    scope: ClassVar[Scope] = "user-item"

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        return _compared(pairs, pairs.facts.attributes.quantiles(self.column), fill_distances)


@dataclass(frozen=True)
class UserQuantityStep(Kind):
    """How far the candidate is above what the user acted on last, by a column of numbers, such as the age of the child
    that a thing is for: its quantile among all items minus the mean quantile of the newest 5 events
    with a number."""

    column: str
    scope: ClassVar[Scope] = "user-item"

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        return _compared(pairs, pairs.facts.attributes.quantiles(self.column), fill_quantity_steps)


@dataclass(frozen=True)
class UserLineStep(Kind):
    """How many positions the candidate comes after the furthest item of its line that the user acted on: 1 is the next
    volume of a series, 0 or less was passed already. NaN where the user acted on no item of the line.

    A line is all items with one value of a column, in the order of `number`, another column. If that number starts
    again in each part of a line, as episodes do in each season, `part` is the column that numbers the parts.
    """

    column: str
    number: str
    part: str | None = None
    scope: ClassVar[Scope] = "user-item"

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        lines = pairs.facts.attributes.lines(self.column, self.number, self.part)
        return _compared(
            pairs, lines, lambda lines, *others: fill_steps(lines.lines, lines.positions, len(lines), *others)
        )


def _compared(
    pairs: PairBatch, column: Column | None, fill: Callable[[Column, Ints, Ints, Ints, Ints, Floats], None]
) -> NDArray[np.float32]:
    """(n_pairs,) what `fill` makes of candidates and histories by an attribute of the items; NaN without it."""
    values = np.full(len(pairs), np.nan, dtype=np.float32)
    if column is not None:
        fill(column, pairs.histories.offsets, pairs.histories.items, pairs.bounds, pairs.items, values)
    return values


KINDS: tuple[type[Kind], ...] = (
    GroupPopularity,
    ItemReplaced,
    ItemDaysUntil,
    UserLabelShare,
    UserLabelDue,
    UserAlikeShare,
    UserNamedShare,
    UserQuantityDistance,
    UserQuantityStep,
    UserLineStep,
)
"""The kinds of this file, for `features.extra`."""
