"""What everybody did with an item, up to the request.

`counted` is `item_acts` (all but impressions), `item_positives` (positive events), `item_impressions`, or the name
of an event such as `purchase`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from features.item_facts import Number
from features.kinds.base import Family, Kind, Member, MonotoneConstraint, Scope, span, window
from features.loops.pairs import fill_ages, fill_formulas, fill_item_values
from features.measures import Measure
from features.pairs import PairBatch
from features.questions import Question, Questions
from recsys.moments import DAY

Quantity = Literal["weights", "values"]
"""The weight of an event by the config, or the `value` it came with."""


class Formula(NamedTuple):
    """How the answers to questions become a value: (above * factor + plus) / (below + strength).

    NaN where `below` is 0; without a `below`, the value is what stands above.
    """

    above: Question
    below: Question | None = None
    factor: float = 1.0
    plus: float = 0.0
    strength: float = 0.0


class ItemPastColumns:
    """The columns of kinds that ask about the past of items, as `features.item_cache.ItemColumns`."""

    def __init__(self, kinds: Sequence["OfItemPast"], columns: Sequence[int]) -> None:
        formulas = [kind.formula for kind in kinds]
        questions = [question for formula in formulas for question in (formula.above, formula.below)]
        self.to = np.array(columns)
        self.questions = Questions(question for question in questions if question is not None)
        self.ageing = [column for column, kind in enumerate(kinds) if isinstance(kind, ItemSince)]
        self.halving = [(c, kind.half_life) for c, kind in enumerate(kinds) if isinstance(kind, ItemDecayed)]
        index = self.questions.all.index
        self._above = np.array([index(formula.above) for formula in formulas])
        self._below = np.array([-1 if f.below is None else index(f.below) for f in formulas])
        numbers = np.array([(f.factor, f.plus, f.strength) for f in formulas], dtype=np.float64)
        self._factors, self._plus, self._strengths = np.ascontiguousarray(numbers.T)

    def fill_from_answers(
        self, answers: NDArray[np.float64], to: NDArray[np.int64], table: NDArray[np.float32]
    ) -> None:
        """Fill columns `to` (n_kinds,) of a table with n_pairs rows from the answers (n_pairs, n_questions)."""
        fill_formulas(answers, self._above, self._below, self._factors, self._plus, self._strengths, to, table)

    def fill(self, pairs: PairBatch, table: NDArray[np.float32]) -> None:
        """Fill their columns of the table."""
        pairs.state.fill_item_columns(self, pairs.items, pairs.rows, pairs.known_until, table)


class OfItemPast(Member):
    """A kind that asks about the past of items; all questions of a block are answered in one pass.

    Raises:
        ConfigError: when it is declared, if a window or a half-life is not above 0.
    """

    scope: ClassVar[Scope] = "item"
    family: ClassVar[type[Family]] = ItemPastColumns

    def __post_init__(self) -> None:
        _ = self.formula

    @property
    def formula(self) -> Formula:
        """The questions that it asks, and how their answers become its value."""
        raise NotImplementedError


@dataclass(frozen=True)
class ItemCount(OfItemPast):
    """How often something happened to the item in the `days` before the request; None: in all the past."""

    counted: str
    days: float | None = None

    @property
    def formula(self) -> Formula:
        return Formula(Question(Measure(self.counted), window(self.days)))


@dataclass(frozen=True)
class ItemDecayed(OfItemPast):
    """How often something happened to the item, an event counting half after each half-life."""

    counted: str
    half_life_days: float

    @property
    def formula(self) -> Formula:
        return Formula(Question(Measure(self.counted, "decayed", self.half_life)))

    @property
    def half_life(self) -> int:
        """Microseconds."""
        return span(self.half_life_days, "half_life_days")


@dataclass(frozen=True)
class ItemSum(OfItemPast):
    """Sum of a quantity over what happened to the item in the `days` before the request; None: in all the past."""

    counted: str
    quantity: Quantity
    days: float | None = None

    @property
    def formula(self) -> Formula:
        return Formula(Question(Measure(self.counted, self.quantity), window(self.days)))


@dataclass(frozen=True)
class ItemMean(OfItemPast):
    """Mean value of the item's events that have one: the mean rating, the usual quantity."""

    counted: str

    @property
    def formula(self) -> Formula:
        return Formula(Question(Measure(self.counted, "values")), Question(Measure(self.counted, "valued")))


@dataclass(frozen=True)
class ItemVelocity(OfItemPast):
    """Events a day in a short window over events a day in a long one: above 1 the item is rising."""

    counted: str
    short_days: float
    long_days: float

    @property
    def formula(self) -> Formula:
        short = Question(Measure(self.counted), span(self.short_days, "short_days"))
        long = Question(Measure(self.counted), span(self.long_days, "long_days"))
        return Formula(short, long, factor=self.long_days / self.short_days)


@dataclass(frozen=True)
class ItemRate(OfItemPast):
    """One kind of event per event of another, smoothed towards `prior` with the strength of `strength` events.

    By default positive events per showing, the click-through rate; purchases per click are a conversion rate.
    """

    prior: float
    strength: float
    wanted: str = "item_positives"
    per: str = "item_impressions"
    days: float | None = None

    @property
    def monotone(self) -> MonotoneConstraint:
        """More positive events never lower the score; other events may do either."""
        return 1 if self.wanted == "item_positives" else 0

    @property
    def formula(self) -> Formula:
        wanted = Question(Measure(self.wanted), window(self.days))
        tried = Question(Measure(self.per), window(self.days))
        return Formula(wanted, tried, plus=self.prior * self.strength, strength=self.strength)


@dataclass(frozen=True)
class ItemDebiasedRate(OfItemPast):
    """Positive events per showing that was looked at, smoothed as in `ItemRate`: clicks over expected clicks.

    A showing counts by the chance that its position in the list is examined (Zhang and Jones, Comparing click logs and
    editorial labels for training query rewriting, 2007), so an item is not punished for having stood far down.
    """

    prior: float
    strength: float
    days: float | None = None
    monotone: ClassVar[MonotoneConstraint] = 1

    @property
    def formula(self) -> Formula:
        wanted = Question(Measure("item_positives"), window(self.days))
        seen = Question(Measure("item_impressions", "examination"), window(self.days))
        return Formula(wanted, seen, plus=self.prior * self.strength, strength=self.strength)


@dataclass(frozen=True)
class ItemSince(OfItemPast):
    """Days since something first or last happened to the item."""

    counted: str
    which: Literal["first", "last"]

    @property
    def formula(self) -> Formula:
        return Formula(Question(Measure(self.counted, self.which)), factor=1 / DAY)


@dataclass(frozen=True)
class ItemAge(Kind):
    """Days since the item was created; NaN for an item without a date or created after the request."""

    scope: ClassVar[Scope] = "item"

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        found = np.empty(len(pairs), dtype=np.float32)
        fill_ages(pairs.facts.created, pairs.histories.now, pairs.bounds, pairs.items, DAY, found)
        return found


class FactColumns:
    """The columns of kinds that are properties of items."""

    def __init__(self, kinds: Sequence["ItemFact"], columns: Sequence[int]) -> None:
        self._wanted = np.column_stack([[get_args(Number).index(kind.column) for kind in kinds], columns])

    def fill(self, pairs: PairBatch, table: NDArray[np.float32]) -> None:
        """Fill their columns of the table."""
        fill_item_values(pairs.facts.numbers, pairs.items, self._wanted, table)


@dataclass(frozen=True)
class ItemFact(Member):
    """A property of the item itself."""

    column: Number
    scope: ClassVar[Scope] = "item"
    family: ClassVar[type[Family]] = FactColumns


KINDS: tuple[type[Kind], ...] = (
    ItemCount,
    ItemDecayed,
    ItemSum,
    ItemMean,
    ItemVelocity,
    ItemRate,
    ItemDebiasedRate,
    ItemSince,
    ItemAge,
    ItemFact,
)
"""The kinds of this file, for `features.extra`."""
