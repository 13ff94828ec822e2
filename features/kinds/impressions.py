"""What the user of a request was shown before, and left alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from features.kinds.base import IMPRESSIONS, Family, Kind, Member, Scope
from features.loops.shown import fill_shown
from features.pairs import PairBatch

ShownUnit = Literal["times", "days"]
"""In the order of the codes of `features.loops.shown`."""


class ShownColumns:
    """The columns of kinds that look at what was shown to the user."""

    def __init__(self, kinds: Sequence["UserItemShown"], columns: Sequence[int]) -> None:
        units = get_args(ShownUnit)
        self._wanted = np.array([(units.index(kind.unit), column) for kind, column in zip(kinds, columns, strict=True)])

    def fill(self, pairs: PairBatch, table: NDArray[np.float32]) -> None:
        """Fill their columns of the table."""
        shown, known = pairs.shown, pairs.histories
        past = shown.offsets, shown.items, shown.times, known.offsets, known.items, known.times, known.now
        fill_shown(*past, pairs.bounds, pairs.items, self._wanted, table)


@dataclass(frozen=True)
class UserItemShown(Member):
    """How often the candidate was shown to the user, who has not acted on it since, among the newest impressions; or
    days since it was shown so, NaN where it was not.

    What was passed over again and again is not wanted (Lee et al., Modeling impression discounting in large-scale
    recommender systems, KDD 2014).
    """

    unit: ShownUnit
    scope: ClassVar[Scope] = "user-item"
    family: ClassVar[type[Family]] = ShownColumns

    @property
    def needs(self) -> str:
        return IMPRESSIONS


KINDS: tuple[type[Kind], ...] = (UserItemShown,)
"""The kinds of this file, for `features.extra`."""
