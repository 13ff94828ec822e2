"""Maximal marginal relevance: a list whose items are wanted and unlike one another."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.errors import ConfigError
from recsys.policy.candidates import RankedCandidates
from recsys.policy.steps import Step

_TIER = np.float32(4.0)  # more than relevance and similarity can make up for: the two span 3


@dataclass(frozen=True)
class Diversity(Step):
    """Pick one by one the candidate with the highest (1 - dial) * relevance - dial * similarity.

    Relevance is the score, scaled to [0, 1] over the candidates; similarity is the highest cosine to a picked item.
    The first `n` are picked so, the rest keep their order behind them. Equal values keep their order.

    Carbonell & Goldstein, "The use of MMR, diversity-based reranking", SIGIR 1998 (their lambda is 1 - dial).

    Attributes:
        dial: 0 the ranker's order, 1 as unlike as possible.
        vectors: (n_items, dim) unit item vectors.

    Raises:
        ConfigError: the dial is not in [0, 1].
    """

    dial: float
    vectors: NDArray[np.float32]
    name = "diversity"

    def __post_init__(self) -> None:
        if not 0.0 <= self.dial <= 1.0:
            raise ConfigError(f"policy.diversity must be between 0 and 1, not {self.dial}")

    def arrange(self, candidates: RankedCandidates, n: int) -> RankedCandidates:
        """The `n` picks, then the others."""
        n = min(n, len(candidates))
        if self.dial == 0.0 or n < 2:
            return candidates
        vectors = self.vectors[candidates.items]
        dial = np.float32(self.dial)
        value = (1 - dial) * _relevance(candidates.scores) - _TIER * candidates.tiers
        nearest = np.full(len(candidates), -1.0, dtype=np.float32)
        picks = np.empty(n, dtype=np.intp)
        for place in range(n):
            pick = int(np.argmax(value - dial * nearest))
            picks[place] = pick
            value[pick] = -np.inf
            np.maximum(nearest, vectors @ vectors[pick], out=nearest)
        rest = np.ones(len(candidates), dtype=bool)
        rest[picks] = False
        return candidates.take(np.concatenate([picks, np.flatnonzero(rest)]))


def _relevance(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scores scaled to [0, 1]; what is not finite counts as the lowest, and equal scores as 0."""
    finite = np.isfinite(scores)
    low, high = (scores[finite].min(), scores[finite].max()) if finite.any() else (0.0, 0.0)
    if high <= low:
        return np.zeros(len(scores), dtype=np.float32)
    scaled: NDArray[np.float32] = np.where(finite, (scores - low) / (high - low), 0.0).astype(np.float32)
    return scaled
