"""What the model learns from: events, each with the user's positive events strictly before it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.arrays.ragged import offsets_of, ranges
from recsys.data.log.history import HistoryBatch
from recsys.data.log.interactions import InteractionLog


@dataclass(frozen=True)
class Examples:
    """Target events and their histories, oldest target first.

    Attributes:
        past: the positive events of the log, sorted by user and then by time.
        targets: (n,) the target events, in time order; users, items, events, times, weights, requests as in a log.
        starts, stops: (n,) rows of `past`: the newest events of the target's user strictly before the target.
    """

    past: "EventColumns"
    targets: "EventColumns"
    starts: NDArray[np.int64]
    stops: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts)

    @classmethod
    def from_log(cls, log: InteractionLog, history: int, targets: NDArray[np.bool_] | None = None) -> "Examples":
        """One example for each target, with at most `history` events before it (perhaps none).

        Args:
            log: events in time order.
            history: most events of one history.
            targets: (n_events,) which events are targets; by default the positive ones.
        """
        positive = log.weights > 0
        wanted = positive if targets is None else targets
        order = np.argsort(log.users, kind="stable")  # the log is in time order: within a user it stays so
        order = order[(positive | wanted)[order]]
        users, times = log.users[order], log.times[order]
        rows = np.arange(len(order))
        new_user = np.diff(users, prepend=-1) != 0
        # Events of one moment (a basket) do not see each other: a history ends where its moment begins.
        new_moment = new_user | (np.diff(times, prepend=times[:1]) != 0)
        before: NDArray[np.int64] = np.cumsum(positive[order]) - positive[order]
        user_starts: NDArray[np.int64] = before[np.maximum.accumulate(np.where(new_user, rows, 0))]
        stops: NDArray[np.int64] = before[np.maximum.accumulate(np.where(new_moment, rows, 0))]
        starts = np.maximum(user_starts, stops - history)
        asked = np.flatnonzero(wanted[order])
        asked = asked[np.argsort(times[asked], kind="stable")]
        past, target_rows = order[positive[order]], order[asked]
        return cls(EventColumns.of(log, past), EventColumns.of(log, target_rows), starts[asked], stops[asked])

    def select(self, chosen: NDArray[np.bool_] | NDArray[np.int64] | slice) -> "Examples":
        """The chosen examples over the same past."""
        return Examples(self.past, self.targets.select(chosen), self.starts[chosen], self.stops[chosen])

    def histories(self) -> HistoryBatch:
        """The histories of all examples; `now` is the time of the target."""
        lengths = self.stops - self.starts
        past = self.past.select(ranges(self.starts, lengths))
        return HistoryBatch(offsets_of(lengths), past.items, past.events, past.times, past.weights, self.targets.times)


@dataclass(frozen=True)
class EventColumns:
    """Columns of some events, as in an `InteractionLog`."""

    users: NDArray[np.int32]
    items: NDArray[np.int32]
    events: NDArray[np.int8]
    times: NDArray[np.int64]
    weights: NDArray[np.float32]
    requests: NDArray[np.int32]

    @classmethod
    def of(cls, log: InteractionLog, rows: NDArray[np.int64]) -> "EventColumns":
        """The columns of some rows of a log, in that order."""
        return cls(log.users, log.items, log.events, log.times, log.weights, log.requests).select(rows)

    def select(self, chosen: NDArray[np.bool_] | NDArray[np.int64] | slice) -> "EventColumns":
        """The chosen events."""
        return EventColumns(
            self.users[chosen],
            self.items[chosen],
            self.events[chosen],
            self.times[chosen],
            self.weights[chosen],
            self.requests[chosen],
        )
