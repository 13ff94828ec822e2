"""What the user did before the request, by itself and against the candidate. Histories hold `data.max_history` events.

A history that was given as ids has no times: what is counted in days is NaN then, what is counted in events is not.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from features.kinds.base import DAY, SECOND, Scope, ratio, span
from features.pairs import PairBatch
from recsys.data.ragged import entries


@dataclass(frozen=True)
class UserHistory:
    """A property of the user's history as a whole."""

    what: Literal["length", "distinct", "days_since_last", "days_since_first", "positive_share"]
    scope: ClassVar[Scope] = "user"

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        histories = pairs.histories
        if self.what == "length":
            return pairs.per_request(histories.lengths.astype(np.float32))
        if self.what == "positive_share":
            wanted = np.bincount(histories.rows[histories.weights > 0], minlength=len(histories))
            return pairs.per_request(ratio(wanted, histories.lengths, histories.lengths > 0))
        if self.what == "distinct":
            n_items = pairs.facts.spans["items"]
            distinct = np.unique(histories.rows * n_items + histories.items)
            return pairs.per_request(np.bincount(distinct // n_items, minlength=len(histories)).astype(np.float32))
        edges = histories.offsets[:-1] if self.what == "days_since_first" else histories.offsets[1:] - 1
        days = np.full(len(histories), np.nan)
        filled = histories.lengths > 0
        days[filled] = histories.ages[edges[filled]] * SECOND / DAY
        return pairs.per_request(days)


@dataclass(frozen=True)
class UserCount:
    """Events of the user in the days before the request."""

    days: float
    scope: ClassVar[Scope] = "user"

    def __post_init__(self) -> None:
        span(self.days)

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        histories = pairs.histories
        start = histories.now[histories.rows] - span(self.days)
        inside = histories.rows[histories.times >= start]  # an unknown time is before any other
        return pairs.per_request(np.bincount(inside, minlength=len(histories)).astype(np.float32))


@dataclass(frozen=True)
class UserEntropy:
    """Shannon entropy, in bits, of the categories or brands in the history: 0 for a user with one taste."""

    column: Literal["categories", "brands"]
    scope: ClassVar[Scope] = "user"

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        histories, codes = pairs.histories, pairs.facts.codes(self.column)
        assert codes is not None
        own = codes[histories.items]
        width = pairs.facts.spans[self.column] + 1
        keys, counts = np.unique((histories.rows * width + own)[own >= 0], return_counts=True)
        rows = keys // width
        totals = np.zeros(len(histories))
        np.add.at(totals, rows, counts)
        shares = counts / totals[rows]
        entropy = np.where(totals > 0, 0.0, np.nan)
        np.subtract.at(entropy, rows, shares * np.log2(shares))
        return pairs.per_request(entropy)


@dataclass(frozen=True)
class UserShare:
    """Share of the user's acts that went to the candidate's own category or brand; of the newest ones, if so many."""

    column: Literal["categories", "brands"]
    newest: int | None = None
    scope: ClassVar[Scope] = "user-category"

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        codes = pairs.facts.codes(self.column)
        assert codes is not None
        lengths = pairs.histories.lengths
        total = (lengths if self.newest is None else np.minimum(lengths, self.newest))[pairs.rows]
        return ratio(pairs.matches(self.column, self.newest).counts, total, (codes[pairs.items] >= 0) & (total > 0))


@dataclass(frozen=True)
class UserTagShare:
    """How often the candidate's tags occur in the history: the mean over its tags of the share of acts with the tag."""

    scope: ClassVar[Scope] = "user-category"

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        tags, histories = pairs.facts.tags, pairs.histories
        if tags is None:
            return np.full(len(pairs), np.nan, dtype=np.float32)
        acted, lengths = entries(tags.indptr, histories.items)
        keys = np.sort(np.repeat(histories.rows, lengths) * tags.shape[1] + tags.indices[acted])
        own, lengths = entries(tags.indptr, pairs.items)
        wanted = np.repeat(pairs.rows, lengths) * tags.shape[1] + tags.indices[own]
        counts = keys.searchsorted(wanted, side="right") - keys.searchsorted(wanted, side="left")
        total = np.bincount(np.repeat(np.arange(len(pairs)), lengths), weights=counts, minlength=len(pairs))
        most = lengths * histories.lengths[pairs.rows]
        return ratio(total, most, most > 0)


@dataclass(frozen=True)
class UserCodeSince:
    """Events, or days, since the user last acted on the candidate's category or brand; NaN if never."""

    column: Literal["categories", "brands"]
    unit: Literal["days", "events"]
    scope: ClassVar[Scope] = "user-category"

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        return _since(pairs, self.column, self.unit)


@dataclass(frozen=True)
class UserItemCount:
    """How often the user acted on this very item before."""

    scope: ClassVar[Scope] = "user-item"

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        return pairs.matches("items").counts.astype(np.float32)


@dataclass(frozen=True)
class UserItemSince:
    """Days, or events, since the user last acted on this very item; NaN if never (days: or if the time is unknown)."""

    unit: Literal["days", "events"]
    scope: ClassVar[Scope] = "user-item"

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        return _since(pairs, "items", self.unit)


@dataclass(frozen=True)
class PriceRatio:
    """Price of the candidate over the price of what the user acted on: the mean, or that of the newest event."""

    usual: Literal["mean", "last"] = "mean"
    scope: ClassVar[Scope] = "user-item"

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        histories, n = pairs.histories, len(pairs.histories)
        prices = pairs.facts.prices[histories.items]
        if self.usual == "last":
            usual = np.full(n, np.nan)
            filled = histories.lengths > 0
            usual[filled] = prices[histories.offsets[1:][filled] - 1]
        else:
            known = ~np.isnan(prices)
            total = np.bincount(histories.rows[known], weights=prices[known], minlength=n)
            count = np.bincount(histories.rows[known], minlength=n)
            usual = np.divide(total, count, out=np.full(n, np.nan), where=count > 0)
        usual = usual[pairs.rows]
        return ratio(pairs.facts.prices[pairs.items], usual, usual > 0)


def _since(pairs: PairBatch, code: Literal["items", "categories", "brands"], unit: str) -> NDArray[np.float32]:
    histories, matches = pairs.histories, pairs.matches(code)
    found = np.full(len(pairs), np.nan, dtype=np.float32)
    exist = np.flatnonzero(matches.counts)
    ago = histories.ages * (SECOND / DAY) if unit == "days" else histories.places_from_end
    found[exist] = ago[matches.newest[exist]]
    return found
