"""What the sources propose for past requests, and what of it was wanted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from recsys.arrays.membership import are_among
from recsys.arrays.ragged import indices_within
from recsys.pipeline.candidates.merging import FUSION, reciprocal_ranks
from recsys.pipeline.candidates.source_weights import SourceWeights
from recsys.pipeline.past.requests import PastRequests
from recsys.pipeline.past.scoring import PastScoring
from recsys.rank.listwise import ListwiseLoss

_EQUALITY = 5.0
"""Penalty on the squared distance of a weight from the mean weight, against the loss of one request: few requests say
little of which source is right. Without it 50 requests gave weights with which less was found (movielens-small)."""

_LEAST = 1 / 64
"""Least weight of a source, as a share of the largest: it keeps its order where no other proposes anything."""


@dataclass(frozen=True)
class PastProposals:
    """Pairs of a request and an item that some source has among its best, grouped by request.

    Attributes:
        sources: their names.
        ranks: (n_pairs, n_sources) float32 reciprocal rank in each source's list, 1 for the first; 0 where it
            does not propose the item.
        wanted: (n_pairs,) True for what was then chosen.
        rows: (n_pairs,) the request of each pair, increasing.
        n_wanted: (n_requests,) how many items that may be listed each request wanted, proposed or not.
        has_history: (n_requests,) False for users without a known history.
        n_eligible: (n_requests,) how many items may be listed.
    """

    sources: tuple[str, ...]
    ranks: NDArray[np.float32]
    wanted: NDArray[np.bool_]
    rows: NDArray[np.int64]
    n_wanted: NDArray[np.int64]
    has_history: NDArray[np.bool_]
    n_eligible: NDArray[np.int64]

    @classmethod
    def of(cls, past: PastScoring, requests: PastRequests) -> "PastProposals":
        """What sources that have not seen the requests propose for them, as many items each as there are candidates."""
        sources, n = past.scoring.sources.names, past.config.candidates.n
        parts = [cls._of_no_request(sources)]
        for part, block in past.blocks(requests):
            lists = [proposal.best for proposal in past.scoring.proposals(block, n).values()]
            rows, items = part.targets.rows, part.targets.items
            reachable = block.eligible[rows, items]
            rows, items = rows[reachable], items[reachable]
            parts.append(cls._of_lists(sources, lists, rows, items, block.has_history, block.eligible))
        first_rows = np.cumsum([0, *(len(part.n_wanted) for part in parts[:-1])])
        return cls(
            sources,
            np.concatenate([part.ranks for part in parts]),
            np.concatenate([part.wanted for part in parts]),
            np.concatenate([part.rows + first for part, first in zip(parts, first_rows.tolist(), strict=True)]),
            np.concatenate([part.n_wanted for part in parts]),
            np.concatenate([part.has_history for part in parts]),
            np.concatenate([part.n_eligible for part in parts]),
        )

    @classmethod
    def _of_no_request(cls, sources: tuple[str, ...]) -> "PastProposals":
        ranks, none = np.zeros((0, len(sources)), dtype=np.float32), np.zeros(0, dtype=np.int64)
        return cls(sources, ranks, none.astype(bool), none, none, none.astype(bool), none)

    @classmethod
    def _of_lists(
        cls,
        sources: tuple[str, ...],
        lists: Sequence[NDArray[np.int32]],
        target_rows: NDArray[np.int64],
        targets: NDArray[np.int32],
        has_history: NDArray[np.bool_],
        eligible: NDArray[np.bool_],
    ) -> "PastProposals":
        """The pairs of one block: the lists (n_requests, n) of each source, the pairs that were wanted, and which items
        (n_requests, n_items) may be listed."""
        n_items = eligible.shape[1]
        entries = [np.nonzero(best >= 0) for best in lists]
        keys = [rows * n_items + best[rows, own] for best, (rows, own) in zip(lists, entries, strict=True)]
        pairs = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *keys]))
        ranks = np.zeros((len(pairs), len(sources)), dtype=np.float32)
        for column, (own, (_, rank)) in enumerate(zip(keys, entries, strict=True)):
            ranks[np.searchsorted(pairs, own), column] = FUSION * reciprocal_ranks(lists[column].shape[1])[rank]
        wanted = are_among(pairs, target_rows * n_items + targets)
        n_wanted = np.bincount(target_rows, minlength=len(has_history))
        return cls(sources, ranks, wanted, pairs // n_items, n_wanted, has_history, eligible.sum(axis=1))

    def among(self, sources: Sequence[str]) -> "PastProposals":
        """What only these sources propose."""
        ranks = self.ranks[:, [self.sources.index(source) for source in sources]]
        return replace(self, sources=tuple(sources), ranks=ranks)._keep(np.asarray(ranks.any(axis=1)))

    def to_known_users(self) -> "PastProposals":
        """What is proposed to users with a history."""
        return self._keep(self.has_history[self.rows])

    def _keep(self, pairs: NDArray[np.bool_]) -> "PastProposals":
        return replace(self, ranks=self.ranks[pairs], wanted=self.wanted[pairs], rows=self.rows[pairs])

    def weights(self) -> Mapping[str, float]:
        """Source -> how much its ranks should count, 1 on average; see `_weights`."""
        return dict(zip(self.sources, np.round(self._weights(), 4).tolist(), strict=True))

    def _weights(self) -> NDArray[np.float64]:
        """(n_sources,) above 0.

        The weights with which a softmax over what is proposed comes nearest to what was wanted (ListNet), regularised
        towards equal ones.
        """
        equal = np.ones(len(self.sources))
        answered = np.bincount(self.rows, weights=self.wanted, minlength=len(self.n_wanted))[self.rows] > 0
        if not answered.any():
            return equal
        ranks, wanted = self.ranks[answered], self.wanted[answered].astype(np.float64)
        _, indices, sizes = np.unique(self.rows[answered], return_inverse=True, return_counts=True)
        listwise = ListwiseLoss.of_shares(wanted / np.bincount(indices, weights=wanted)[indices], sizes)

        def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            misfit, slopes = listwise.at((ranks @ weights.astype(np.float32)).astype(np.float64))
            apart = weights - weights.mean()
            by_weight = (slopes.astype(np.float32) @ ranks).astype(np.float64)
            return misfit + _EQUALITY * float(apart @ apart), by_weight + 2 * _EQUALITY * apart

        found = minimize(loss, equal, jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * len(equal)).x
        if not found.any():
            return equal
        bounded = np.maximum(found, _LEAST * found.max())
        return np.asarray(bounded / bounded.mean())

    def recalls(self, weights: SourceWeights, n: int) -> NDArray[np.float64]:
        """(n,) of each request that wanted something, the share of it among the `n` candidates that the weights give.

        Where fewer items are proposed, others fill up, see `merge`; what is wanted is among these by chance.
        """
        counts = np.array([weights.of(source, self.has_history) for source in self.sources], dtype=np.float32)
        by_request = counts.reshape(len(self.sources), len(self.has_history)).T
        fused = np.einsum("ps,ps->p", self.ranks, by_request[self.rows])
        order = np.lexsort((-fused, self.rows))
        ranks = np.empty(len(order), dtype=np.int64)
        ranks[order] = indices_within(self.rows)
        n_requests = len(self.n_wanted)
        found = np.bincount(self.rows[self.wanted & (ranks < n)], minlength=n_requests)
        n_proposed = np.bincount(self.rows, minlength=n_requests)
        not_proposed = self.n_wanted - np.bincount(self.rows[self.wanted], minlength=n_requests)
        filled_up = np.maximum(n - n_proposed, 0) / np.maximum(self.n_eligible - n_proposed, 1)
        found = found + not_proposed * np.minimum(filled_up, 1.0)
        wants = self.n_wanted > 0
        return np.asarray(found[wants] / self.n_wanted[wants])
