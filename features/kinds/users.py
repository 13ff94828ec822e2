"""The tags and prices of what the user acted on, against those of the candidate."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from features.kinds.base import UNEQUAL_WEIGHTS, Family, Kind, Member, Of, Scope
from features.loops.pairs import (
    fill_distances,
    fill_named_shares,
    fill_price_ratios,
    fill_quantity_steps,
    fill_steps,
    fill_tag_shares,
)
from features.pairs import PairBatch
from recsys.arrays.types import Floats, Ints
from recsys.errors import ConfigError

Column = TypeVar("Column")
"""An attribute in the form in which a loop reads it."""


@dataclass(frozen=True)
class UserTagShare(Kind):
    """How often the candidate's tags occur in the history: the mean, over its tags, of the share of the acts, or of
    their weight, on items with the tag."""

    of: Of = "acts"
    scope: ClassVar[Scope] = "user-category"

    @property
    def needs(self) -> str | None:
        return UNEQUAL_WEIGHTS if self.of == "worth" else None

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        return _shares(pairs, pairs.facts.tags, self.of)


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
        return _shares(pairs, pairs.facts.attributes.labels(self.column, self.level), self.of)


def _shares(pairs: PairBatch, values: sp.csr_matrix | None, of: Of) -> NDArray[np.float32]:
    """(n_pairs,) mean, over the candidate's values, of the share of the history with the value; NaN without values, or
    without a history that counts.

    Args:
        values: (n_items, n_values), 1 where an item has the value.
    """
    if values is None:
        return np.full(len(pairs), np.nan, dtype=np.float32)
    shares, histories = np.empty(len(pairs), dtype=np.float32), pairs.histories
    counted = histories.weights if of == "worth" else np.ones(len(histories.items), dtype=np.float32)
    members, events = (values.indptr, values.indices, values.shape[1]), (histories.offsets, histories.items, counted)
    fill_tag_shares(*members, *events, pairs.bounds, pairs.items, shares)
    return shares


@dataclass(frozen=True)
class UserAlikeShare(Kind):
    """Share of the acts on items that have the candidate's values in all of some columns: on other dates of the class
    that is given every Monday at seven, or on the same product under another id. Shares of single columns do not tell
    who swims on Mondays and boxes on Fridays from who does it the other way round."""

    columns: tuple[str, ...]
    scope: ClassVar[Scope] = "user-category"

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        return _shares(pairs, pairs.facts.attributes.alike(self.columns), "acts")


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


class PriceColumns:
    """The columns of kinds that compare prices."""

    def __init__(self, kinds: Sequence["PriceRatio"], columns: Sequence[int]) -> None:
        self._wanted = np.column_stack([[kind.usual == "last" for kind in kinds], columns])

    def fill(self, pairs: PairBatch, table: NDArray[np.float32]) -> None:
        """Fill their columns of the table."""
        offsets, items = pairs.histories.offsets, pairs.histories.items
        fill_price_ratios(pairs.facts.prices, offsets, items, pairs.bounds, pairs.items, self._wanted, table)


@dataclass(frozen=True)
class PriceRatio(Member):
    """Price of the candidate over the price of what the user acted on: the mean, or that of the newest event."""

    usual: Literal["mean", "last"] = "mean"
    scope: ClassVar[Scope] = "user-item"
    family: ClassVar[type[Family]] = PriceColumns


KINDS: tuple[type[Kind], ...] = (
    UserTagShare,
    UserLabelShare,
    UserAlikeShare,
    UserNamedShare,
    UserQuantityDistance,
    UserQuantityStep,
    UserLineStep,
    PriceRatio,
)
"""The kinds of this file, for `features.extra`."""
