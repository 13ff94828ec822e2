"""How sure a mean is, and whether one ranking beats another: the bootstrap, clustered by user.

Percentiles of resamples alone are too sure where users are few, or where a few of them make most of the requests. So
they are taken further out, as Student's t is wider than the normal distribution ("expanded percentiles"; Hesterberg,
What teachers should know about the bootstrap, The American Statistician 2015), by the effective number of users (Kish,
Survey sampling, 1965).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, TypedDict

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from recsys.errors import DataError

LEVEL = 0.95
_DRAWS_AT_ONCE = 2_000_000
"""Random numbers in memory at a time."""

Verdict = Literal["better", "worse", "no difference shown"]


class Interval(TypedDict):
    """A mean and its 95 % interval; None where nothing could be measured."""

    mean: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Comparison:
    """How far one ranking is ahead of another on the same requests.

    Attributes:
        difference: mean of (ours - theirs) over the requests.
        low, high: 95 % interval of the difference.
        p_value: two-sided; how often chance alone would put the difference on the other side of 0. With n users it is
            at least 2 ** (1 - n), the chance that n coins show the same side: resampling a few users cannot show more.
        n_requests: requests in which both are defined.
    """

    difference: float
    low: float
    high: float
    p_value: float
    n_requests: int

    @property
    def verdict(self) -> Verdict:
        """`better` or `worse` where the interval leaves out 0 and chance is unlikely, else `no difference shown`."""
        if self.p_value >= 1 - LEVEL or self.low <= 0 <= self.high:
            return "no difference shown"
        return "better" if self.low > 0 else "worse"


def intervals(
    values: NDArray[np.float64],
    *,
    clusters: NDArray[np.int32] | None = None,
    seed: int = 0,
    resamples: int = 1_000,
) -> list[Interval]:
    """Mean and expanded percentile bootstrap interval of each column, all from the same resamples.

    Efron & Tibshirani, "An introduction to the bootstrap", 1993, chapter 13; whole clusters are drawn, as in Field &
    Welsh, "Bootstrapping clustered data", JRSS B 2007: requests of one user are not independent of one another.

    Args:
        values: (n_requests, n_metrics), NaN where a metric has no meaning; it is left out of that metric's mean.
        clusters: (n_requests,) user numbers; a number below 0 is a user of its own. None: every request for itself.
        seed: of the resampling; the same seed gives the same interval.
        resamples: number of resamples.
    """
    resampled, users = resampled_means(values, clusters, seed, resamples), effective_users(values, clusters)
    return [percentile_interval(*column) for column in zip(_means(values), resampled.T, users, strict=True)]


def compare(
    ours: NDArray[np.float64],
    theirs: NDArray[np.float64],
    *,
    clusters: NDArray[np.int32] | None = None,
    seed: int = 0,
    resamples: int = 10_000,
) -> Comparison:
    """Paired bootstrap of the difference of two means over the same requests.

    Koehn, "Statistical significance tests for machine translation evaluation", EMNLP 2004; p is twice the smaller share
    of resampled differences on one side of 0, with one added above and below so that it is never 0, and expanded as
    intervals are.

    Args:
        ours, theirs: (n_requests,) values of one metric; a request in which either is NaN is left out.
        clusters: (n_requests,) user numbers, as in `intervals`.

    Raises:
        DataError: the two are not of the same requests, or no request has both.
    """
    if ours.shape != theirs.shape:
        raise DataError(f"a paired comparison needs the same requests; these are {len(ours)} and {len(theirs)}")
    pair = {"ours": ours, "theirs": theirs}
    return compare_all(pair, clusters=clusters, seed=seed, resamples=resamples)["ours", "theirs"]


def compare_all(
    values: Mapping[str, NDArray[np.float64]],
    *,
    clusters: NDArray[np.int32] | None = None,
    seed: int = 0,
    resamples: int = 10_000,
) -> dict[tuple[str, str], Comparison]:
    """Every ranking minus every later one, all from the same resamples.

    Args:
        values: name to (n_requests,) values of one metric; a request in which any is NaN is left out.
        clusters: (n_requests,) user numbers, as in `intervals`.

    Raises:
        DataError: no request has all.
    """
    names = list(values)
    columns = np.stack([values[name] for name in names], axis=1)
    columns[np.isnan(columns).any(axis=1)] = np.nan
    defined = ~np.isnan(columns[:, 0])
    n_requests = int(np.count_nonzero(defined))
    if not n_requests:
        raise DataError("a paired comparison needs at least one request in which both rankings are defined")
    means, resampled = _means(columns), resampled_means(columns, clusters, seed, resamples)
    resampled = resampled[~np.isnan(resampled[:, 0])]
    n_users = n_requests if clusters is None else len(np.unique(distinct_users(clusters)[defined]))
    effective = float(effective_users(columns[:, :1], clusters)[0])
    found = {}
    for first, second in combinations(range(len(names)), 2):
        drawn = resampled[:, first] - resampled[:, second]
        low, high = np.quantile(drawn, _tails(effective))
        smaller = min(np.count_nonzero(drawn <= 0), np.count_nonzero(drawn >= 0))
        tail = min(0.5, (smaller + 1) / (len(drawn) + 1))
        p_value = min(1.0, max(2 * _expanded(tail, effective), 2.0 ** (1 - n_users)))
        difference = float(means[first] - means[second])
        found[names[first], names[second]] = Comparison(difference, float(low), float(high), p_value, n_requests)
    return found


def percentile_interval(mean: float, resampled: NDArray[np.float64], users: float) -> Interval:
    """A mean with the expanded percentiles of its resampled values (resamples,); None where it is NaN.

    Args:
        users: how many, see `effective_users`.
    """
    if np.isnan(mean):
        return Interval(mean=None, low=None, high=None)
    low, high = np.nanquantile(resampled, _tails(users))
    # The mean of equal values can differ from their resampled mean in the last bit.
    return Interval(mean=float(mean), low=float(min(low, mean)), high=float(max(high, mean)))


def effective_users(values: NDArray[np.float64], clusters: NDArray[np.int32] | None) -> NDArray[np.float64]:
    """(n_columns,) how many users with equally many requests each would carry as much information: (sum c)^2 / sum c^2
    over the users' numbers c of defined values; 0 without any. Args as in `intervals`."""
    _, counts = _by_user(values, clusters)
    totals = counts.sum(axis=0)
    effective: NDArray[np.float64] = totals**2 / np.where(totals > 0, np.square(counts).sum(axis=0), 1.0)
    return effective


def _tails(users: float) -> tuple[float, float]:
    """The percentiles, as shares, between which so many users leave the middle `LEVEL`."""
    if users <= 1:
        return 0.0, 1.0
    tail = float(ndtr(np.sqrt(users / (users - 1)) * stdtrit(users - 1, (1 - LEVEL) / 2)))
    return tail, 1.0 - tail


def _expanded(tail: float, users: float) -> float:
    """What a tail of resamples, at most .5, stands for with so many users: the inverse of `_tails`."""
    return float(stdtr(users - 1, np.sqrt((users - 1) / users) * ndtri(tail))) if users > 1 else 0.5


def _means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n_metrics,) means over the defined values; NaN where there are none."""
    defined = ~np.isnan(values)
    counts = defined.sum(axis=0)
    means: NDArray[np.float64] = np.where(defined, values, 0.0).sum(axis=0) / np.where(counts > 0, counts, np.nan)
    return means


def resampled_means(
    values: NDArray[np.float64], clusters: NDArray[np.int32] | None, seed: int, resamples: int
) -> NDArray[np.float64]:
    """(resamples, n_columns) means over clusters drawn with replacement; NaN where a draw has no defined value.

    Args as in `intervals`.
    """
    sums, counts = _by_user(values, clusters)
    parts = [np.empty((0, values.shape[1]))]
    for drawn in _draws(len(sums), seed, resamples):
        total = drawn @ counts
        parts.append(drawn @ sums / np.where(total > 0, total, np.nan))
    return np.concatenate(parts)


def distinct_users(clusters: NDArray[np.int32]) -> NDArray[np.int64]:
    """(n_requests,) user numbers where each anonymous request, below 0, has one of its own."""
    return np.where(clusters >= 0, clusters, -1 - np.arange(len(clusters), dtype=np.int64))


def _by_user(
    values: NDArray[np.float64], clusters: NDArray[np.int32] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n_users, n_columns) sums and numbers of the defined values; without clusters every request is a user."""
    defined = ~np.isnan(values)
    sums, counts = np.where(defined, values, 0.0), defined.astype(np.float64)
    if clusters is None:
        return sums, counts
    _, rows = np.unique(distinct_users(clusters), return_inverse=True)
    n_users = int(rows.max(initial=-1)) + 1
    return _sum_by(rows, sums, n_users), _sum_by(rows, counts, n_users)


def _sum_by(rows: NDArray[np.int64], values: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """(n, n_metrics) sums of the rows with the same number."""
    return np.stack([np.bincount(rows, weights=column, minlength=n) for column in values.T], axis=1)


def _draws(n: int, seed: int, resamples: int) -> Iterator[NDArray[np.float64]]:
    """Blocks of (some resamples, n): how often each of `n` is drawn when n are drawn with replacement."""
    if not n:
        return
    rng = np.random.default_rng(seed)
    step = max(1, _DRAWS_AT_ONCE // n)
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        drawn = rng.integers(0, n, size=(size, n)) + n * np.arange(size)[:, None]
        yield np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n).astype(np.float64)
