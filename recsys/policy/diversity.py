"""Diversity: a list whose items are wanted and unlike one another."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.errors import ConfigError
from recsys.policy.candidates import RankedCandidates
from recsys.policy.steps import Step

_SEEN_TOGETHER = 10

_TIER = np.float32(4.0)  # more than relevance and similarity can make up for: the two span 3


@dataclass(frozen=True)
class Diversity(Step):
    """Pick one by one the candidate with the highest (1 - dial) * relevance - dial * similarity.

    Relevance is twice the chance that the candidate is preferred to the best one (Bradley & Terry, Biometrika, 1952),
    so 1 for that one. Similarity is the mean cosine to what is picked, which makes the sum of all distances large
    (Gollapudi & Sharma, WWW 2009); with the highest cosine it would be Carbonell & Goldstein's MMR, SIGIR 1998 (their
    lambda is 1 - dial), which costs more ndcg for as much diversity, see docs/experiments/lists.md.

    The first `n` are picked so. Each ten of them, which people see together, stand in the order that they had; the rest
    keep theirs behind them.

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
        similarity = np.zeros(len(candidates), dtype=np.float32)
        picks = np.empty(n, dtype=np.intp)
        for position in range(n):
            picks[position] = np.argmax(value - dial * similarity / np.float32(max(position, 1)))
            value[picks[position]] = -np.inf
            similarity += vectors @ vectors[picks[position]]
        for start in range(0, n, _SEEN_TOGETHER):
            picks[start : start + _SEEN_TOGETHER].sort()
        rest = np.ones(len(candidates), dtype=bool)
        rest[picks] = False
        return candidates.take(np.concatenate([picks, np.flatnonzero(rest)]))


def _relevance(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """2 / (1 + exp(best score - score)); 0 for what is not finite."""
    finite = np.isfinite(scores)
    best = scores[finite].max() if finite.any() else np.float32(0)
    below = np.where(finite, best - scores, np.inf).astype(np.float32)
    return np.asarray(2 / (1 + np.exp(np.minimum(below, 80))), dtype=np.float32) * finite
