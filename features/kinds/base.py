"""What every kind of feature promises, and the windows that kinds may look back through."""

import math
from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from features.pairs import PairBatch
from recsys.errors import ConfigError
from recsys.moments import DAY

Scope = Literal["request", "item", "user", "user-item", "user-category", "candidate"]
"""What a value belongs to; `candidate` is what the sources say of an item in this request."""

MonotoneConstraint = Literal[-1, 0, 1]
"""Whether more of a value, all else equal, can only speak for an item (1), only against it (-1), or either (0)."""


Of = Literal["acts", "worth"]
"""What a share of the history counts: each act alike, or by its weight (a purchase more than a view, a dislike
nothing)."""


UNEQUAL_WEIGHTS = "unequal weights"
"""What shares of the weight need: where all acts weigh the same, they would only repeat the shares of acts."""

IMPRESSIONS = "impressions"
"""What columns of what was shown need: a log that has any."""


class Kind(Protocol):
    """How a feature is computed. Most kinds inherit the defaults given here.

    Attributes:
        scope: what a value belongs to.
        monotone: the direction that the ranker must not reverse.
        needs: what the feature cannot do without: a source, an affinity, `UNEQUAL_WEIGHTS` or `IMPRESSIONS`; None
            for most.
    """

    scope: ClassVar[Scope]

    @property
    def monotone(self) -> MonotoneConstraint:
        return 0

    @property
    def needs(self) -> str | None:
        return None

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        """(n_pairs,) float32, NaN where there is no value."""
        ...


class Family(Protocol):
    """Kinds whose columns of the ranker's table are computed together, in one go."""

    def __init__(self, kinds: Sequence[Any], columns: Sequence[int]) -> None: ...

    def fill(self, pairs: PairBatch, table: NDArray[np.float32]) -> None:
        """Fill their columns of the table (n_pairs, n_features)."""
        ...


class Member(Kind):
    """A kind with a family."""

    family: ClassVar[type[Family]]

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        """(n_pairs,) of this kind alone."""
        table = np.empty((len(pairs), 1), dtype=np.float32)
        self.family([self], [0]).fill(pairs, table)
        return table[:, 0]


def span(days: float, name: str = "days") -> int:
    """Microseconds of a window or a half-life.

    Raises:
        ConfigError: it is not above 0: such a window would reach the request's own moment, or the future.
    """
    if not (math.isfinite(days) and days > 0):
        raise ConfigError(f"{name} = {days}: a feature looks back, give a finite number of days above 0")
    return max(1, round(days * DAY))


def window(days: float | None) -> int | None:
    """Microseconds of a window, None for all of the past.

    Raises:
        ConfigError: see `span`.
    """
    return None if days is None else span(days)
