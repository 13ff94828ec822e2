"""What can be known of an item at a moment, as columns over its timeline: running sums and running states.

A sum grows with every event, so what happened in a window is the difference of two rows. A state is what is known right
after an event, so what is known at a moment is one row.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.decay import decayed_counts
from recsys.data.interactions import InteractionLog

EXAMINATION_EXPONENT = 0.5
"""How fast attention falls with the position in a list: (1 + position) ** -0.5."""

SUMS = ("count", "weights", "values", "valued", "examination")


class Measure(NamedTuple):
    """One column.

    Attributes:
        counted: which events: `item_acts` (all but impressions), `item_positives` (signs of interest),
            `item_impressions`, or the name of an event.
        what: sums: `count`; `weights`; `values`, 0 where an event has none; `valued`, 1 where it has one;
            `examination`, the chance that a reader looks as far down as the event's position (Joachims et al.,
            Unbiased learning-to-rank with biased feedback, 2017), 1 where that is unknown. States: `decayed`, the count
            with each event halving after every half-life; `last` and `first`, microseconds, NaN while there is none.
        half_life: of `decayed`, microseconds.
    """

    counted: str
    what: Literal["count", "weights", "values", "valued", "examination", "decayed", "last", "first"] = "count"
    half_life: int = 0

    @property
    def is_sum(self) -> bool:
        """Whether it grows with every event."""
        return self.what in SUMS


class Columns(NamedTuple):
    """Measures over a timeline.

    Attributes:
        sums, states: the measures, in the order of the columns.
        running: (n + 1, n_sums) float64, row k after the first k events of all items.
        known: (n + 1, n_states) float64, row k right after event k - 1 of its item.
    """

    sums: tuple[Measure, ...]
    states: tuple[Measure, ...]
    running: NDArray[np.float64]
    known: NDArray[np.float64]


def columns_of(
    measures: Sequence[Measure], log: InteractionLog, items: NDArray[np.int64], order: NDArray[np.uint32]
) -> Columns:
    """Compute measures over a log.

    Args:
        items: (n,) increasing item numbers.
        order: (n,) the place of each event in the log.
    """
    sums = tuple(measure for measure in measures if measure.is_sum)
    states = tuple(measure for measure in measures if not measure.is_sum)
    running = np.zeros((len(order) + 1, len(sums)))
    known = np.full((len(order) + 1, len(states)), np.nan)
    chosen = {counted: _chosen(log, counted)[order] for counted in {measure.counted for measure in measures}}
    for column, measure in enumerate(sums):
        amounts = _amounts(log, measure.what, order)
        events = chosen[measure.counted]
        np.cumsum(events if amounts is None else np.where(events, amounts, 0.0), out=running[1:, column])
    if states:
        times = log.times[order]
        begins = np.concatenate([[True], items[1:] != items[:-1]])[: len(items)]
        for column, measure in enumerate(states):
            events = chosen[measure.counted]
            if measure.what == "decayed":
                known[1:, column] = decayed_counts(events, begins, times, measure.half_life)
            else:
                known[1:, column] = _moments(events, begins, times, first=measure.what == "first")
    return Columns(sums, states, running, known)


def _moments(
    events: NDArray[np.bool_], begins: NDArray[np.bool_], times: NDArray[np.int64], *, first: bool
) -> NDArray[np.float64]:
    """(n,) moment of the item's first or last event so far that counts; NaN while there is none."""
    places = np.arange(len(events), dtype=np.int32)
    starts = np.maximum.accumulate(np.where(begins, places, np.int32(0)))
    if first:
        counts = np.cumsum(events, dtype=np.int32)
        before = counts[starts] - events[starts]
        events = events & (counts - before == 1)
    newest = np.maximum.accumulate(np.where(events, places, np.int32(-1)))
    return np.where(newest >= starts, times[newest], np.nan)


def _chosen(log: InteractionLog, counted: str) -> NDArray[np.bool_]:
    """(n_events,) True where an event counts."""
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


def _amounts(log: InteractionLog, what: str, order: NDArray[np.uint32]) -> NDArray[np.floating] | None:
    """(n_events,) what each event adds, in the given order; None for 1."""
    match what:
        case "weights":
            return log.weights[order]
        case "values":
            return np.nan_to_num(log.values[order])
        case "valued":
            return (~np.isnan(log.values[order])).astype(np.float32)
        case "examination":
            return (1.0 + np.maximum(log.positions[order], 0)) ** -EXAMINATION_EXPONENT
    return None
