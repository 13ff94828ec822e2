"""A run of events, sorted once so that any question about a past moment is a binary search."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from features.decay import decayed_counts
from recsys.data.interactions import InteractionLog

_PLACE_BITS = 32
_PLACES = (1 << _PLACE_BITS) - 1

EXAMINATION_EXPONENT = 0.5
"""How fast attention falls with the position in a list: (1 + position) ** -0.5."""


class Timeline:
    """Things that happened to many entities, each entity's in the order of time; immutable.

    (entity, place in the order of time) is one sorted integer, so "how often before t" is two binary searches for any
    number of (entity, t) pairs at once. Before means strictly before.
    """

    def __init__(self, entities: NDArray[np.int32], times: NDArray[np.int64]) -> None:
        """Sort.

        Args:
            entities: (n,) numbers, 0 or above.
            times: (n,) microseconds.
        """
        if np.any(times[1:] < times[:-1]):
            by_time = np.argsort(times, kind="stable")
            entities, times = entities[by_time], times[by_time]
        self.times = times
        self.keys: NDArray[np.int64] = entities.astype(np.int64)
        self.keys <<= _PLACE_BITS
        self.keys |= np.arange(len(times))
        self.keys.sort()

    @cached_property
    def order(self) -> NDArray[np.uint32]:
        """(n,) places in the order of time, by entity, then time."""
        return (self.keys & _PLACES).astype(np.uint32)

    def first_keys(self, entities: NDArray[np.int32]) -> NDArray[np.int64]:
        """(m,) the key that each entity's things begin at."""
        return entities.astype(np.int64) << _PLACE_BITS

    def places(self, before: NDArray[np.int64]) -> NDArray[np.intp]:
        """(m,) how many things of all entities lie strictly before each moment."""
        return np.searchsorted(self.times, before, side="left")

    def starts(self, entities: NDArray[np.int32]) -> NDArray[np.intp]:
        """(m,) place in `order` of each entity's first thing."""
        return np.searchsorted(self.keys, self.first_keys(entities))

    def stops(self, entities: NDArray[np.int32], before: NDArray[np.int64]) -> NDArray[np.intp]:
        """(m,) place in `order` just behind each entity's last thing strictly before `before` (m,)."""
        return np.searchsorted(self.keys, self.first_keys(entities) | self.places(before))


@dataclass(frozen=True)
class Happenings:
    """One kind of event in a timeline.

    Attributes:
        counts: (n + 1,) how many there are before each place of `order`, all entities together.
        places: (n_happenings,) where in `order` they are.
    """

    counts: NDArray[np.int32]
    places: NDArray[np.int32]


class Segment:
    """A log with what features ask for, each part made at its first use."""

    def __init__(self, log: InteractionLog) -> None:
        self.log = log
        self._happenings: dict[str, Happenings] = {}
        self._totals: dict[tuple[str, str], NDArray[np.float64]] = {}
        self._decayed: dict[tuple[str, int], NDArray[np.float64]] = {}

    def __len__(self) -> int:
        return len(self.log)

    @cached_property
    def acts(self) -> InteractionLog:
        """The log without impressions: what users did."""
        shown = self.log.is_impression
        return self.log.select(~shown) if shown.any() else self.log

    @cached_property
    def by_user(self) -> Timeline:
        """Users' acts; places are those of `acts`."""
        return Timeline(self.acts.users, self.acts.times)

    @cached_property
    def by_item(self) -> Timeline:
        """Everything that happened to items; places are those of `log`."""
        return Timeline(self.log.items, self.log.times)

    def happenings(self, counted: str) -> Happenings:
        """What counts as `counted` of what happened to items: see `features.state.Counted`; else an event's name."""
        if counted not in self._happenings:
            chosen = self._chosen(counted)[self.by_item.order]
            counts = np.zeros(len(chosen) + 1, dtype=np.int32)
            np.cumsum(chosen, out=counts[1:])
            self._happenings[counted] = Happenings(counts, np.flatnonzero(chosen).astype(np.int32))
        return self._happenings[counted]

    def totals(self, counted: str, quantity: str) -> NDArray[np.float64]:
        """(n + 1,) sum of a quantity of the `counted` events before each place of `by_item.order`.

        Args:
            counted: as in `happenings`.
            quantity: `weights`, `values` (0 where there is none), `valued` (1 where there is a value), or
                `examination`: the chance that a reader looks as far down as the event's position (Joachims et al.,
                Unbiased learning-to-rank with biased feedback, 2017); 1 where the position is unknown.
        """
        if (counted, quantity) not in self._totals:
            amounts = np.where(self._chosen(counted), self._amounts(quantity), 0.0)[self.by_item.order]
            sums = np.zeros(len(amounts) + 1)
            np.cumsum(amounts, out=sums[1:])
            self._totals[counted, quantity] = sums
        return self._totals[counted, quantity]

    def decayed(self, counted: str, half_life: int) -> NDArray[np.float64]:
        """(n_happenings,) decayed count of the item's `counted` events right after each of them.

        Args:
            half_life: microseconds after which an event counts half.
        """
        if (counted, half_life) not in self._decayed:
            keys = self.by_item.keys[self.happenings(counted).places]
            times = self.log.times[keys & _PLACES]
            self._decayed[counted, half_life] = decayed_counts(keys >> _PLACE_BITS, times, half_life)
        return self._decayed[counted, half_life]

    def prepare(self, other: "Segment") -> None:
        """Make at once what readers have asked `other` for, so that none of them waits."""
        for made in ("by_user", "by_item"):
            if made in other.__dict__:
                getattr(self, made)
        for counted in list(other._happenings):
            self.happenings(counted)
        for counted, quantity in list(other._totals):
            self.totals(counted, quantity)
        for counted, half_life in list(other._decayed):
            self.decayed(counted, half_life)

    def _chosen(self, counted: str) -> NDArray[np.bool_]:
        """(n_events,) True where an event of the log counts."""
        log = self.log
        match counted:
            case "item_acts":
                return ~log.is_impression
            case "item_positives":
                return ~log.is_impression & (log.weights > 0)
            case "item_impressions":
                return log.is_impression
        if counted not in log.event_names:
            return np.zeros(len(log), dtype=bool)
        return np.equal(log.events, log.event_names.index(counted))

    def _amounts(self, quantity: str) -> NDArray[np.float64]:
        match quantity:
            case "weights":
                return self.log.weights.astype(np.float64)
            case "values":
                return np.nan_to_num(self.log.values.astype(np.float64))
            case "valued":
                return (~np.isnan(self.log.values)).astype(np.float64)
        return (1.0 + np.maximum(self.log.positions, 0)) ** -EXAMINATION_EXPONENT
