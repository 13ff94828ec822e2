"""The ranker's columns in a training's report: coverage, distribution, drift from one window to the next."""

import numpy as np
from numpy.typing import NDArray

from features.feature_set import FeatureSet
from features.statistics import statistics
from recsys.eval.results import FeatureRow

_ROWS = 50_000
"""Percentiles are taken of at least so many rows of a window, if it has them, and of less than twice as many."""


def some_rows(table: NDArray[np.float32]) -> NDArray[np.float32]:
    """An even sample of the rows of a table (n_rows, n_features), large enough for its percentiles."""
    return table[:: max(1, len(table) // _ROWS)].copy()


def feature_rows(
    features: FeatureSet, older: NDArray[np.float32], newer: NDArray[np.float32]
) -> tuple[FeatureRow, ...]:
    """The ranker's columns in some rows of two windows, (n_rows, n_features) each, for the report."""

    def known(value: float) -> float | None:
        return None if np.isnan(value) else value

    return tuple(
        FeatureRow(
            feature.name,
            feature.group,
            feature.meaning,
            one.coverage,
            one.newer_coverage,
            *map(known, (one.low, one.median, one.high, one.drift)),
        )
        for feature, one in zip(features.features, statistics(features.names, older, newer), strict=True)
    )
