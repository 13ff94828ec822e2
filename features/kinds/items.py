"""How an item has been doing, with everybody, up to the request.

`counted` is `item_acts` (all but impressions), `item_positives` (signs of interest), `item_impressions`, or the name
of an event such as `purchase`.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from features.items_before import Question
from features.kinds.base import DAY, Scope, ratio, span, window
from features.measures import Measure
from features.pairs import PairBatch

Quantity = Literal["weights", "values"]
"""The worth of an event by the config, or the `value` it came with."""


class Asking:
    """A kind that asks about the past of items; all questions of a block are answered in one pass.

    Raises:
        ConfigError: when it is declared, if a window or a half-life is not above 0.
    """

    scope: ClassVar[Scope] = "item"

    def __post_init__(self) -> None:
        _ = self.questions

    @property
    def questions(self) -> tuple[Question, ...]:
        """What it asks."""
        raise NotImplementedError


@dataclass(frozen=True)
class ItemCount(Asking):
    """How often something happened to the item in the days before the request; ever, without days."""

    counted: str
    days: float | None

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        return (Question(Measure(self.counted), window(self.days)),)

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        return pairs.before.answer(self.questions[0]).astype(np.float32)


@dataclass(frozen=True)
class ItemDecayed(Asking):
    """How often something happened to the item, an event counting half after each half-life."""

    counted: str
    half_life_days: float

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        return (Question(Measure(self.counted, "decayed", span(self.half_life_days, "half_life_days"))),)

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        return pairs.before.answer(self.questions[0]).astype(np.float32)


@dataclass(frozen=True)
class ItemSum(Asking):
    """Sum of a quantity of what happened to the item in the days before the request; ever, without days."""

    counted: str
    quantity: Quantity
    days: float | None

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        return (Question(Measure(self.counted, self.quantity), window(self.days)),)

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        return pairs.before.answer(self.questions[0]).astype(np.float32)


@dataclass(frozen=True)
class ItemMean(Asking):
    """Mean value of the item's events that have one: the mean rating, the usual quantity."""

    counted: str

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        return (
            Question(Measure(self.counted, "values")),
            Question(Measure(self.counted, "valued")),
        )

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        total, number = map(pairs.before.answer, self.questions)
        return ratio(total, number, number > 0)


@dataclass(frozen=True)
class ItemVelocity(Asking):
    """Events a day in a short window over events a day in a long one: above 1 the item is rising."""

    counted: str
    short_days: float
    long_days: float

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        return (
            Question(Measure(self.counted), span(self.short_days, "short_days")),
            Question(Measure(self.counted), span(self.long_days, "long_days")),
        )

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        short, long = map(pairs.before.answer, self.questions)
        return ratio(short * (self.long_days / self.short_days), long, long > 0)


@dataclass(frozen=True)
class ItemRate(Asking):
    """One kind of event per event of another, smoothed towards `prior` with the strength of `strength` events.

    By default signs of interest per showing, the click-through rate; purchases per click are a conversion rate.
    """

    prior: float
    strength: float
    wanted: str = "item_positives"
    per: str = "item_impressions"
    days: float | None = None

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        return (
            Question(Measure(self.wanted), window(self.days)),
            Question(Measure(self.per), window(self.days)),
        )

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        wanted, tried = map(pairs.before.answer, self.questions)
        return ratio(wanted + self.prior * self.strength, tried + self.strength, tried > 0)


@dataclass(frozen=True)
class ItemDebiasedRate(Asking):
    """Signs of interest over the showings that were looked at, smoothed as `ItemRate`: clicks over expected clicks.

    A showing counts as much as its position in the list is examined (Zhang and Jones, Comparing click logs and
    editorial labels for training query rewriting, 2007), so an item is not punished for having stood far down.
    """

    prior: float
    strength: float
    days: float | None = None

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        return (
            Question(Measure("item_positives"), window(self.days)),
            Question(Measure("item_impressions", "examination"), window(self.days)),
        )

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        wanted, seen = map(pairs.before.answer, self.questions)
        return ratio(wanted + self.prior * self.strength, seen + self.strength, seen > 0)


@dataclass(frozen=True)
class ItemSince(Asking):
    """Days since something first or last happened to the item."""

    counted: str
    which: Literal["first", "last"]

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        return (Question(Measure(self.counted, self.which)),)

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        return (pairs.before.answer(self.questions[0]) / DAY).astype(np.float32)


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
