"""Shares of a list: at most so many items of one value (a cap), at least so many that meet a condition (a floor)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.data.items.catalogue import ItemCatalogue
from recsys.errors import DataError
from recsys.policy.candidates import CapCount, FloorCount, RankedCandidates
from recsys.policy.selection import selected
from recsys.policy.steps import Condition, Step


@dataclass(frozen=True)
class Cap(Step):
    """At most `most` items of one value of a column, such as a brand, among the first n.

    What is above the cap goes behind them in its old order. Where there is nothing else to show, it is shown; where
    several caps cannot all be kept the last one gives way first.

    Attributes:
        column: of the catalogue; items without a value are not capped.
        most: items of one value.
        catalogue: whose column it is.
    """

    column: str
    most: int
    catalogue: ItemCatalogue = field(repr=False)
    name = "cap"

    def lacks(self, items: NDArray[np.int32], n: int) -> Condition | None:
        """Items of other values than those of which there are enough, where the cap leaves fewer than `n`."""
        counts = Counter(self._values(items).to_list())
        uncapped = counts.pop(None, 0)
        if uncapped + sum(min(count, self.most) for count in counts.values()) >= n:
            return None
        return partial(self._have_none_of, [value for value, count in counts.items() if count >= self.most])

    def _have_none_of(self, values: Sequence[str], items: NDArray[np.int32]) -> NDArray[np.bool_]:
        have_one = self._values(items).is_in(values).fill_null(False)
        return ~have_one.to_numpy()

    def arrange(self, candidates: RankedCandidates, n: int) -> RankedCandidates:
        """The best n that keep to this cap and to what came before it, then the others.

        Raises:
            DataError: the catalogue has no such column, or its cells hold lists.
        """
        numbers: dict[str, int] = {}
        found = self._values(candidates.items).to_list()
        values = [-1 if value is None else numbers.setdefault(value, len(numbers)) for value in found]
        cap = CapCount(np.array(values, dtype=np.int32), self.most)
        return selected(replace(candidates, caps=(*candidates.caps, cap)), n)

    def _values(self, items: NDArray[np.int32]) -> pl.Series:
        frame = self.catalogue.frame
        if self.column not in frame.columns or frame.schema[self.column].is_nested():
            known = ", ".join(name for name, dtype in frame.schema.items() if not dtype.is_nested())
            raise DataError(f"policy.caps: items have no column {self.column!r} of single values; there are {known}")
        return frame[self.column].gather(items).cast(pl.String)


@dataclass(frozen=True)
class Floor(Step):
    """At least so many of the first n meet a condition, as far as there are such items.

    The best that meet it from behind take the last places of those that do not. A demoted item is not fetched before
    one that is not demoted. Pins, caps and earlier floors are kept; pinned items count.

    Attributes:
        name: of the rule, in reports.
        least: items that meet it.
        condition: says which items do.
    """

    name: str
    least: int
    condition: Condition = field(repr=False)

    def lacks(self, items: NDArray[np.int32], n: int) -> Condition | None:
        """The condition, where too few of the items meet it."""
        return self.condition if np.count_nonzero(self.condition(items)) < min(self.least, n) else None

    def arrange(self, candidates: RankedCandidates, n: int) -> RankedCandidates:
        """Fetch what is missing, as far as pins, caps and earlier floors leave room."""
        floor = FloorCount(self.condition(candidates.items), self.least)
        return selected(replace(candidates, floors=(*candidates.floors, floor)), n)
