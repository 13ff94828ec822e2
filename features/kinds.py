"""The kinds of features: each computes one column for all pairs of a batch.

A kind reads the past only: `EventState` and `HistoryBatch` answer about moments strictly before the request and take
no other question, so a feature that sees the future cannot be declared. A value that does not exist is NaN, which
LightGBM handles itself.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from features.pairs import PairBatch
from features.state import Counted

SECOND = 1_000_000
DAY = 86_400 * SECOND


class Kind(Protocol):
    """How a feature is computed."""

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        """(n_pairs,) float32, NaN where there is no value."""
        ...


@dataclass(frozen=True)
class SourceScore:
    """What a source says of the candidate."""

    source: str

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        return pairs.scores[self.source]


@dataclass(frozen=True)
class SourceRank:
    """Place of the candidate among the request's candidates by one source: 0 is the best."""

    source: str

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        scores = pairs.scores[self.source]
        order = np.lexsort((-scores, pairs.rows))
        ranks = np.empty(len(pairs), dtype=np.float32)
        ranks[order] = np.arange(len(pairs)) - pairs.bounds[pairs.rows]
        return ranks


@dataclass(frozen=True)
class SourceShare:
    """The score relative to the best score that the source gives in this request."""

    source: str

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        scores = pairs.scores[self.source]
        best = np.zeros(len(pairs.histories), dtype=np.float32)
        np.maximum.at(best, pairs.rows, np.abs(scores))
        best = best[pairs.rows]
        return _ratio(scores, best, best > 0)


@dataclass(frozen=True)
class Affinity:
    """Item-item affinity between the candidate and the newest items of the history, aggregated."""

    name: str
    aggregate: Literal["last", "max", "mean", "decayed"]

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        affinities = pairs.affinities(self.name)  # (n_pairs, AFFINITY_EVENTS), newest first
        if self.aggregate == "last":
            return affinities[:, 0]
        if self.aggregate == "max":
            return np.asarray(np.fmax.reduce(affinities, axis=1))
        exists = ~np.isnan(affinities)
        decay = 0.7 if self.aggregate == "decayed" else 1.0
        weights = np.where(exists, np.float32(decay) ** np.arange(affinities.shape[1], dtype=np.float32), np.float32(0))
        total = weights.sum(axis=1)
        return _ratio(np.sum(np.where(exists, affinities, 0) * weights, axis=1), total, total > 0)


@dataclass(frozen=True)
class ItemCount:
    """How often something happened to the item in the days before the request."""

    counted: Counted
    days: float | None

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        window = None if self.days is None else int(self.days * DAY)
        return pairs.state.counts(self.counted, pairs.items, pairs.now, window)


@dataclass(frozen=True)
class ItemVelocity:
    """Events a day in a short window over events a day in a long one: above 1 the item is rising."""

    counted: Counted
    short_days: float
    long_days: float

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        short = ItemCount(self.counted, self.short_days).values(pairs) / np.float32(self.short_days)
        long = ItemCount(self.counted, self.long_days).values(pairs) / np.float32(self.long_days)
        return _ratio(short, long, long > 0)


@dataclass(frozen=True)
class ItemRate:
    """Signs of interest per showing, smoothed towards `prior` with the strength of `strength` showings."""

    prior: float
    strength: float

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        shown = pairs.state.counts("item_impressions", pairs.items, pairs.now)
        wanted = pairs.state.counts("item_positives", pairs.items, pairs.now)
        rate = (wanted + self.prior * self.strength) / (shown + self.strength)
        return np.asarray(np.where(shown > 0, rate, np.nan), dtype=np.float32)


@dataclass(frozen=True)
class ItemSince:
    """Days since something first or last happened to the item."""

    counted: Counted
    which: Literal["first", "last"]

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        moment = getattr(pairs.state, self.which)(self.counted, pairs.items, pairs.now)
        return np.asarray((pairs.now - moment) / DAY, dtype=np.float32)


@dataclass(frozen=True)
class ItemAge:
    """Days since the item was created; NaN for an item without a date or created after the request."""

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        age = (pairs.now - pairs.facts.created[pairs.items]) / DAY
        return np.where(age >= 0, age, np.nan).astype(np.float32)


@dataclass(frozen=True)
class ItemFact:
    """A property of the item itself."""

    column: Literal["prices", "text_lengths"]

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        return np.asarray(getattr(pairs.facts, self.column)[pairs.items], dtype=np.float32)


@dataclass(frozen=True)
class UserShare:
    """Share of the user's acts that went to the candidate's own category, brand or the item itself."""

    column: Literal["categories", "brands"]

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        codes = getattr(pairs.facts, self.column)
        counts = _counts_of_code(pairs, codes)
        total = pairs.histories.lengths[pairs.rows].astype(np.float32)
        known = (codes[pairs.items] >= 0) & (total > 0)
        return _ratio(counts, total, known)


@dataclass(frozen=True)
class UserItemCount:
    """How often the user acted on this very item before."""

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        return _counts_of_code(pairs, np.arange(len(pairs.facts.categories), dtype=np.int32))


@dataclass(frozen=True)
class UserItemSince:
    """Days, or events, since the user last acted on this very item; NaN if never (days: or if the time is unknown)."""

    unit: Literal["days", "events"]

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        histories = pairs.histories
        ago = histories.ages / 86_400 if self.unit == "days" else histories.places_from_end.astype(float)
        keys = histories.rows * len(pairs.facts.categories) + histories.items
        order = np.lexsort((ago, keys))  # the newest event of each key first
        keys, ago = keys[order], ago[order]
        wanted = pairs.rows * len(pairs.facts.categories) + pairs.items
        places = np.searchsorted(keys, wanted)
        found = np.full(len(pairs), np.nan, dtype=np.float32)
        inside = np.flatnonzero(places < len(keys))
        inside = inside[keys[places[inside]] == wanted[inside]]
        found[inside] = ago[places[inside]]
        return found


@dataclass(frozen=True)
class UserHistory:
    """A property of the user's history as a whole."""

    what: Literal["length", "distinct", "days_since_last", "days_since_first"]

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        histories = pairs.histories
        if self.what == "length":
            return pairs.per_request(histories.lengths.astype(np.float32))
        if self.what == "distinct":
            distinct = np.unique(histories.rows * len(pairs.facts.categories) + histories.items)
            return pairs.per_request(
                np.bincount(distinct // len(pairs.facts.categories), minlength=len(histories)).astype(np.float32)
            )
        edges = histories.offsets[:-1] if self.what == "days_since_first" else histories.offsets[1:] - 1
        days = np.full(len(histories), np.nan)
        filled = histories.lengths > 0
        days[filled] = histories.ages[edges[filled]] / 86_400
        return pairs.per_request(days)


@dataclass(frozen=True)
class PriceRatio:
    """Price of the candidate over the mean price of what the user acted on."""

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        histories = pairs.histories
        prices = pairs.facts.prices[histories.items]
        known = ~np.isnan(prices)
        total = np.bincount(histories.rows[known], weights=prices[known], minlength=len(histories))
        count = np.bincount(histories.rows[known], minlength=len(histories))
        mean = np.divide(total, count, out=np.full(len(histories), np.nan), where=(count > 0) & (total > 0))
        return np.asarray(pairs.facts.prices[pairs.items] / mean[pairs.rows], dtype=np.float32)


@dataclass(frozen=True)
class Clock:
    """When the request is made, UTC."""

    what: Literal["hour", "weekday"]

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        now = pairs.histories.now
        if self.what == "hour":
            return pairs.per_request((now % DAY) / (3_600 * SECOND))
        return pairs.per_request(((now // DAY + 3) % 7).astype(np.float32))  # 1970-01-01 was a Thursday


@dataclass(frozen=True)
class Agreement:
    """How many sources give the candidate a score above 0."""

    sources: tuple[str, ...]

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        votes = [pairs.scores[source] > 0 for source in self.sources if source in pairs.scores]
        return np.sum(votes, axis=0).astype(np.float32) if votes else np.zeros(len(pairs), dtype=np.float32)


def _ratio(above: NDArray[np.float32], below: NDArray[np.float32], defined: NDArray[np.bool_]) -> NDArray[np.float32]:
    return np.asarray(np.divide(above, below, out=np.full(len(above), np.nan, dtype=np.float32), where=defined))


def _counts_of_code(pairs: PairBatch, codes: NDArray[np.int32]) -> NDArray[np.float32]:
    """(n_pairs,) how many of the history's items have the candidate's code."""
    histories = pairs.histories
    span = int(codes.max(initial=0)) + 2
    keys, counts = np.unique(histories.rows * span + codes[histories.items] + 1, return_counts=True)
    if not len(keys):
        return np.zeros(len(pairs), dtype=np.float32)
    wanted = pairs.rows * span + codes[pairs.items] + 1
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[places] == wanted, counts[places], 0).astype(np.float32)
