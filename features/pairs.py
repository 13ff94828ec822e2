"""What a feature may look at: candidate pairs of a block of requests, and what is known before each request."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from features.state import EventState
from recsys.data.catalogue import ItemCatalogue
from recsys.data.history import HistoryBatch

AFFINITY_EVENTS = 10
"""Newest events of a history that each candidate is compared with."""


@dataclass(frozen=True)
class ItemFacts:
    """What is known of the items themselves; learned once, the same for every request.

    Attributes:
        categories, brands: (n_items,) codes, -1 where missing.
        prices: (n_items,) NaN where missing.
        created: (n_items,) microseconds, NaN where missing.
        text_lengths: (n_items,) characters of the item's text.
        vectors: name -> (n_items, dim) float32 vectors whose dot product is an affinity of two items.
        links: name -> (n_items, n_items) CSR affinities from an item of the history to a candidate.
    """

    categories: NDArray[np.int32]
    brands: NDArray[np.int32]
    prices: NDArray[np.float64]
    created: NDArray[np.float64]
    text_lengths: NDArray[np.float32]
    vectors: Mapping[str, NDArray[np.float32]]
    links: Mapping[str, sp.csr_matrix]

    @classmethod
    def of(
        cls,
        catalogue: ItemCatalogue,
        vectors: Mapping[str, NDArray[np.float32]],
        links: Mapping[str, sp.csr_matrix],
    ) -> "ItemFacts":
        """Collect the facts of a catalogue."""
        created = catalogue.frame["created_at"].dt.timestamp("us").cast(float).fill_null(np.nan).to_numpy()
        return cls(
            categories=catalogue.codes("category"),
            brands=catalogue.codes("brand"),
            prices=catalogue.frame["price"].cast(float).fill_null(np.nan).to_numpy(),
            created=created,
            text_lengths=np.array([len(text) for text in catalogue.texts], dtype=np.float32),
            vectors=vectors,
            links=links,
        )


@dataclass(frozen=True)
class PairBatch:
    """Pairs of a request and a candidate; the pairs of a request stand together, in the order of the requests.

    Attributes:
        histories: what each user did before its request.
        rows: (n_pairs,) request of each pair, increasing.
        items: (n_pairs,) candidate of each pair.
        scores: source -> (n_pairs,) float32 score of the pair.
        state: all events; asked only about moments before each request.
        facts: the items.
    """

    histories: HistoryBatch
    rows: NDArray[np.int64]
    items: NDArray[np.int32]
    scores: Mapping[str, NDArray[np.float32]]
    state: EventState
    facts: ItemFacts

    def __len__(self) -> int:
        return len(self.items)

    @cached_property
    def now(self) -> NDArray[np.int64]:
        """(n_pairs,) the moment of each pair's request, microseconds."""
        return self.histories.now[self.rows]

    @cached_property
    def bounds(self) -> NDArray[np.int64]:
        """(n_requests + 1,) where each request's pairs start."""
        return np.searchsorted(self.rows, np.arange(len(self.histories) + 1))

    @cached_property
    def recent(self) -> HistoryBatch:
        """The newest signs of interest of each history, which candidates are compared with."""
        return self.histories.positive().newest(AFFINITY_EVENTS)

    def per_request(self, values: NDArray[np.floating]) -> NDArray[np.float32]:
        """(n_pairs,) a value of each request (n_requests,) repeated for its pairs."""
        return values.astype(np.float32)[self.rows]

    @cached_property
    def _affinities(self) -> dict[str, NDArray[np.float32]]:
        return {}

    def affinities(self, name: str) -> NDArray[np.float32]:
        """(n_pairs, AFFINITY_EVENTS) affinity of each candidate with the newest events of the history, newest first.

        NaN where the history is shorter. Computed once a batch.
        """
        if name not in self._affinities:
            self._affinities[name] = self._compare(name)
        return self._affinities[name]

    def _compare(self, name: str) -> NDArray[np.float32]:
        found = np.full((len(self), AFFINITY_EVENTS), np.nan, dtype=np.float32)
        recent, bounds = self.recent, self.bounds
        vectors, links = self.facts.vectors.get(name), self.facts.links.get(name)
        place_of = np.full(0 if links is None else links.shape[1], -1, dtype=np.int32)  # of an item in the candidates
        for request in np.flatnonzero((recent.lengths > 0) & (np.diff(bounds) > 0)):
            pairs = slice(bounds[request], bounds[request + 1])
            candidates = self.items[pairs]
            history = recent.items[recent.offsets[request] : recent.offsets[request + 1]][::-1]
            if vectors is not None:
                found[pairs, : len(history)] = vectors[candidates] @ vectors[history].T
                continue
            assert links is not None, name
            affinity = found[pairs]
            affinity[:, : len(history)] = 0.0
            place_of[candidates] = np.arange(len(candidates))
            for column, item in enumerate(history):
                linked = slice(links.indptr[item], links.indptr[item + 1])
                places = place_of[links.indices[linked]]
                affinity[places[places >= 0], column] = links.data[linked][places >= 0]
            place_of[candidates] = -1
        return found
