"""From ranker scores to probabilities (Platt, Probabilistic outputs for support vector machines, 1999)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_expit, logit

_RATE_OF_NOTHING = 0.01
"""What is assumed where there is nothing to learn from."""


@dataclass(frozen=True)
class Calibration:
    """p = sigmoid(slope * score + intercept); slope is never negative, so the order of the scores is kept."""

    slope: float
    intercept: float

    @classmethod
    def fit(cls, scores: NDArray[np.float32], happened: NDArray[np.bool_], covered: float = 1.0) -> "Calibration":
        """Fit on held-out scores (n,) and whether the event followed (n,).

        Labels are smoothed as Platt proposes, so that few events never give a probability of 0 or 1.

        Args:
            covered: share of the requests that these scores are of, above 0. In the others, whose scores are taken to
                be alike, what was wanted is not among the candidates: of those, nothing happened.
        """
        if not len(scores):
            return cls(1.0, float(logit(_RATE_OF_NOTHING)))
        positives = int(happened.sum())
        negatives = len(scores) / covered - positives
        high, low = (positives + 1) / (positives + 2), 1 / (negatives + 2)
        # Each row stands for those of the other requests too, in which it was nothing.
        labels = np.where(happened, covered * high + (1 - covered) * low, low)
        scale = float(np.std(scores)) or 1.0
        standard = scores.astype(np.float64) / scale

        def loss(parameters: NDArray[np.float64]) -> float:
            logits = parameters[0] * standard + parameters[1]
            return float(-np.mean(labels * log_expit(logits) + (1 - labels) * log_expit(-logits)))

        start = [1.0, float(logit(np.clip(labels.mean(), 1e-6, 1 - 1e-6)))]
        best = minimize(loss, start, bounds=[(0.0, None), (None, None)], method="L-BFGS-B")
        return cls(float(best.x[0]) / scale, float(best.x[1]))

    def carried(self, before: NDArray[np.float32], after: NDArray[np.float32]) -> "Calibration":
        """The same calibration for the scores of another ranker, which have another level and spread.

        Args:
            before, after: (n,) scores of the same rows by this ranker and the other one; without rows nothing changes.
        """
        spread = float(np.std(after)) if len(after) else 0.0
        if not spread:
            return self
        ratio = float(np.std(before)) / spread
        level = float(np.mean(before)) - ratio * float(np.mean(after))
        return Calibration(self.slope * ratio, self.slope * level + self.intercept)

    def probability(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n,) in (0, 1), in the order of the scores."""
        return np.asarray(expit(self.slope * scores.astype(np.float64) + self.intercept), dtype=np.float32)
