"""What every kind of feature promises, and the windows that kinds may look back through."""

import math
from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from features.measures import DAY
from features.pairs import PairBatch
from recsys.errors import ConfigError

Scope = Literal["request", "item", "user", "user-item", "user-category", "candidate"]
"""What a value belongs to; `candidate` is what the sources say of an item in this request."""

Direction = Literal[-1, 0, 1]
"""Whether more of a value, all else equal, can only speak for an item (1), only against it (-1), or either (0)."""


class Kind(Protocol):
    """How a feature is computed. A kind without a `direction` has 0."""

    scope: ClassVar[Scope]

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        """(n_pairs,) float32, NaN where there is no value."""
        ...


class Family(Protocol):
    """Kinds whose columns are computed together, in one go."""

    def __init__(self, kinds: Sequence[Any]) -> None: ...

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        """(n_kinds, n_pairs)."""
        ...


class Member:
    """A kind with a family."""

    family: ClassVar[type[Family]]

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        """(n_pairs,) of this kind alone."""
        values: NDArray[np.float32] = self.family([self]).values(pairs)[0]
        return values


class RequestColumns:
    """The columns of kinds that have one value for all candidates of a request."""

    def __init__(self, kinds: Sequence["OfRequest"]) -> None:
        self._kinds = tuple(kinds)

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        """(n_kinds, n_pairs)."""
        table = np.empty((len(self._kinds), len(pairs.histories)), dtype=np.float32)
        for own, kind in zip(table, self._kinds, strict=True):
            own[:] = kind.of_requests(pairs)
        return table.take(pairs.rows, axis=1)


class OfRequest(Member):
    """A kind with one value for all candidates of a request."""

    family: ClassVar[type[Family]] = RequestColumns

    def of_requests(self, pairs: PairBatch) -> NDArray[np.floating]:
        """(n_requests,)."""
        raise NotImplementedError


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
