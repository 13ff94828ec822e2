"""A weighted sum of columns, for rankers that learn from few requests, which trees would overfit."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from recsys.errors import BundleError
from recsys.rank.linear_loops import fill_scaled, fill_weighted_sums, means_of_known, spread_within_requests
from recsys.rank.listwise import ListwiseLoss
from recsys.rank.rows import RankerRows

_RIDGE = 0.03
"""Penalty on the square of a weight, against the mean loss of a wanted row."""

_RIDGE_UNKNOWN = 0.3
"""The same for a column without a monotone constraint, whose direction the data alone must show."""

_LIMIT = 5.0
"""Deviations from the mean beyond which a value counts no further."""

_START = 0.02
_STEPS = 100
"""Weight that a column with a constraint starts from, and most steps from there."""


@dataclass(frozen=True)
class LinearScore:
    """A weighted sum of all columns. Each array is (n_columns,).

    Attributes:
        means: a missing value counts as the mean of its column.
        scales: factor of a deviation from the mean, with the sign of the column's constraint; 0 where all rows are
            alike.
        weights: 0 or above for a column with a constraint.
    """

    means: NDArray[np.float64]
    scales: NDArray[np.float64]
    weights: NDArray[np.float64]

    @classmethod
    def fit(cls, rows: RankerRows, monotone_constraints: Sequence[int]) -> "LinearScore":
        """Weights that minimise the listwise loss under the constraints, with a ridge penalty.

        Args:
            rows: with at least one wanted row.
            monotone_constraints: of each column of the table: 1 rising, -1 falling, 0 not known.
        """
        signs = np.asarray(monotone_constraints, dtype=np.float64)
        means = means_of_known(rows.table)
        # Spread within requests only: what all rows of a request share does not order them.
        spread = spread_within_requests(rows.table, means, np.cumsum(rows.sizes) - rows.sizes, rows.sizes)
        scales = np.divide(np.where(signs == 0, 1.0, signs), spread, out=np.zeros_like(spread), where=spread > 1e-9)
        return cls(means, scales, _weights(_scaled(rows.table, means, scales), signs != 0, rows))

    def times(self, factor: float) -> "LinearScore":
        """The same order, with scores `factor` times as large: it counts more beside other scores."""
        return replace(self, weights=self.weights * factor)

    def score(self, table: NDArray[np.float32]) -> NDArray[np.float64]:
        """(n_rows,) higher is better."""
        sums = np.empty(len(table))
        fill_weighted_sums(table, self.means, self.scales, _LIMIT, self.weights, sums)
        return sums

    def contributions(self, table: NDArray[np.float32]) -> NDArray[np.float64]:
        """(n_rows, n_columns) what each column adds to the score."""
        values = _scaled(table, self.means, self.scales)
        values *= self.weights
        return values

    def save(self, path: Path) -> None:
        """Write JSON."""
        tree = {field.name: getattr(self, field.name).tolist() for field in fields(self)}
        path.write_text(json.dumps(tree), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "LinearScore":
        """Read what `save` wrote.

        Raises:
            BundleError: the file is something else.
        """
        try:
            tree = json.loads(path.read_text(encoding="utf-8"))
            return cls(*(np.array(tree[field.name], dtype=np.float64) for field in fields(cls)))
        except (ValueError, KeyError, TypeError) as error:
            raise BundleError(f"{path} is no linear part of a ranker: {error}; publish the version again") from error


def _scaled(table: NDArray[np.float32], means: NDArray[np.float64], scales: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n_rows, n_columns) scaled deviations from the means, within the limit; 0 where a value is missing."""
    scaled = np.empty(table.shape)
    fill_scaled(table, means, scales, _LIMIT, scaled)
    return scaled


def _weights(values: NDArray[np.float64], directed: NDArray[np.bool_], rows: RankerRows) -> NDArray[np.float64]:
    """The weights of the columns `values` (n_rows, n_columns) of these rows."""
    listwise, total = ListwiseLoss.of(rows), rows.shares.sum()
    ridge = np.where(directed, _RIDGE, _RIDGE_UNKNOWN)

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        misfit, slopes = listwise.at(values @ weights)
        return misfit / total + float(ridge @ weights**2), values.T @ slopes / total + 2 * ridge * weights

    bounds = [(0.0 if known else None, None) for known in directed]
    start = np.where(directed, _START, 0.0)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": _STEPS})
    return np.asarray(found.x)
