"""A whole recommender that is asked about past requests: what evaluation measures."""

from collections.abc import Sequence
from dataclasses import dataclass

from features.feature_set import FeatureSet
from recsys.pipeline.past.scoring import PastScoring
from recsys.pipeline.ranking.ordering import RankedBlock, rank_block
from recsys.pipeline.ranking.rankers import Rankers
from recsys.pipeline.ranking.scoring import RequestBlock


@dataclass(frozen=True)
class PastPipeline:
    """Sources, features and rankers that have not learned from the requests that they are asked about.

    Attributes:
        past: the sources.
        features: the ranker's columns.
        rankers: the ranker, and its ablations where these are measured too.
    """

    past: PastScoring
    features: FeatureSet
    rankers: Rankers

    @property
    def n_candidates(self) -> int:
        """Items ranked per request."""
        return self.past.config.candidates.n

    def rank(self, block: RequestBlock, lengths: Sequence[int]) -> RankedBlock:
        """Rank a block by the full rankers, for lists of these lengths."""
        return rank_block(self.past.scoring, self.features, self.rankers, block, self.n_candidates, lengths)
