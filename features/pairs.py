"""What a feature may look at: candidate pairs of a block of requests, and what is known before each request.

Whatever several features need is computed once a block.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from features.affinity import Affinities, compare_links, compare_vectors
from features.item_facts import Code, ItemFacts
from features.items_before import ItemsBefore
from features.state import EventState
from recsys.data.history import HistoryBatch

__all__ = ["AFFINITY_EVENTS", "ItemFacts", "Matches", "PairBatch"]

AFFINITY_EVENTS = 10
"""Newest events of a history that each candidate is compared with."""


@dataclass(frozen=True)
class Matches:
    """The events of the history that have something in common with the candidate.

    Attributes:
        counts: (n_pairs,) how many.
        newest: (n_pairs,) index of the newest one in the histories; only where `counts` is above 0.
    """

    counts: NDArray[np.intp]
    newest: NDArray[np.intp]


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

    @cached_property
    def before(self) -> ItemsBefore:
        """What happened to the candidates strictly before their requests."""
        return self.state.before(self.items, self.rows, self.histories.now)

    def per_request(self, values: NDArray[np.floating]) -> NDArray[np.float32]:
        """(n_pairs,) a value of each request (n_requests,) repeated for its pairs."""
        return values.astype(np.float32)[self.rows]

    @cached_property
    def _ranks(self) -> dict[str, NDArray[np.float32]]:
        return {}

    def ranks(self, source: str) -> NDArray[np.float32]:
        """(n_pairs,) place of the candidate in its request by a source's score: 0 is the best, equal ones as given."""
        if source not in self._ranks:
            order = np.argsort(-self.scores[source], kind="stable")
            if len(self.histories) > 1:
                order = order[np.argsort(self.rows[order], kind="stable")]
            ranks = np.empty(len(self), dtype=np.float32)
            ranks[order] = np.arange(len(self)) - self.bounds[self.rows]
            self._ranks[source] = ranks
        return self._ranks[source]

    @cached_property
    def _matches(self) -> dict[tuple[Code, int | None], Matches]:
        return {}

    def matches(self, code: Code, newest: int | None = None) -> Matches:
        """Events of the history with the candidate's item, category or brand; none for a candidate without one.

        Args:
            newest: look only at so many newest events.
        """
        if (code, newest) not in self._matches:
            self._matches[code, newest] = self._match(code, newest)
        return self._matches[code, newest]

    def _match(self, code: Code, newest: int | None) -> Matches:
        histories = self.histories
        codes, span = self.facts.codes(code), self.facts.spans[code]
        own = self.items if codes is None else codes[self.items]
        other = histories.items if codes is None else codes[histories.items]
        events = np.flatnonzero(other >= 0 if newest is None else (other >= 0) & (histories.places_from_end < newest))
        keys = histories.rows[events] * span + other[events]
        order = np.argsort(keys, kind="stable")  # within a key the newest event is the last
        keys = keys[order]
        wanted = self.rows * span + own
        if codes is not None:
            wanted[own < 0] = -1
        stops = np.searchsorted(keys, wanted, side="right")
        counts = stops - np.searchsorted(keys, wanted, side="left")
        places = np.append(events[order], 0)  # so that there is a place to look at, also in an empty history
        return Matches(counts, places[np.maximum(stops - 1, 0)])

    @cached_property
    def _affinities(self) -> dict[str, Affinities]:
        return {}

    def affinity(self, name: str) -> Affinities:
        """Affinities of each candidate with the newest events of the history."""
        if name not in self._affinities:
            recent = self.recent
            table = np.full((AFFINITY_EVENTS, len(self)), np.nan, dtype=np.float32)
            if name in self.facts.vectors:
                compare_vectors(table, self.facts.vectors[name], recent, self.bounds, self.items)
            else:
                compare_links(table, self.facts.links[name], recent, self.bounds, self.items)
            self._affinities[name] = Affinities(table, recent.lengths[self.rows])
        return self._affinities[name]
