"""What can be known of an item at a moment, as columns over its timeline: running sums and running states.

A sum grows with every event, so what happened in a window is the difference of two rows. A state is what is known right
after an event, so what is known at a moment is one row.
"""

from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from features.loops.codes import DECAYED, EVERYTHING, NO_EVENT, POSITIVES

Statistic = Literal["count", "weights", "values", "valued", "examination", "decayed", "last", "first"]
"""In the order of their codes."""

_CODES = {statistic: code for code, statistic in enumerate(get_args(Statistic))}


class Measure(NamedTuple):
    """One column.

    Attributes:
        counted: which events: `item_acts` (all but impressions), `item_positives` (positive events),
            `item_impressions`, or the name of an event.
        statistic: sums: `count`; `weights`; `values`, 0 where an event has none; `valued`, 1 where it has one;
            `examination`, the chance that a reader looks as far down as the event's position (Joachims et al.,
            Unbiased learning-to-rank with biased feedback, 2017), 1 where that is unknown. States: `decayed`, the count
            with each event halving after every half-life; `last` and `first`, microseconds, NaN while there is none.
        half_life: of `decayed`, microseconds.
    """

    counted: str
    statistic: Statistic = "count"
    half_life: int = 0

    @property
    def code(self) -> int:
        """The number of the statistic in compiled loops."""
        return _CODES[self.statistic]

    @property
    def is_sum(self) -> bool:
        """Whether it grows with every event."""
        return _CODES[self.statistic] < DECAYED

    @property
    def of_impressions(self) -> bool:
        """Whether it looks at impressions; all others look at acts."""
        return self.counted in ("item_impressions", "impression")

    @property
    def is_event_count(self) -> bool:
        """Whether it counts all acts, or all impressions: its running sum is the number of the event."""
        return self.statistic == "count" and (self.of_impressions or self.counted == "item_acts")

    def codes(self, event_names: tuple[str, ...]) -> tuple[int, int]:
        """Which events of a log count, and the statistic of them, as numbers for compiled loops."""
        if self.of_impressions or self.counted == "item_acts":
            return EVERYTHING, self.code
        if self.counted == "item_positives":
            return POSITIVES, self.code
        return event_names.index(self.counted) if self.counted in event_names else NO_EVENT, self.code


class RunningColumns(NamedTuple):
    """Measures over a timeline of n events.

    Attributes:
        measures: sums and states, sums first.
        sums, states: in the order of the columns.
        running_sums: (n + 1, n_sums) float64, row k after the first k events of all items.
        running_states: (n + 1, n_states) float64, row k right after event k - 1 of its item.
    """

    measures: tuple[Measure, ...]
    sums: tuple[Measure, ...]
    states: tuple[Measure, ...]
    running_sums: NDArray[np.float64]
    running_states: NDArray[np.float64]
