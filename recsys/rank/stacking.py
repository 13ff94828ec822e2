"""Weights of the parts of a ranker, fitted on requests that none of the parts has learned from.

Stacked generalization (Wolpert, 1992), with weights that are not below 0 (Breiman, Stacked regressions, 1996).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from recsys.rank.listwise import ListwiseLoss
from recsys.rank.rows import RankerRows

STAGES = (0.1, 1 / 3, 1.0)
"""Shares of the trees, counted from the first one, that are parts of their own: the first trees learn what is common to
many requests, later ones may learn single requests by heart."""

REQUESTS_FOR_TREES_ALONE = 2_500
"""With this many requests or more, all trees are used and nothing else: other parts add nothing then."""

_FEW_REQUESTS = 1_000
"""With fewer requests than this, the usual weights favour the weighted sum."""

_RIDGE = 10.0
"""Penalty on the squared difference of a weight from the usual one, against the loss of a wanted row."""


@dataclass(frozen=True)
class PartWeights:
    """Factors of the scores of the parts, 0 or above.

    Attributes:
        trees: of each of `STAGES`, (n_stages,).
        linear: of the weighted sum of the columns.
    """

    trees: tuple[float, ...]
    linear: float

    @classmethod
    def even(cls) -> "PartWeights":
        """All trees, and the sum as it is."""
        return cls((0.0, 0.0, 1.0), 1.0)

    @classmethod
    def usual(cls, n_requests: int) -> "PartWeights":
        """Weights that did well on other logs, for a ranker of this many requests."""
        if n_requests >= REQUESTS_FOR_TREES_ALONE:
            return cls((0.0, 0.0, 1.0), 0.0)
        share = min((n_requests / _FEW_REQUESTS) ** 0.5, 1.0)
        return cls((0.3, 0.2, 0.5 * share), 0.7 - 0.5 * share)

    @classmethod
    def fit(cls, parts: NDArray[np.float64], rows: RankerRows, usual: "PartWeights") -> "PartWeights":
        """The weights under which the listwise loss is least.

        Args:
            parts: (n_stages + 1, n_rows) scores of the rows by each part, the linear one last.
            rows: requests that the parts have not learned from.
            usual: the weights are drawn towards these: the fewer the requests, the more.
        """
        listwise, prior = ListwiseLoss.of(rows), np.array([*usual.trees, usual.linear])

        def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            misfit, slopes = listwise.at(weights @ parts)
            deviation = weights - prior
            return misfit + _RIDGE * float(deviation @ deviation), parts @ slopes + 2 * _RIDGE * deviation

        found = minimize(loss, prior, jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * len(prior)).x
        return cls(tuple(map(float, found[:-1])), float(found[-1]))
