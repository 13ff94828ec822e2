"""What a feature may look at: candidate pairs of a block of requests, and what is known before each request.

Whatever several features need is computed once a block.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from features.affinity import Affinities, Aggregate, compare_links, compare_vectors
from features.item_facts import Code, ItemFacts
from features.items_before import ItemsBefore
from features.source_table import SourceTable
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
        return self.rows.searchsorted(np.arange(len(self.histories) + 1))

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
    def sources(self) -> SourceTable:
        """The scores, and what they are within their requests."""
        return SourceTable.of(self.scores, self.rows, self.bounds)

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
        stops = keys.searchsorted(wanted, side="right")
        counts = stops - keys.searchsorted(wanted, side="left")
        places = np.append(events[order], 0)  # so that there is a place to look at, also in an empty history
        return Matches(counts, places[np.maximum(stops - 1, 0)])

    @cached_property
    def _affinities(self) -> Affinities:
        recent, bounds, facts = self.recent, self.bounds, self.facts
        table = np.zeros((len(facts.affinities), AFFINITY_EVENTS, len(self)), dtype=np.float32)
        for name, part in zip(facts.affinities, table, strict=True):
            if name in facts.vectors:
                compare_vectors(part, facts.vectors[name], recent, bounds, self.items)
            else:
                compare_links(part, facts.links[name], recent, bounds, self.items)
        return Affinities(table, recent.lengths[self.rows])

    def affinity(self, name: str, aggregate: Aggregate) -> NDArray[np.float32]:
        """(n_pairs,) likeness of each candidate to the newest events of the history; NaN for an empty one."""
        found: NDArray[np.float32] = getattr(self._affinities, aggregate)[self.facts.affinities.index(name)]
        return found
