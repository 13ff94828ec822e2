"""What the model learns from: each positive event, with the user's positive events strictly before it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.data.history import HistoryBatch
from recsys.data.interactions import InteractionLog


@dataclass(frozen=True)
class Instances:
    """Next-event examples over the positive events of a log, sorted by user and then by time.

    Attributes:
        items, events, times, weights: (n_positives,) columns of the positive events, by user and time.
        targets: (n,) row of each example's target event, oldest target first.
        starts, stops: (n,) rows of its history: the newest events of the same user strictly before the target.
    """

    items: NDArray[np.int32]
    events: NDArray[np.int8]
    times: NDArray[np.int64]
    weights: NDArray[np.float32]
    targets: NDArray[np.int64]
    starts: NDArray[np.int64]
    stops: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.targets)

    @classmethod
    def from_log(cls, log: InteractionLog, history: int) -> "Instances":
        """One example for each positive event, with at most `history` events before it (perhaps none)."""
        positive = log.positive()
        order = np.argsort(positive.users, kind="stable")  # the log is in time order: within a user it stays so
        users, times = positive.users[order], positive.times[order]
        rows = np.arange(len(order))
        new_user = np.diff(users, prepend=-1) != 0
        new_moment = new_user | (np.diff(times, prepend=times[:1]) != 0)
        # Events of one moment (a basket) do not see each other: a history ends where its moment begins.
        user_starts = np.maximum.accumulate(np.where(new_user, rows, 0))
        stops = np.maximum.accumulate(np.where(new_moment, rows, 0))
        starts = np.maximum(user_starts, stops - history)
        targets = np.argsort(times, kind="stable")
        columns = (positive.items[order], positive.events[order], times, positive.weights[order])
        return cls(*columns, targets, starts[targets], stops[targets])

    def select(self, chosen: NDArray[np.bool_] | NDArray[np.int64] | slice) -> "Instances":
        """The chosen examples over the same events."""
        columns = (self.items, self.events, self.times, self.weights)
        return Instances(*columns, self.targets[chosen], self.starts[chosen], self.stops[chosen])

    @property
    def target_items(self) -> NDArray[np.int32]:
        """(n,) the item of each target."""
        return self.items[self.targets]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(n,) events in each history."""
        return self.stops - self.starts

    def histories(self) -> HistoryBatch:
        """The histories of all examples; `now` is the time of the target."""
        lengths = self.lengths
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        rows = np.repeat(self.starts - offsets[:-1], lengths) + np.arange(offsets[-1])
        columns = (self.items[rows], self.events[rows], self.times[rows], self.weights[rows])
        return HistoryBatch(offsets, *columns, self.times[self.targets])
