"""Discovery: a list that gives a chance to items of which little is known yet."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.data.log.interactions import HARDLY_KNOWN
from recsys.errors import ConfigError
from recsys.policy.candidates import RankedCandidates
from recsys.policy.steps import Step

_MOST = 3.0
"""What the dial at 1 adds to the score of an item that nobody has chosen yet, in standard deviations."""


@dataclass(frozen=True)
class Discovery(Step):
    """Add to the scores of items that are hardly known: 3 * dial * exp(-(n / 5)^2) standard deviations of the request's
    scores, for an item with n positive events so far.

    A well-calibrated ranker stands at the best point between such items and known ones, where a small step to one side
    costs next to nothing. So a small dial lists many more of them for little ndcg (see the report of a training).
    Unlike in exploration, those that suit the user come first.

    Attributes:
        dial: 0 the ranker's order; at 1 hardly known items come before nearly all others.
        positive_counts: (n,) item numbers -> (n,) positive events of each so far.

    Raises:
        ConfigError: the dial is not in [0, 1].
    """

    dial: float
    positive_counts: Callable[[NDArray[np.int32]], NDArray[np.floating]]
    name = "discovery"

    def __post_init__(self) -> None:
        if not 0.0 <= self.dial <= 1.0:
            raise ConfigError(f"policy.discovery must be between 0 and 1, not {self.dial}")

    def arrange(self, candidates: RankedCandidates, n: int) -> RankedCandidates:
        """Order by the new scores within each tier; equal ones keep their order."""
        if self.dial == 0.0:
            return candidates
        rarity = np.exp(-np.square(self.positive_counts(candidates.items) / HARDLY_KNOWN))
        return candidates.raised(_MOST * self.dial * rarity)
