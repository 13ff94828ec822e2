"""Interest logits from learned arrays, in numpy: what serving runs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import pairwise
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys.data.history import HistoryBatch
from recsys.text.attention import ReadEvents, event_logits, read

_CELLS_PER_BLOCK = 16_000_000
"""(event, item) pairs scored at a time: 64 MB of float32."""

_QUERY_SHARE = 0.5


PARAMETERS = ("place_logits", "age_logits", "event_logits", "worth", "prior", "prior_logit")
"""Arrays of the network that inference needs beside its `scale`."""


@dataclass(frozen=True)
class TextVectors:
    """What texts say to the model.

    Attributes:
        sources: (n, dim) float32 unit rows: what an item in a history asks for.
        targets: (n, dim) float32 unit rows: what an item offers.
        biases: (n,) float32: how wanted an item is for what it says, whoever asks.
        item_logits: (n,) float32: what an item adds to the attention on its events.
    """

    sources: NDArray[np.float32]
    targets: NDArray[np.float32]
    biases: NDArray[np.float32]
    item_logits: NDArray[np.float32]

    def updated(self, numbers: NDArray[np.int32], others: "TextVectors") -> "TextVectors":
        """These texts with some replaced, by number, and new ones behind; see `updated_rows`."""
        pairs = ((getattr(self, field.name), getattr(others, field.name)) for field in fields(self))
        return TextVectors(*(updated_rows(old, numbers, new) for old, new in pairs))


def updated_rows(
    rows: NDArray[np.float32], numbers: NDArray[np.int32], changed: NDArray[np.float32]
) -> NDArray[np.float32]:
    """A copy of `rows` that holds the changed ones at their numbers; numbers from len(rows) on are new rows."""
    size = max(len(rows), int(numbers.max(initial=-1)) + 1)
    updated = np.empty((size, *rows.shape[1:]), dtype=np.float32)
    updated[: len(rows)] = rows
    updated[numbers] = changed
    return updated


@dataclass(frozen=True)
class Scorer:
    """The mixture of `InterestNetwork`, ready for inference.

    Attributes:
        items: the texts of the catalogue, in the order of the item numbers.
        parameters: the arrays named in `PARAMETERS`, and `scale`.
    """

    SCALARS: ClassVar = ("worth", "prior_logit", "scale")

    items: TextVectors
    parameters: Mapping[str, NDArray[np.float32]]

    def read(self, histories: HistoryBatch) -> ReadEvents:
        """The events of the histories that count."""
        return read(histories, len(self.parameters["place_logits"]), len(self.parameters["event_logits"]))

    def event_logits(self, events: ReadEvents) -> NDArray[np.float32]:
        """(n_read,) attention logit of each event."""
        return event_logits(events, self.items.item_logits, self.parameters)

    def shares(self, events: ReadEvents, n_requests: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(n_read,) share of each event and (n_requests,) share of the prior; both together sum to 1 per request."""
        powers = np.exp(np.minimum(self.event_logits(events), 50.0))
        prior = np.exp(self.parameters["prior_logit"])
        totals = prior + np.bincount(events.rows, powers, minlength=n_requests)
        return (powers / totals[events.rows]).astype(np.float32), (prior / totals).astype(np.float32)

    def score(self, histories: HistoryBatch, queries: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """(n_requests, n_items) logits.

        Args:
            histories: what each user did.
            queries: (n_requests, dim) target vectors of free-text queries, zero rows where there is none.
        """
        scores = np.empty((len(histories), len(self.items.targets)), dtype=np.float32)
        for start, stop in self._blocks(histories):
            block = histories.block(start, stop)
            events = self.read(block)
            shares, prior = self.shares(events, len(block))
            items, places = np.unique(events.items, return_inverse=True)
            weights = sp.csr_matrix((shares, (events.rows, places)), shape=(len(block), len(items)))
            mixture = weights @ self._proposals(self.items.sources[items])
            mixture += prior[:, None] * self._prior_proposal
            if queries is not None:
                asked = np.flatnonzero(queries[start:stop].any(axis=1))
                mixture[asked] *= 1.0 - _QUERY_SHARE
                mixture[asked] += _QUERY_SHARE * self._proposals(queries[start:stop][asked])
            np.log(mixture, out=scores[start:stop])
            scores[start:stop] += self.items.biases
        return scores

    def user_vectors(self, histories: HistoryBatch, queries: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """(n_requests, dim) unit rows: the mean of what a user's events ask for, by their shares."""
        events = self.read(histories)
        shares, prior = self.shares(events, len(histories))
        weights = sp.csr_matrix((shares, (events.rows, np.arange(len(shares)))), shape=(len(histories), len(shares)))
        users = weights @ self.items.sources[events.items]
        users += prior[:, None] * self.parameters["prior"] / self.parameters["scale"]
        if queries is not None:
            asked = queries.any(axis=1)
            users[asked] = (1.0 - _QUERY_SHARE) * users[asked] + _QUERY_SHARE * queries[asked]
        lengths = np.linalg.norm(users, axis=1, keepdims=True)
        unit: NDArray[np.float32] = users / np.maximum(lengths, 1e-12)
        return unit

    def _proposals(self, sources: NDArray[np.float32]) -> NDArray[np.float32]:
        logits = sources @ self.items.targets.T
        logits *= self.parameters["scale"]
        np.exp(logits, out=logits)
        return logits

    @cached_property
    def _prior_proposal(self) -> NDArray[np.float32]:
        proposal: NDArray[np.float32] = np.exp(self.items.targets @ self.parameters["prior"])
        return proposal

    def _blocks(self, histories: HistoryBatch) -> Iterator[tuple[int, int]]:
        most = len(self.parameters["place_logits"])
        cells = np.cumsum(1 + np.minimum(histories.lengths, most)) * len(self.items.targets)
        numbers = cells // _CELLS_PER_BLOCK
        edges = [0, *(np.flatnonzero(np.diff(numbers)) + 1), len(histories)]
        yield from ((int(start), int(stop)) for start, stop in pairwise(edges) if stop > start)
