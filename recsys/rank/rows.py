"""What the ranker learns from: candidates of past requests, their features, and what the user then did."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class RankerRows:
    """Rows grouped by request; requests in time order.

    Attributes:
        table: (n_rows, n_features) float32, NaN where a value does not exist.
        grades: (n_rows,) int32, 0 for no interest, higher for stronger events.
        bought: (n_rows,) True where the strongest event, a purchase, followed.
        sizes: (n_requests,) rows of each request.
        times: (n_requests,) microseconds.
    """

    table: NDArray[np.float32]
    grades: NDArray[np.int32]
    bought: NDArray[np.bool_]
    sizes: NDArray[np.int64]
    times: NDArray[np.int64]

    @property
    def n_requests(self) -> int:
        return len(self.sizes)

    @property
    def wanted(self) -> NDArray[np.bool_]:
        """(n_rows,) True where any sign of interest followed."""
        return self.grades > 0

    def columns(self, chosen: Sequence[int]) -> "RankerRows":
        """The same rows with only these columns of the table."""
        return RankerRows(self.table[:, list(chosen)], self.grades, self.bought, self.sizes, self.times)

    def requests(self, chosen: NDArray[np.bool_]) -> "RankerRows":
        """Only the chosen requests: `chosen` is (n_requests,)."""
        rows = np.repeat(chosen, self.sizes)
        return RankerRows(
            self.table[rows], self.grades[rows], self.bought[rows], self.sizes[chosen], self.times[chosen]
        )

    def sampled(self, negatives: int, seed: int) -> "RankerRows":
        """At most `negatives` rows of grade 0 a request, drawn evenly; all others kept."""
        draw = np.random.default_rng(seed).random(len(self.grades))
        draw[self.wanted] = -1.0
        requests = np.repeat(np.arange(self.n_requests), self.sizes)
        order = np.lexsort((draw, requests))
        starts = np.repeat(np.cumsum(self.sizes) - self.sizes, self.sizes)
        n_wanted = np.bincount(requests, weights=self.wanted, minlength=self.n_requests).astype(np.int64)
        kept = np.sort(order[np.arange(len(order)) - starts < np.repeat(n_wanted + negatives, self.sizes)])
        sizes = np.bincount(requests[kept], minlength=self.n_requests)
        return RankerRows(self.table[kept], self.grades[kept], self.bought[kept], sizes, self.times)

    def split(self, newest: float) -> tuple["RankerRows", "RankerRows"]:
        """Older and newer requests: the newest share, by time, apart; equal times stay together."""
        cut = np.quantile(self.times, 1.0 - newest, method="higher") if self.n_requests else 0
        later = self.times >= cut
        if later.all():  # one moment only
            later = np.zeros_like(later)
        return self.requests(~later), self.requests(later)

    @staticmethod
    def joined(parts: "Sequence[RankerRows]") -> "RankerRows":
        """Several windows as one; the parts must be in time order."""
        return RankerRows(
            np.concatenate([part.table for part in parts]),
            np.concatenate([part.grades for part in parts]),
            np.concatenate([part.bought for part in parts]),
            np.concatenate([part.sizes for part in parts]),
            np.concatenate([part.times for part in parts]),
        )
