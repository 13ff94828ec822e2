"""Measure ranked lists against what was wanted: every item ranked, nothing sampled, a value for every request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.errors import DataError
from recsys.eval.confidence import Comparison, Interval, compare, intervals
from recsys.eval.metrics.auc import auc
from recsys.eval.metrics.average_precision import average_precision
from recsys.eval.metrics.coverage import coverage
from recsys.eval.metrics.diversity import diversity
from recsys.eval.metrics.hit_rate import hit_rate
from recsys.eval.metrics.mrr import mrr
from recsys.eval.metrics.ndcg import ndcg
from recsys.eval.metrics.novelty import novelty
from recsys.eval.metrics.personalisation import personalisation
from recsys.eval.metrics.recall import recall
from recsys.eval.ranking import RankedLists, Targets, pessimistic_hits

Metrics = dict[str, Interval]
"""Metric names (`ndcg@10`, ..., `auc`) to means with intervals: the JSON object of `recsys evaluate --json`."""


@dataclass(frozen=True)
class Measurement:
    """What one ranking reached on a set of requests, one value a request, so that it can be sliced and compared.

    Attributes:
        k: length of the list that was measured.
        values: metric name to (n_requests,) values, NaN where the metric has no meaning for the request.
        items: (n_requests, k) the lists, for what is counted over all of them.
        n_items: size of the catalogue.
        users: (n_requests,) user numbers, the clusters of the bootstrap; below 0 for an anonymous request.
        requests: (n_requests,) place of each among all that were asked, those in which nothing was wanted included.
    """

    k: int
    values: Mapping[str, NDArray[np.float64]]
    items: NDArray[np.int32]
    n_items: int
    users: NDArray[np.int32] | None = None
    requests: NDArray[np.int64] | None = None

    @property
    def n_requests(self) -> int:
        """Number of requests measured."""
        return len(self.items)

    def mean(self, metric: str) -> float:
        """Mean of one per-request metric over the requests where it has a meaning; NaN where there are none."""
        defined = self.values[metric][~np.isnan(self.values[metric])]
        return float(defined.mean()) if len(defined) else float("nan")

    def select(self, chosen: NDArray[np.bool_]) -> "Measurement":
        """The same ranking on a slice of the requests: `chosen` is (n_requests,)."""
        values = {name: column[chosen] for name, column in self.values.items()}
        users = None if self.users is None else self.users[chosen]
        requests = None if self.requests is None else self.requests[chosen]
        return Measurement(self.k, values, self.items[chosen], self.n_items, users, requests)

    @staticmethod
    def joined(parts: Sequence["Measurement"]) -> "Measurement":
        """Rankings of requests that came one after the other, over one catalogue, as one."""
        first = parts[0]
        values = {name: np.concatenate([part.values[name] for part in parts]) for name in first.values}
        items = np.concatenate([part.items for part in parts])
        users = [part.users for part in parts if part.users is not None]
        joined_users = np.concatenate(users) if len(users) == len(parts) else None
        return Measurement(first.k, values, items, first.n_items, joined_users, np.arange(len(items)))

    def summary(self, *, seed: int = 0) -> Metrics:
        """Every metric as `{"mean", "low", "high"}` with a 95 % bootstrap interval over users.

        Coverage and personalisation are of all lists together and no means over requests: their low and high are the
        figure itself.
        """
        columns = np.stack(list(self.values.values()), axis=1)
        bounds = intervals(columns, clusters=self.users, seed=seed)
        summary = dict(zip(self.values, bounds, strict=True))
        share = coverage(self.items, self.n_items) if self.n_requests else None
        summary[f"coverage@{self.k}"] = Interval(mean=share, low=share, high=share)
        known = personalisation(self.items)
        unlike = None if np.isnan(known) else known
        summary[f"personalisation@{self.k}"] = Interval(mean=unlike, low=unlike, high=unlike)
        return summary

    def against(self, other: "Measurement", metric: str, *, seed: int = 0) -> Comparison:
        """Paired bootstrap of this ranking minus another one on the same requests.

        Raises:
            DataError: the other one was measured on other requests.
        """
        self.check_comparable(other)
        return compare(self.values[metric], other.values[metric], clusters=self.users, seed=seed)

    def to_polars(self) -> pl.DataFrame:
        """One row a request: `request` (place among all asked), `user` (number) where known, and every metric."""
        keys = {"request": self.requests, "user": self.users}
        return pl.DataFrame({name: column for name, column in keys.items() if column is not None} | dict(self.values))

    def check_comparable(self, other: "Measurement") -> None:
        """Raise a DataError unless both were measured on the same requests."""
        same_users = self.users is None or other.users is None or np.array_equal(self.users, other.users)
        if self.n_requests != other.n_requests or not same_users:
            raise DataError("two rankings can only be compared on the same requests in the same order")


def evaluate_lists(
    lists: RankedLists,
    targets: Targets,
    *,
    popularity: NDArray[np.float64],
    vectors: NDArray[np.float32],
    users: NDArray[np.int32] | None = None,
    requests: NDArray[np.int64] | None = None,
    k: int = 10,
) -> Measurement:
    """Measure ranked lists; ties are never in the target's favour.

    Hand in the lists as deep as they are ranked: auc looks at all of it, ties that cross place k are only seen in lists
    deeper than k (or made by `pessimistic`).

    Args:
        lists: one a request.
        targets: of the same requests.
        popularity: (n_items,) training events of each item, for novelty.
        vectors: (n_items, dim) item vectors, for diversity.
        users: (n_requests,) user numbers; requests of one user are resampled together.
        requests: (n_requests,) place of each among all that were asked.
        k: places of the list that count.

    Raises:
        DataError: the sizes do not fit one another.
    """
    n_items = len(popularity)
    if users is not None and len(users) != len(lists):
        raise DataError(f"{len(lists)} lists need as many user numbers; there are {len(users)}")
    if len(vectors) != n_items or lists.items.max(initial=-1) >= n_items:
        raise DataError(
            f"popularity knows {n_items} items, vectors {len(vectors)}, and the lists name item number "
            f"{lists.items.max(initial=-1)}; all three must be of one catalogue"
        )
    hits = pessimistic_hits(lists, targets)
    # A list shorter than k has missed its last places: the ideal list is still k long.
    head = np.pad(hits[:, :k], ((0, 0), (0, max(0, k - lists.depth))))
    shown = lists.items[:, :k]
    values = {
        f"ndcg@{k}": ndcg(head, targets.counts),
        f"recall@{k}": recall(head, targets.counts),
        f"hit_rate@{k}": hit_rate(head, targets.counts),
        f"mrr@{k}": mrr(head, targets.counts),
        f"map@{k}": average_precision(head, targets.counts),
        f"novelty@{k}": novelty(shown, popularity),
        f"diversity@{k}": diversity(shown, vectors),
        "auc": auc(hits, lists.listed),
    }
    return Measurement(k, values, shown, n_items, users, requests)
