"""Whether probabilities mean what they say."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Reliability:
    """Predictions in bins of (nearly) equal mass, least probable first. All arrays are (n_bins,).

    Attributes:
        predicted: mean predicted probability in the bin.
        observed: share of the bin that happened.
        counts: predictions in the bin.
    """

    predicted: NDArray[np.float64]
    observed: NDArray[np.float64]
    counts: NDArray[np.int64]

    @classmethod
    def joined(cls, parts: Sequence["Reliability"]) -> "Reliability":
        """The bins of predictions that several models made, each of its own."""
        predicted, observed, counts = (
            np.concatenate([getattr(part, name) for part in parts]) for name in ("predicted", "observed", "counts")
        )
        order = np.argsort(predicted, kind="stable")
        return cls(predicted[order], observed[order], counts[order])

    def of_all(self, share: float) -> "Reliability":
        """The bins of all requests, of which those of these predictions are a share.

        In the others as much was predicted, and nothing happened."""
        return Reliability(self.predicted, self.observed * share, self.counts)

    @property
    def expected_calibration_error(self) -> float:
        """Mean distance of predicted and observed, weighted by the bins' counts; NaN without predictions.

        Naeini, Cooper & Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015; with
        bins of equal mass, as in Nixon et al., "Measuring calibration in deep learning", 2019.
        """
        if not len(self.counts):
            return float("nan")
        return float(np.average(np.abs(self.predicted - self.observed), weights=self.counts))

    @property
    def ratio(self) -> float:
        """How many times as much was predicted as happened; infinite where nothing did, NaN without predictions. Of
        rare things it shows what a difference of shares hides."""
        predicted, observed = (float(share @ self.counts) for share in (self.predicted, self.observed))
        return predicted / observed if observed else predicted * math.inf

    @property
    def ratio_in_words(self) -> str:
        """The ratio in words, for a window in which nothing happened too."""
        return f"{self.ratio:.2f} times as many predicted as happened" if self.observed.any() else "none of it happened"


def reliability(probabilities: NDArray[np.float32], happened: NDArray[np.bool_], bins: int = 10) -> Reliability:
    """Group predictions into bins of equal mass and compare each bin's mean with what happened.

    Equal predictions share a bin, so there can be fewer bins than asked for and their counts can differ.

    Args:
        probabilities: (n,) predictions in [0, 1].
        happened: (n,) True where the predicted thing came about.
        bins: most bins.
    """
    if not len(probabilities):
        return Reliability(np.empty(0), np.empty(0), np.empty(0, dtype=np.int64))
    predictions = probabilities.astype(np.float64)
    edges = np.quantile(predictions, np.arange(1, bins) / bins, method="inverted_cdf")
    indices = np.searchsorted(edges, predictions, side="left")
    counts = np.bincount(indices, minlength=bins)
    filled = counts > 0
    predicted = np.bincount(indices, weights=predictions, minlength=bins)[filled] / counts[filled]
    observed = np.bincount(indices, weights=happened, minlength=bins)[filled] / counts[filled]
    return Reliability(predicted, observed, counts[filled])
