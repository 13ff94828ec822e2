"""Interest logits from learned arrays, in numpy: what serving runs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from recsys.arrays.npy import load_array, save_array
from recsys.data.log.history import HistoryBatch
from recsys.retrieval.products import dot_products
from recsys.text.attention import AttendedEvents, attended_events, event_logits
from recsys.text.compiled import attention_shares, mixture_logits, most_attended

Number = TypeVar("Number", bound=np.number)

_MOST_EVENTS = 8
"""Most events of a history that propose items, those with the largest shares: the others hardly matter."""

_EVENTS_PER_BLOCK = 1_024
_REQUESTS_PER_BLOCK = 256
_CELLS_PER_BLOCK = 1_000_000
"""(event, item) pairs scored at a time: 4 MB of float32 stay in the caches, whatever the size of the catalogue."""

_ITEMS_PER_BLOCK = 4_096

_DENSE = 8
"""If at least one weight in this many is not 0, as with few requests, the matrix is multiplied as a dense one."""

_FEW = 16
"""Up to this many sources, as one request has, a compiled loop takes half the time of BLAS."""

_QUERY_SHARE = 0.5
"""Share of a free text in what a request asks for; the history has the rest."""

PARAMETERS = ("place_logits", "age_logits", "event_logits", "worth", "prior", "prior_logit")
"""Arrays of the network that inference needs beside its `scale`."""

_SCALARS = ("worth", "prior_logit", "scale")
"""Of these, the single numbers."""

_PARAMETERS_FILE = "parameters.safetensors"


@dataclass(frozen=True)
class TextVectors:
    """What texts say to the model.

    Attributes:
        sources: (n, dim) float32 unit rows: what an item in a history asks for.
        targets: (n, dim) float32 unit rows of numbers that a float16 can hold: what an item offers.
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


def updated_rows(rows: NDArray[Number], numbers: NDArray[np.int32], changed: NDArray[Number]) -> NDArray[Number]:
    """A copy of `rows` that holds the changed ones at their numbers; numbers from len(rows) on are new rows."""
    size = max(len(rows), int(numbers.max(initial=-1)) + 1)
    updated = np.empty((size, *rows.shape[1:]), dtype=rows.dtype)
    updated[: len(rows)] = rows
    updated[numbers] = changed
    return updated


@dataclass(frozen=True)
class Mixture:
    """What one request asks for: logit(item) = log sum_c weights_c exp(vectors_c . target_item) + bias_item.

    Attributes:
        vectors: (m, dim) scaled sources of the events, the prior, and the query if there is one.
        weights: (m,) their shares, those of the events first.
        events: (n,) items of the events, those with the largest shares.
        query: (dim,) target vector of a free text; None without one.
    """

    vectors: NDArray[np.float32]
    weights: NDArray[np.float32]
    events: NDArray[np.int64]
    query: NDArray[np.float32] | None = None

    @property
    def prior(self) -> np.float32:
        """Share of the prior."""
        return np.float32(self.weights[len(self.events)])


@dataclass(frozen=True)
class Scorer:
    """The mixture of `InterestNetwork`, ready for inference.

    Attributes:
        items: the texts of the catalogue, in the order of the item numbers.
        parameters: the arrays named in `PARAMETERS`, and `scale`.
    """

    items: TextVectors
    parameters: Mapping[str, NDArray[np.float32]]

    def equals(self, other: "Scorer") -> bool:
        """Whether another one gives the same logits: the same texts in the same network."""
        if self.parameters.keys() != other.parameters.keys():
            return False
        texts = ((getattr(self.items, field.name), getattr(other.items, field.name)) for field in fields(self.items))
        parameters = ((self.parameters[name], other.parameters[name]) for name in self.parameters)
        return all(np.array_equal(ours, theirs) for ours, theirs in (*parameters, *texts))

    def attended_events(self, histories: HistoryBatch) -> AttendedEvents:
        """The events of the histories that count."""
        return attended_events(histories, len(self.parameters["place_logits"]), len(self.parameters["event_logits"]))

    def event_logits(self, events: AttendedEvents) -> NDArray[np.float32]:
        """(n_read,) attention logit of each event."""
        return event_logits(events, self.items.item_logits, self.parameters)

    def shares(self, events: AttendedEvents, n_requests: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(n_read,) share of each event and (n_requests,) share of the prior; both together sum to 1 per request."""
        return attention_shares(
            self.event_logits(events), events.rows, float(self.parameters["prior_logit"]), n_requests
        )

    def score(self, histories: HistoryBatch, queries: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """(n_requests, n_items) logits.

        Args:
            histories: what each user did.
            queries: (n_requests, dim) target vectors of free-text queries, zero rows where there is none.
        """
        scores = np.empty((len(histories), len(self.items.targets)), dtype=np.float32)
        for start, stop in _blocks(histories):
            asked = queries[start:stop] if queries is not None else None
            self._score_block(histories.block(start, stop), asked, scores[start:stop])
        scores += self.items.biases
        return scores

    def mixtures(self, histories: HistoryBatch, queries: NDArray[np.float32] | None = None) -> Iterator[Mixture]:
        """What each request asks for; arguments as for `score`."""
        for start in range(0, len(histories), _REQUESTS_PER_BLOCK):
            block = histories.block(start, min(start + _REQUESTS_PER_BLOCK, len(histories)))
            events = self.attended_events(block)
            shares, prior = self.shares(events, len(block))
            kept = _most_attended(shares, events.rows, len(block))
            items, shares = events.items[kept], shares[kept]
            sources = self.items.sources[items] * self.parameters["scale"]
            edges = events.rows[kept].searchsorted(np.arange(len(block) + 1))
            for row, (first, last) in enumerate(pairwise(edges)):
                vectors = [sources[first:last], self.parameters["prior"][None]]
                weights = np.append(shares[first:last], prior[row])
                query = queries[start + row] if queries is not None and queries[start + row].any() else None
                if query is not None:
                    vectors.append(self.parameters["scale"] * query[None])
                    weights = np.append(weights * np.float32(1.0 - _QUERY_SHARE), np.float32(_QUERY_SHARE))
                yield Mixture(np.concatenate(vectors), weights, items[first:last], query)

    def logits(self, mixture: Mixture, items: NDArray[np.integer]) -> NDArray[np.float32]:
        """(k,) logits of some items (k,) for one request. Costs k items, not the catalogue."""
        logits = np.empty(len(items), dtype=np.float32)
        mixture_logits(self.items.targets, self.items.biases, items, mixture.vectors, mixture.weights, logits)
        return logits

    def single_event_logits(self, events: NDArray[np.integer], items: NDArray[np.integer]) -> NDArray[np.float32]:
        """(n, k) logits, up to a constant, of items (k,) for histories of one event each, on the items `events`
        (n,)."""
        logits: NDArray[np.float32] = (self.items.sources[events] * self.parameters["scale"]) @ self.items.targets[
            items
        ].T
        logits += self.items.biases[items]
        return logits

    def prior_logits(self) -> NDArray[np.float32]:
        """(n_items,) logits, up to a constant, without any history."""
        return np.asarray(self.items.targets @ self.parameters["prior"] + self.items.biases)

    def score_items(self, histories: HistoryBatch, items: NDArray[np.int64]) -> NDArray[np.float32]:
        """(n_requests, k) logits of some items a request; `items` (n_requests, k)."""
        scores = np.empty(items.shape, dtype=np.float32)
        for own, asked, mixture in zip(scores, items, self.mixtures(histories), strict=True):
            own[:] = self.logits(mixture, asked)
        return scores

    def _score_block(
        self, histories: HistoryBatch, queries: NDArray[np.float32] | None, out: NDArray[np.float32]
    ) -> None:
        """Write the logits, without biases, of some requests."""
        events = self.attended_events(histories)
        shares, prior = self.shares(events, len(histories))
        kept = _most_attended(shares, events.rows, len(histories))
        items, indices = np.unique(events.items[kept], return_inverse=True)
        weights = sp.csr_matrix((shares[kept], (events.rows[kept], indices)), shape=(len(histories), len(items)))
        sources = self.items.sources[items] * self.parameters["scale"]
        asking = np.flatnonzero(queries.any(axis=1)) if queries is not None else np.empty(0, dtype=np.int64)
        asked = queries[asking] * self.parameters["scale"] if queries is not None else sources[:0]
        width = min(_ITEMS_PER_BLOCK, max(1, _CELLS_PER_BLOCK // (1 + len(items))))
        for first in range(0, out.shape[1], width):
            some = slice(first, first + width)
            mixture = self._mixture(weights, sources, some)
            mixture += prior[:, None] * self._prior_proposal[some]
            if len(asking):
                mixture[asking] *= 1.0 - _QUERY_SHARE
                mixture[asking] += _QUERY_SHARE * np.exp(asked @ self.items.targets[some].T)
            np.log(mixture, out=out[:, some])

    def _mixture(self, weights: sp.csr_matrix, sources: NDArray[np.float32], some: slice) -> NDArray[np.float32]:
        """(n_requests, n): what scaled sources (n_sources, dim) propose of some items, summed by the weights."""
        targets = self.items.targets[some]
        if _DENSE * weights.nnz >= weights.shape[0] * weights.shape[1]:
            if len(sources) <= _FEW:
                proposals = np.empty((len(targets), len(sources)), dtype=np.float32)
                dot_products(targets, sources, proposals)
            else:  # with items in the rows a product takes a third of the time
                proposals = targets @ np.ascontiguousarray(sources.T)
            np.exp(proposals, out=proposals)
            few: NDArray[np.float32] = (proposals @ weights.toarray().T).T
            return few
        proposals = sources @ targets.T
        np.exp(proposals, out=proposals)
        mixture: NDArray[np.float32] = weights @ proposals
        return mixture

    def save(self, folder: Path) -> None:
        """Write the vectors and the parameters into an existing folder."""
        for field in fields(TextVectors):
            save_array(folder / f"{field.name}.npy", getattr(self.items, field.name))
        save_file({name: np.atleast_1d(array) for name, array in self.parameters.items()}, folder / _PARAMETERS_FILE)

    @classmethod
    def load(cls, folder: Path) -> "Scorer":
        """Read what `save` wrote; vectors are mapped into memory."""
        items = TextVectors(*(load_array(folder / f"{field.name}.npy") for field in fields(TextVectors)))
        parameters = load_file(folder / _PARAMETERS_FILE)
        scalars = {name: parameters[name][0] for name in _SCALARS}
        return cls(items, parameters | scalars)

    @cached_property
    def _prior_proposal(self) -> NDArray[np.float32]:
        proposal: NDArray[np.float32] = np.exp(self.items.targets @ self.parameters["prior"])
        return proposal


def _most_attended(shares: NDArray[np.float32], rows: NDArray[np.int64], n_requests: int) -> NDArray[np.int64]:
    """The events of each request (`rows` does not decrease) that propose items."""
    return most_attended(shares.view(np.int32), rows.searchsorted(np.arange(n_requests + 1)), _MOST_EVENTS)


def _blocks(histories: HistoryBatch) -> Iterator[tuple[int, int]]:
    """Runs of requests with a bounded number of events."""
    numbers = np.cumsum(1 + np.minimum(histories.lengths, _MOST_EVENTS)) // _EVENTS_PER_BLOCK
    edges = [0, *(np.flatnonzero(np.diff(numbers)) + 1), len(histories)]
    yield from ((int(start), int(stop)) for start, stop in pairwise(edges) if stop > start)
