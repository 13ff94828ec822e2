"""From ranker scores to probabilities (Platt, Probabilistic outputs for support vector machines, 1999).

Held-out rows of the ranker are many and count alike, so there are no weights or priors. A second opinion may shift the
score. Logits of the text model have a calibration of their own, see `recsys.text.logit_calibration`.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_expit, logit

_RIDGE = 1.0
"""Penalty on the square of the weights `newcomer` and `acts`, against the loss of one row: few requests say little of
them."""

_RATE_OF_NOTHING = 0.01
"""The probability that is assumed where there is nothing to learn from."""


@dataclass(frozen=True)
class ScoreCalibration:
    """p = sigmoid(slope * score + tilt * log_odds + newcomer * [n_acts = 0] + acts * log(1 + n_acts) + intercept).

    A ranker orders the items of one request, so the level of its scores says little of how much a user chooses at all.
    Hardly known users choose less of what is listed; n_acts, the number of events in the history, says who they are.

    Attributes:
        slope: never negative.
        tilt: weight of a second opinion of the same rows, such as `Conversion.log_odds`; 0 where there is none.
        newcomer, acts: weights of the history; 0 where histories were not known.
    """

    slope: float
    intercept: float
    tilt: float = 0.0
    newcomer: float = 0.0
    acts: float = 0.0

    @classmethod
    def fit(
        cls,
        scores: NDArray[np.float32],
        happened: NDArray[np.bool_],
        covered: float = 1.0,
        log_odds: NDArray[np.float32] | None = None,
        n_acts: NDArray[np.float32] | None = None,
    ) -> "ScoreCalibration":
        """Fit on held-out scores (n,) and whether the event followed (n,).

        Labels are smoothed as Platt proposes, so that few events never give a probability of 0 or 1.

        Args:
            covered: share of all requests that these scores are of, in (0, 1]. In the others nothing was wanted, or
                nothing among the candidates; they are taken to have like scores, and nothing happened to their rows.
            log_odds: (n,) a second opinion of the rows.
            n_acts: (n,) events in the history of who asks.
        """
        if not len(scores):
            return cls(1.0, float(logit(_RATE_OF_NOTHING)))
        positives = int(happened.sum())
        negatives = len(scores) / covered - positives
        high, low = (positives + 1) / (positives + 2), 1 / (negatives + 2)
        # Each row also stands for similar rows in the requests that are not covered, to which nothing happened.
        labels = np.where(happened, covered * high + (1 - covered) * low, low)
        of_user = {} if n_acts is None else {"newcomer": n_acts == 0, "acts": np.log1p(n_acts)}
        opinion = {} if log_odds is None else {"tilt": log_odds}
        columns = {"slope": scores, **of_user, **opinion}  # each by the name of its weight
        scales = np.array([float(np.std(column)) or 1.0 for column in columns.values()])
        standard = np.stack(list(columns.values()), axis=1).astype(np.float64) / scales
        ridge = np.array([0.0, *(_RIDGE / len(labels) if name in of_user else 0.0 for name in columns)])

        def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            logits = standard @ parameters[1:] + parameters[0]
            residuals = expit(logits) - labels
            slopes = np.append(residuals.mean(), residuals @ standard / len(labels)) + 2 * ridge * parameters
            misfit = -np.mean(labels * log_expit(logits) + (1 - labels) * log_expit(-logits))
            return float(misfit + ridge @ parameters**2), slopes

        start = [float(logit(np.clip(labels.mean(), 1e-6, 1 - 1e-6))), 1.0, *[0.0] * (len(columns) - 1)]
        bounds = [(None, None), (0.0, None), *[(None, None)] * (len(columns) - 1)]
        best = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B").x
        weights = dict(zip(columns, (best[1:] / scales).tolist(), strict=True))
        return cls(intercept=float(best[0]), **weights)

    def rescaled(self, before: NDArray[np.float32], after: NDArray[np.float32]) -> "ScoreCalibration":
        """The same calibration for the scores of another ranker, which have another level and spread.

        Args:
            before, after: (n,) scores of the same rows by this ranker and the other one; without rows nothing changes.
        """
        spread = float(np.std(after)) if len(after) else 0.0
        if not spread:
            return self
        ratio = float(np.std(before)) / spread
        level = float(np.mean(before)) - ratio * float(np.mean(after))
        return replace(self, slope=self.slope * ratio, intercept=self.slope * level + self.intercept)

    def probability(
        self,
        scores: NDArray[np.float32],
        log_odds: NDArray[np.float32] | None = None,
        n_acts: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        """(n,) in (0, 1). Without a second opinion (n,), in the order of the scores within a request.

        Args:
            scores, log_odds, n_acts: of the rows, as in `fit`.
        """
        logits = self.slope * scores.astype(np.float64) + self.intercept
        if n_acts is not None:
            logits += self.newcomer * (n_acts == 0) + self.acts * np.log1p(n_acts)
        if log_odds is not None:
            logits += self.tilt * log_odds
        return np.asarray(expit(logits), dtype=np.float32)
