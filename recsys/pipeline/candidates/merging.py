"""Which items are worth ranking: the best of all sources, merged by reciprocal rank, each source with its weight.

Cormack, Clarke and Buettcher, Reciprocal rank fusion outperforms Condorcet and individual rank learning methods, 2009.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.arrays.membership import are_among
from recsys.arrays.ragged import indices_within
from recsys.retrieval.fusion import fuse_lists, keys_of_lists, take_candidates
from recsys.retrieval.scores import Scores

FUSION = 20.0
"""Added to every rank (the k of the paper): the smaller it is, the more the first ranks of each source count."""


class Pairs(NamedTuple):
    """Pairs of a request and an item, in the order of the requests."""

    rows: NDArray[np.int64]
    """(n_pairs,) requests"""
    items: NDArray[np.int32]
    """(n_pairs,) item numbers"""


class Proposal(NamedTuple):
    """What a source says of a block of requests."""

    scores: Scores
    """of any pair"""
    best: NDArray[np.int32]
    """(n_requests, n) the best eligible items, see `Scores.best`"""
    weights: NDArray[np.float32]
    """(n_requests,) above 0: how much the ranks of this source count"""


@dataclass(frozen=True)
class Candidates:
    """Pairs of a request and an item, grouped by request, items increasing within each.

    Attributes:
        rows: (n_pairs,) request of each pair.
        items: (n_pairs,) item numbers.
        proposed_by: (n_pairs,) bit s is set when source s of `Sources.names` has the item among its best.
        scores: source -> (n_pairs,) float32.
        fused: (n_pairs,) float32 weighted sum of the reciprocal ranks, higher is better: the order before any ranker.
    """

    rows: NDArray[np.int64]
    items: NDArray[np.int32]
    proposed_by: NDArray[np.uint16]
    scores: dict[str, NDArray[np.float32]]
    fused: NDArray[np.float32]

    def keep(self, chosen: NDArray[np.bool_]) -> "Candidates":
        """Only the chosen pairs."""
        scores = {source: values[chosen] for source, values in self.scores.items()}
        fused = self.fused[chosen]
        return Candidates(self.rows[chosen], self.items[chosen], self.proposed_by[chosen], scores, fused)

    def are_among(self, pairs: Pairs) -> NDArray[np.bool_]:
        """(n_pairs,) True for those that are among other pairs of the same requests; an item -1 is none of them."""
        width = int(max(self.items.max(initial=0), pairs.items.max(initial=0))) + 1
        known = pairs.items >= 0
        return are_among(self.rows * width + self.items, pairs.rows[known] * width + pairs.items[known])

    def beyond(self, n: int | NDArray[np.int64]) -> NDArray[np.bool_]:
        """(n_pairs,) True for pairs behind the `n` best of their request: they are here because they were required.

        Args:
            n: the same for all requests, or (n_pairs,) that of the request of each pair.
        """
        order = np.lexsort((self.items, -self.fused, self.rows))
        ranks = np.empty(len(order), dtype=np.int64)
        ranks[order] = indices_within(self.rows)
        return ranks >= n


def reciprocal_ranks(n: int) -> NDArray[np.float32]:
    """(n,) how much the ranks of a list count, the first one most."""
    return np.float32(1) / (np.float32(FUSION) + np.arange(n, dtype=np.float32))


def merge(
    proposals: Mapping[str, Proposal], eligible: NDArray[np.bool_], n: int, required: Pairs | None = None
) -> Candidates:
    """The `n` best items of each request by the sources together.

    A score of 0 says that a source knows nothing, so it proposes nothing there. Where the sources propose fewer than
    `n` items, other eligible ones fill up, so that no list is shorter than it must be.

    Args:
        proposals: of each source; each holds the `n` best items, or all there are.
        eligible: (n_requests, n_items) False where an item must not be proposed.
        n: most candidates per request.
        required: pairs, in the order of their requests, that are candidates whatever the sources say, beyond `n`, as
            far as they are eligible.
    """
    n_requests, n_items = eligible.shape
    n = min(n, n_items)
    lists = np.array([proposal.best for proposal in proposals.values()], dtype=np.int32)
    required = required or Pairs(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int32))
    bounds = required.rows.searchsorted(np.arange(n_requests + 1))
    keys, starts = keys_of_lists(lists.reshape(len(proposals), n_requests, n), eligible, bounds, required.items)
    for start, stop in pairwise(starts.tolist()):
        keys[start:stop].sort()
    weights = np.array([proposal.weights for proposal in proposals.values()], dtype=np.float32)
    found = fuse_lists(keys, starts, weights.reshape(len(proposals), n_requests), reciprocal_ranks(n))
    for start, stop in pairwise(found.key_starts.tolist()):
        if stop - start > n:
            found.by_sum[start:stop].partition(n - 1)
    most = n_requests * n + len(required.items)
    rows, items = np.empty(most, dtype=np.int64), np.empty(most, dtype=np.int32)
    proposed_by, fused = np.empty(most, dtype=np.uint16), np.empty(most, dtype=np.float32)
    n_pairs = take_candidates(found, n, eligible, rows, items, proposed_by, fused)
    rows, items = rows[:n_pairs], items[:n_pairs]
    scores = {source: proposal.scores.of(rows, items) for source, proposal in proposals.items()}
    return Candidates(rows, items, proposed_by[:n_pairs], scores, fused[:n_pairs])
