"""What another list would have earned, estimated from lists that were partly random, with logged probabilities."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.errors import DataError
from recsys.eval.confidence import Interval, effective_users, percentile_interval, resampled_means

FEW = 100
"""Effective placements below which an estimate is not to be relied on."""

_FEW_REWARDED = 10
"""Effective rewarded placements below which neither an estimate nor its interval is to be relied on: if what was shown
and earned something hardly ever agrees with the measured lists, the interval comes from next to no clicks; from none at
all it has no width."""

_MOST_WEIGHT = 50.0
"""Weights above this and above the root of the number of placements are clipped: that trades some bias for much less
variance, and both shrink as placements grow in number; Ionides, JCGS 2008."""


@dataclass(frozen=True)
class LoggedPlacements:
    """Placements, an item at a position of a list that was shown, and what came of them. All arrays are (n,).

    Attributes:
        rewards: what the placement earned: 1 for a click, 0 for none.
        propensities: in (0, 1], probability with which the item was put there.
        target: probability with which the measured policy puts it there; 0 or 1 where that leaves nothing to chance.
        predicted: the reward that a model expects of the placement; 0 without a model.
        expected: the reward that the model expects of what the measured policy puts there.
        requests: number of the list: placements of one list are resampled together.
        n_behind: placements beyond the end of the longest list of the measured policy, which puts nothing there.
        n_later: further placements, on later pages, for which nothing is estimated.
    """

    rewards: NDArray[np.float64]
    propensities: NDArray[np.float64]
    target: NDArray[np.float64]
    predicted: NDArray[np.float64]
    expected: NDArray[np.float64]
    requests: NDArray[np.int32]
    n_behind: int = 0
    n_later: int = 0

    def __post_init__(self) -> None:
        if len(self.rewards) and not (self.propensities.min() > 0 and self.propensities.max() <= 1):
            raise DataError(
                "off-policy estimates need propensities above 0 and at most 1; correct those of the impressions"
            )


@dataclass(frozen=True)
class OffPolicy:
    """Reward per position of the measured policy, three ways, and how far to trust them.

    Attributes:
        logged: what the shown lists earned.
        ips: inverse propensity score, Horvitz & Thompson, JASA 1952: unbiased, of high variance.
        snips: self-normalised, Swaminathan & Joachims, NeurIPS 2015: hardly biased, of less variance.
        dr: doubly robust, Dudik, Langford & Li, ICML 2011: unbiased, and the better the model the less its variance.
        n_placements: placements that were logged with a propensity.
        effective_sample_size: (sum w)^2 / sum w^2, Kish 1965: this many placements of weight 1 would say as much.
        mean_weight: 1 where propensities are right and the logging policy could have shown all that the measured one
            lists; below 1 where it could not.
        rewarded_sample_size: the same of the weights of those that earned something, by what they earned; None in
            reports of earlier releases.
        max_weight: the largest weight, after clipping.
        clipped: share of the weights that were cut.
        n_behind: placements beyond the longest list of the measured policy, which puts nothing there, so that their
            weight is 0.
        n_later: further placements, on later pages, that are left out.
    """

    logged: Interval
    ips: Interval
    snips: Interval
    dr: Interval
    n_placements: int
    effective_sample_size: float
    mean_weight: float
    max_weight: float
    clipped: float
    n_behind: int = 0
    n_later: int = 0
    rewarded_sample_size: float | None = None

    @property
    def reliable(self) -> bool:
        """Whether the logging policy covered the measured one, with enough placements that both could make, and enough
        of these that earned something."""
        rewarded = self.rewarded_sample_size is None or self.rewarded_sample_size >= _FEW_REWARDED
        return self.effective_sample_size >= FEW and rewarded and abs(self.mean_weight - 1.0) < 0.2

    def to_json(self) -> dict[str, Any]:
        """The fields by name, and whether to rely on them."""
        return {**asdict(self), "reliable": self.reliable}

    @classmethod
    def from_json(cls, tree: Mapping[str, Any]) -> "OffPolicy":
        """What `to_json` gave, of this release or one before it."""
        return cls(**{name: value for name, value in tree.items() if name != "reliable"})


def off_policy(logged: LoggedPlacements, *, seed: int = 0, resamples: int = 2_000) -> OffPolicy:
    """Estimate the reward per position that the measured policy would have earned.

    Args:
        logged: at least one placement.
        seed: of the bootstrap over lists.
        resamples: number of resamples.

    Raises:
        DataError: there is no placement.
    """
    if not len(logged.rewards):
        raise DataError("off-policy estimates need impressions with a position and a propensity; the log has none")
    raw = logged.target / logged.propensities
    most = max(_MOST_WEIGHT, float(np.sqrt(len(raw))))
    weights = np.minimum(raw, most)
    corrected = logged.expected + weights * (logged.rewards - logged.predicted)
    columns = np.stack([logged.rewards, weights * logged.rewards, corrected, weights], axis=1)
    rewards, ips, dr, weight = columns.mean(axis=0)
    drawn = resampled_means(columns, logged.requests, seed, resamples)
    lists = float(effective_users(columns[:, :1], logged.requests)[0])
    with np.errstate(divide="ignore", invalid="ignore"):  # no weight at all: there is no such mean
        snips, drawn_snips = ips / weight, drawn[:, 1] / drawn[:, 3]
    return OffPolicy(
        logged=percentile_interval(rewards, drawn[:, 0], lists),
        ips=percentile_interval(ips, drawn[:, 1], lists),
        snips=percentile_interval(snips, drawn_snips, lists),
        dr=percentile_interval(dr, drawn[:, 2], lists),
        n_placements=len(weights),
        effective_sample_size=_effective(weights),
        rewarded_sample_size=_effective(weights * logged.rewards),
        mean_weight=float(weight),
        max_weight=float(weights.max()),
        clipped=float(np.mean(raw > most)),
        n_behind=logged.n_behind,
        n_later=logged.n_later,
    )


def _effective(weights: NDArray[np.float64]) -> float:
    """How many placements of equal weight would say as much as these; 0 where none has any weight."""
    squares = np.square(weights).sum()
    return float(weights.sum() ** 2 / squares) if squares else 0.0
