"""The past requests of a window: who wanted what, when, and what was shown."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.data.interactions import InteractionLog
from recsys.data.ragged import entries, offsets_of


@dataclass(frozen=True)
class PastRequests:
    """Requests in time order. Events with one request_id are one request; without it, one user at one time is.

    Attributes:
        users: (n_requests,) numbers.
        times: (n_requests,) microseconds: the first event of the request, which nothing known may reach.
        target_offsets: (n_requests + 1,) where each request's targets start.
        target_items: (n_targets,) distinct items with a sign of interest.
        target_grades: (n_targets,) 1 for the weakest sign of interest, higher for stronger ones.
        shown_offsets: (n_requests + 1,) where each request's shown items start.
        shown_items: (n_shown,) items of the request's impressions; empty when none were logged.
        shown_positions: (n_shown,) their places from 0, -1 where unknown.
    """

    users: NDArray[np.int32]
    times: NDArray[np.int64]
    target_offsets: NDArray[np.int64]
    target_items: NDArray[np.int32]
    target_grades: NDArray[np.int32]
    shown_offsets: NDArray[np.int64]
    shown_items: NDArray[np.int32]
    shown_positions: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.times)

    @classmethod
    def unlabelled(cls, users: NDArray[np.int32], times: NDArray[np.int64]) -> "PastRequests":
        """Requests of which nothing is told but who asked (n_requests,), and when (n_requests,), in time order."""
        offsets, none = np.zeros(len(users) + 1, dtype=np.int64), np.zeros(0, dtype=np.int32)
        return cls(users, times, offsets, none, none, offsets, none, none.astype(np.int16))

    @property
    def has_impressions(self) -> bool:
        """Whether any request tells what was shown."""
        return len(self.shown_items) > 0

    def block(self, start: int, stop: int) -> "PastRequests":
        """Requests start to stop - 1."""
        return self.take(np.arange(start, min(stop, len(self))))

    def take(self, chosen: NDArray[np.intp]) -> "PastRequests":
        """The chosen requests, in the order given."""
        targets, n_targets = entries(self.target_offsets, chosen)
        shown, n_shown = entries(self.shown_offsets, chosen)
        return PastRequests(
            self.users[chosen],
            self.times[chosen],
            offsets_of(n_targets),
            self.target_items[targets],
            self.target_grades[targets],
            offsets_of(n_shown),
            self.shown_items[shown],
            self.shown_positions[shown],
        )

    def sample(self, most: int, seed: int) -> "PastRequests":
        """At most `most` requests, drawn evenly, in time order."""
        if len(self) <= most:
            return self
        return self.take(np.sort(np.random.default_rng(seed).choice(len(self), most, replace=False)))

    @property
    def target_rows(self) -> NDArray[np.int64]:
        """(n_targets,) the request of each target."""
        return np.repeat(np.arange(len(self)), np.diff(self.target_offsets))

    @property
    def shown_rows(self) -> NDArray[np.int64]:
        """(n_shown,) the request of each shown item."""
        return np.repeat(np.arange(len(self)), np.diff(self.shown_offsets))

    @classmethod
    def of(
        cls, log: InteractionLog, start: int, end: int, thresholds: NDArray[np.float32] | None = None
    ) -> "PastRequests":
        """All requests of the window [start, end) that were followed by a sign of interest.

        Args:
            thresholds: weights that grades are counted by, see `grade_thresholds`; None: those of the log.
        """
        thresholds = grade_thresholds(log) if thresholds is None else thresholds
        window = log.between(start, end)
        events = pl.DataFrame(
            {
                "user": window.users,
                "request": window.requests,
                "moment": np.where(window.requests >= 0, 0, window.times),
                "time": window.times,
                "item": window.items,
                "grade": np.searchsorted(thresholds, window.weights, side="right").astype(np.int32),
                "shown": window.is_impression,
                "position": np.where(window.is_impression, window.positions, -1),
            }
        )
        items = events.group_by("user", "request", "moment", "item").agg(
            pl.col("time").min(), pl.col("grade").max(), pl.col("shown").any(), pl.col("position").max()
        )
        requests = (
            items.sort("time", "item")
            .group_by("user", "request", "moment", maintain_order=True)
            .agg(
                pl.col("time").min(),
                pl.col("item").filter(pl.col("grade") > 0).alias("targets"),
                pl.col("grade").filter(pl.col("grade") > 0).alias("grades"),
                pl.col("item").filter(pl.col("shown")).alias("shown"),
                pl.col("position").filter(pl.col("shown")).alias("positions"),
            )
            .filter(pl.col("targets").list.len() > 0)
            .sort("time", "user", "request", maintain_order=True)
        )
        return cls(
            requests["user"].to_numpy(),
            requests["time"].to_numpy(),
            offsets_of(requests["targets"].list.len()),
            requests["targets"].explode(empty_as_null=False).to_numpy(),
            requests["grades"].explode(empty_as_null=False).to_numpy(),
            offsets_of(requests["shown"].list.len()),
            requests["shown"].explode(empty_as_null=False).to_numpy(),
            requests["positions"].explode(empty_as_null=False).to_numpy(),
        )


def grade_thresholds(log: InteractionLog) -> NDArray[np.float32]:
    """Distinct weights above 0, increasing: the grade of a weight is how many of them it reaches."""
    return np.unique(log.weights[log.weights > 0])


def grade_of_strongest(learned: NDArray[np.float32], thresholds: NDArray[np.float32]) -> int | None:
    """The grade of the strongest event that was learned from, in a log that may have others.

    Args:
        learned: `grade_thresholds` of what was learned from.
        thresholds: those that grades are counted by.

    Returns:
        None where that event does not occur, or where no weaker one was learned from, which it could be told from.
    """
    if len(learned) < 2 or learned[-1] not in thresholds:
        return None
    return int(np.searchsorted(thresholds, learned[-1])) + 1
