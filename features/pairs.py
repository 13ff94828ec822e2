"""What a feature may look at: candidate pairs of a block of requests, and what is known before each request.

Whatever several features need is computed once a block.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.affinity import AFFINITY_EVENTS, Affinities
from features.compiled_pairs import describe, match, price_ratios, spread
from features.item_facts import Code, ItemFacts
from features.measures import DAY, SECOND
from features.source_table import SourceTable
from features.state import EventState
from recsys.data.history import HistoryBatch

__all__ = ["ItemFacts", "PairBatch"]


class Matches(NamedTuple):
    """What the history has in common with each candidate: (n_pairs,) float32 each.

    Attributes:
        number: of events with the candidate's item, category or brand.
        share: of the events looked at; NaN for a candidate without one, and for an empty history.
        events, days: since the newest of them; NaN where there is none (days: or its time is unknown).
    """

    number: NDArray[np.float32]
    share: NDArray[np.float32]
    events: NDArray[np.float32]
    days: NDArray[np.float32]


class History(NamedTuple):
    """What each history is like as a whole: (n_requests,) float32 each; NaN where it has no event."""

    length: NDArray[np.float32]
    positive_share: NDArray[np.float32]
    days_since_last: NDArray[np.float32]
    days_since_first: NDArray[np.float32]


class PriceRatios(NamedTuple):
    """Price of each candidate over the mean price of the history, and over that of its newest event: (n_pairs,) float32
    each; NaN where one of the two is missing."""

    mean: NDArray[np.float32]
    last: NDArray[np.float32]


@dataclass(frozen=True)
class PairBatch:
    """Pairs of a request and a candidate; the pairs of a request stand together, in the order of the requests.

    Attributes:
        histories: what each user did before its request.
        rows: (n_pairs,) request of each pair, increasing.
        items: (n_pairs,) candidate of each pair, increasing within a request.
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
    def bounds(self) -> NDArray[np.int64]:
        """(n_requests + 1,) where each request's pairs start."""
        return self.rows.searchsorted(np.arange(len(self.histories) + 1))

    @cached_property
    def recent(self) -> HistoryBatch:
        """The newest signs of interest of each history, which candidates are compared with."""
        return self.histories.positive().newest(AFFINITY_EVENTS)

    @cached_property
    def sources(self) -> SourceTable:
        """The scores, and what they are within their requests."""
        return SourceTable.of(self.scores, self.bounds)

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
        histories, found = self.histories, np.empty((4, len(self)), dtype=np.float32)
        most = len(histories.items) if newest is None else newest
        codes, ages = self.facts.codes[code], self._days
        match(codes, histories.offsets, histories.items, ages, self.bounds, self.items, most, found)
        return Matches(*found)

    @cached_property
    def history(self) -> History:
        """What each history is like."""
        found = np.empty((4, len(self.histories)), dtype=np.float32)
        describe(self.histories.offsets, self.histories.weights, self._days, found)
        return History(*found)

    def spread(self, code: Code) -> NDArray[np.float32]:
        """(2, n_requests) distinct items, categories or brands of each history, and their Shannon entropy in bits."""
        histories, found = self.histories, np.empty((2, len(self.histories)), dtype=np.float32)
        spread(self.facts.codes[code], histories.offsets, histories.items, *found)
        return found

    @cached_property
    def price_ratios(self) -> PriceRatios:
        """Prices of the candidates over what the user is used to."""
        histories, found = self.histories, np.empty((2, len(self)), dtype=np.float32)
        price_ratios(self.facts.prices, histories.offsets, histories.items, self.bounds, self.items, found)
        return PriceRatios(*found)

    @cached_property
    def _days(self) -> NDArray[np.float64]:
        """(n_events,) age of each event of the histories."""
        return self.histories.ages * (SECOND / DAY)

    @cached_property
    def affinities(self) -> Affinities:
        """Likeness of each candidate to the newest events of the history."""
        return Affinities.of(self.facts, self.recent, self.bounds, self.items)
