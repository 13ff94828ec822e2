"""Past requests as blocks to be scored: what was known, and what could have been listed, at each moment.

What is not available today could be listed then: since when it is not, nobody tells. Judged by today, a log of things
that vanish once somebody has them would hold nothing that was wanted; judged by their last event, whatever is old and
could still be listed would be what is wanted next.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np

from recsys.config import Config
from recsys.data.history import HistoryBatch
from recsys.data.vocabulary import Vocabulary
from recsys.pipeline.candidates.live_sources import LIVE
from recsys.pipeline.candidates.source_weights import SourceWeights
from recsys.pipeline.past.requests import PastRequests
from recsys.pipeline.ranking.rules import AskedList, policy_of
from recsys.pipeline.ranking.scoring import SEEN_EVENTS, RequestBlock, Scoring, block_size


@dataclass(frozen=True)
class PastScoring:
    """Sources that are asked about past requests, each as it would have been answered at its own moment.

    Attributes:
        scoring: fitted sources, with a state that holds all events; only those before each request are looked at.
        config: with `policy.seen` and `policy.discovery` resolved.
        users: ids of the numbers by which requests name who asks.
    """

    scoring: Scoring
    config: Config
    users: Vocabulary

    def with_chosen(self, live: Collection[str], weights: SourceWeights) -> "PastScoring":
        """These sources with no live ones but `live`, in the configuration too, and with other weights."""
        candidates = self.config.candidates
        names = tuple(name for name in candidates.sources if name not in LIVE or name in live)
        config = self.config.model_copy(update={"candidates": candidates.model_copy(update={"sources": names})})
        return PastScoring(self.scoring.with_chosen(live, weights), config, self.users)

    def blocks(self, requests: PastRequests) -> Iterator[tuple[PastRequests, RequestBlock]]:
        """The requests in time order, some hundred at a time."""
        scoring, size = self.scoring, block_size(len(self.scoring.catalogue))
        for start in range(0, len(requests), size):
            part = requests.block(start, start + size)
            everything = scoring.histories(part.users, part.times, SEEN_EVENTS)
            if part.given is not None:
                everything = HistoryBatch.of_ids(part.given.offsets, part.given.items, part.given.weight, part.times)
            seen = np.split(everything.items, everything.offsets[1:-1])
            policies = tuple(
                policy_of(
                    self.config.policy,
                    AskedList(now, items, past=True),
                    scoring.catalogue,
                    scoring.vectors,
                    scoring.signs,
                )
                for items, now in zip(seen, part.times.tolist(), strict=True)
            )
            askers = [self.users.id(number) if number >= 0 else None for number in part.askers.tolist()]
            now, limit = part.times, self.config.data.max_history
            yield part, scoring.block(everything, askers, policies, now, now, limit)
