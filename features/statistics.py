"""How a feature is distributed, and how far two windows of time differ in it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_BINS = 10
_LEAST_SHARE = 1e-4
"""Share that stands for an empty bin, so that a drift is a number."""


@dataclass(frozen=True)
class FeatureStatistics:
    """One feature in an older and a newer window.

    Attributes:
        coverage: share of the older rows that have a value.
        newer_coverage: the same of the newer ones.
        low, median, high: 5th, 50th and 95th percentile of the older values; NaN without any.
        drift: population stability index of the newer window against the older one, no value being a bin of its own.
    """

    name: str
    coverage: float
    newer_coverage: float
    low: float
    median: float
    high: float
    drift: float


def statistics(
    names: Sequence[str], older: NDArray[np.float32], newer: NDArray[np.float32]
) -> tuple[FeatureStatistics, ...]:
    """Compare two windows.

    Args:
        names: of the columns.
        older, newer: (n_rows, n_features), NaN where there is no value.
    """
    return tuple(_one(name, older[:, column], newer[:, column]) for column, name in enumerate(names))


def _one(name: str, older: NDArray[np.float32], newer: NDArray[np.float32]) -> FeatureStatistics:
    known = older[~np.isnan(older)]
    low, median, high = np.percentile(known, [5, 50, 95]).tolist() if len(known) else (float("nan"),) * 3
    return FeatureStatistics(
        name,
        len(known) / max(len(older), 1),
        float(np.mean(~np.isnan(newer))) if len(newer) else 0.0,
        low,
        median,
        high,
        stability_index(older, newer),
    )


def stability_index(older: NDArray[np.float32], newer: NDArray[np.float32]) -> float:
    """Population stability index: sum of (q - p) ln(q / p) over the older values' deciles; NaN for an empty window."""
    if not len(older) or not len(newer):
        return float("nan")
    known = older[~np.isnan(older)]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, _BINS + 1)[1:-1])) if len(known) else np.zeros(0)
    p, q = (_shares(values, edges) for values in (older, newer))
    return float(np.sum((q - p) * np.log(q / p)))


def _shares(values: NDArray[np.float32], edges: NDArray[np.floating]) -> NDArray[np.float64]:
    """(n_bins + 1,) share of each bin, the last one for no value."""
    bins = np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values, side="right"))
    shares = np.bincount(bins, minlength=len(edges) + 2) / len(values)
    return np.maximum(shares, _LEAST_SHARE)
