"""Past requests, scored and ranked as at their moment: by what was known, and what could have been listed, then.

What is not available today could be listed then, unless `available_until` says that it was gone. If what is gone today
were left out, a log of unique things, which vanish once somebody has them, would hold nothing that was wanted. If items
were taken as gone after their last event, old items that are still there would look like what is wanted next.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from features.feature_set import FeatureSet
from recsys.config import Config
from recsys.data.ids.vocabulary import Vocabulary
from recsys.data.log.history import HistoryBatch
from recsys.pipeline.candidates.live_sources import LIVE
from recsys.pipeline.candidates.request_block import RequestBlock, RequestContexts, block_size
from recsys.pipeline.candidates.source_weights import SourceWeights
from recsys.pipeline.past.requests import PastRequests
from recsys.pipeline.ranking.ordering import RankedBlock, rank_block
from recsys.pipeline.ranking.rankers import Rankers
from recsys.pipeline.ranking.rules import PolicyInputs, policy_of
from recsys.pipeline.ranking.scoring import Scoring


@dataclass(frozen=True)
class PastScoring:
    """Sources with which past requests are scored, each as it would have been at its own moment.

    Attributes:
        scoring: fitted sources, with a state that holds all events; only those before each request are looked at.
        config: with `policy.seen` and `policy.discovery` resolved.
        users: ids of the user numbers in the requests.
    """

    scoring: Scoring
    config: Config
    users: Vocabulary

    def with_chosen(self, live: Collection[str], weights: SourceWeights) -> "PastScoring":
        """The same with only these live sources, in the configuration too, and with other weights."""
        names = tuple(name for name in self.config.candidates.sources if name not in LIVE or name in live)
        config = self.config.changed(candidates={"sources": names})
        return PastScoring(self.scoring.with_chosen(live, weights), config, self.users)

    def blocks(self, requests: PastRequests) -> Iterator[tuple[PastRequests, RequestBlock]]:
        """The requests in time order, some hundred at a time."""
        size = block_size(len(self.scoring.catalogue))
        for start in range(0, len(requests), size):
            part = requests.block(start, start + size)
            yield part, self._block(part)

    def _block(self, requests: PastRequests) -> RequestBlock:
        """Some requests as they are ranked, all at once."""
        scoring, config, times = self.scoring, self.config, requests.times
        ids = [self.users.id(number) if number >= 0 else None for number in requests.profile_users.tolist()]
        contexts = RequestContexts(requests.users, ids, now=times, listed_at=times, moments=times)
        histories = scoring.histories(contexts.users, contexts.now)
        if requests.given is not None:
            histories = HistoryBatch.joined(histories, requests.given.histories(times))
        seen = np.split(histories.items, histories.offsets[1:-1])
        inputs = [PolicyInputs(now, items, past=True) for items, now in zip(seen, times.tolist(), strict=True)]
        known = scoring.catalogue, scoring.vectors, scoring.positive_counts
        policies = tuple(policy_of(config.policy, own, *known) for own in inputs)
        return scoring.block(contexts, histories, policies, config.data.max_history)


@dataclass(frozen=True)
class PastPipeline:
    """Sources, features and rankers that have not learned from the requests that they rank.

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
