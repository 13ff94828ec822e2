"""How an item has been doing, with everybody, up to the request.

`counted` is `item_acts` (all but impressions), `item_positives` (signs of interest), `item_impressions`, or the name
of an event such as `purchase`.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from features.kinds.base import DAY, Scope, ratio, span, window
from features.pairs import PairBatch

Quantity = Literal["weights", "values"]
"""The worth of an event by the config, or the `value` it came with."""


@dataclass(frozen=True)
class ItemCount:
    """How often something happened to the item in the days before the request; ever, without days."""

    counted: str
    days: float | None
    scope: ClassVar[Scope] = "item"

    def __post_init__(self) -> None:
        window(self.days)

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        return pairs.before.count(self.counted, window(self.days))


@dataclass(frozen=True)
class ItemDecayed:
    """How often something happened to the item, an event counting half after each half-life."""

    counted: str
    half_life_days: float
    scope: ClassVar[Scope] = "item"

    def __post_init__(self) -> None:
        span(self.half_life_days, "half_life_days")

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        return pairs.before.decayed(self.counted, span(self.half_life_days)).astype(np.float32)


@dataclass(frozen=True)
class ItemSum:
    """Sum of a quantity of what happened to the item in the days before the request; ever, without days."""

    counted: str
    quantity: Quantity
    days: float | None
    scope: ClassVar[Scope] = "item"

    def __post_init__(self) -> None:
        window(self.days)

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        return pairs.before.total(self.counted, self.quantity, window(self.days)).astype(np.float32)


@dataclass(frozen=True)
class ItemMean:
    """Mean value of the item's events that have one: the mean rating, the usual quantity."""

    counted: str
    scope: ClassVar[Scope] = "item"

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        number = pairs.before.total(self.counted, "valued")
        return ratio(pairs.before.total(self.counted, "values"), number, number > 0)


@dataclass(frozen=True)
class ItemVelocity:
    """Events a day in a short window over events a day in a long one: above 1 the item is rising."""

    counted: str
    short_days: float
    long_days: float
    scope: ClassVar[Scope] = "item"

    def __post_init__(self) -> None:
        span(self.short_days, "short_days")
        span(self.long_days, "long_days")

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        short = pairs.before.count(self.counted, span(self.short_days)) / np.float32(self.short_days)
        long = pairs.before.count(self.counted, span(self.long_days)) / np.float32(self.long_days)
        return ratio(short, long, long > 0)


@dataclass(frozen=True)
class ItemRate:
    """One kind of event per event of another, smoothed towards `prior` with the strength of `strength` events.

    By default signs of interest per showing, the click-through rate; purchases per click are a conversion rate.
    """

    prior: float
    strength: float
    wanted: str = "item_positives"
    per: str = "item_impressions"
    days: float | None = None
    scope: ClassVar[Scope] = "item"

    def __post_init__(self) -> None:
        window(self.days)

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        tried = pairs.before.count(self.per, window(self.days))
        wanted = pairs.before.count(self.wanted, window(self.days))
        return ratio(wanted + self.prior * self.strength, tried + self.strength, tried > 0)


@dataclass(frozen=True)
class ItemDebiasedRate:
    """Signs of interest over the showings that were looked at, smoothed as `ItemRate`: clicks over expected clicks.

    A showing counts as much as its position in the list is examined (Zhang and Jones, Comparing click logs and
    editorial labels for training query rewriting, 2007), so an item is not punished for having stood far down.
    """

    prior: float
    strength: float
    days: float | None = None
    scope: ClassVar[Scope] = "item"

    def __post_init__(self) -> None:
        window(self.days)

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        seen = pairs.before.total("item_impressions", "examination", window(self.days))
        wanted = pairs.before.count("item_positives", window(self.days))
        return ratio(wanted + self.prior * self.strength, seen + self.strength, seen > 0)


@dataclass(frozen=True)
class ItemSince:
    """Days since something first or last happened to the item."""

    counted: str
    which: Literal["first", "last"]
    scope: ClassVar[Scope] = "item"

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        since = pairs.before.since_last if self.which == "last" else pairs.before.since_first
        return (since(self.counted) / DAY).astype(np.float32)


@dataclass(frozen=True)
class ItemAge:
    """Days since the item was created; NaN for an item without a date or created after the request."""

    scope: ClassVar[Scope] = "item"

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        age = (pairs.now - pairs.facts.created[pairs.items]) / DAY
        return np.where(age >= 0, age, np.nan).astype(np.float32)


@dataclass(frozen=True)
class ItemFact:
    """A property of the item itself."""

    column: Literal["prices", "text_lengths", "relative_prices", "tag_counts"]
    scope: ClassVar[Scope] = "item"

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        column: NDArray[np.floating] = getattr(pairs.facts, self.column)
        return column[pairs.items].astype(np.float32)
