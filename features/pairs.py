"""What a feature may look at: candidate pairs of a block of requests, and what is known before each request.

Whatever several features need is computed once a block.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from features.item_facts import ItemFacts
from features.state import EventState
from recsys.data.log.history import HistoryBatch

_IMPRESSIONS = 1_000
"""Newest impressions of a user that features look at."""


@dataclass(frozen=True)
class PairBatch:
    """Pairs of a request and a candidate; the pairs of a request stand together, in the order of the requests.

    Attributes:
        histories: what each user did before its request.
        known_until: (n_requests,) microseconds: items are seen as they were then, see `EventState.known_until`.
        rows: (n_pairs,) request of each pair, increasing.
        items: (n_pairs,) candidate of each pair, increasing within a request.
        scores: source -> (n_pairs,) float32 score of the pair.
        state: all events; asked only about moments before each request.
        users: (n_requests,) numbers of those whose stored events count, -1 for nobody.
        facts: the items.
    """

    histories: HistoryBatch
    known_until: NDArray[np.int64]
    rows: NDArray[np.int64]
    items: NDArray[np.int32]
    scores: Mapping[str, NDArray[np.float32]]
    state: EventState
    users: NDArray[np.int32]
    facts: ItemFacts

    def __len__(self) -> int:
        return len(self.items)

    @cached_property
    def shown(self) -> HistoryBatch:
        """The newest impressions of each user before its request."""
        return self.state.shown(self.users, self.histories.now, _IMPRESSIONS)

    @cached_property
    def bounds(self) -> NDArray[np.int64]:
        """(n_requests + 1,) where each request's pairs start."""
        if len(self.histories) == 1:
            return np.array([0, len(self)])
        return self.rows.searchsorted(np.arange(len(self.histories) + 1))
