"""What the user did before the request, by itself and against the candidate. Histories hold `data.max_history` events.

A history that was given as ids has no times: what is counted in days is NaN then, what is counted in events is not.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from features.compiled_pairs import count_since, share_tags
from features.kinds.base import OfRequest, Scope, span
from features.pairs import PairBatch


@dataclass(frozen=True)
class UserHistory(OfRequest):
    """A property of the user's history as a whole."""

    what: Literal["length", "distinct", "days_since_last", "days_since_first", "positive_share"]
    scope: ClassVar[Scope] = "user"

    def of_requests(self, pairs: PairBatch) -> NDArray[np.floating]:
        found: NDArray[np.float32] = (
            pairs.spread("items")[0] if self.what == "distinct" else getattr(pairs.history, self.what)
        )
        return found


@dataclass(frozen=True)
class UserCount(OfRequest):
    """Events of the user in the days before the request."""

    days: float
    scope: ClassVar[Scope] = "user"

    def __post_init__(self) -> None:
        span(self.days)

    def of_requests(self, pairs: PairBatch) -> NDArray[np.floating]:
        histories = pairs.histories
        found = np.empty(len(histories), dtype=np.float32)
        count_since(histories.offsets, histories.times, histories.now - span(self.days), found)
        return found  # an unknown time is before any


@dataclass(frozen=True)
class UserEntropy(OfRequest):
    """Shannon entropy, in bits, of the categories or brands in the history: 0 for a user with one taste."""

    column: Literal["categories", "brands"]
    scope: ClassVar[Scope] = "user"

    def of_requests(self, pairs: PairBatch) -> NDArray[np.floating]:
        found: NDArray[np.float32] = pairs.spread(self.column)[1]
        return found


@dataclass(frozen=True)
class UserShare:
    """Share of the user's acts that went to the candidate's own category or brand; of the newest ones, if so many."""

    column: Literal["categories", "brands"]
    newest: int | None = None
    scope: ClassVar[Scope] = "user-category"

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        return pairs.matches(self.column, self.newest).share


@dataclass(frozen=True)
class UserTagShare:
    """How often the candidate's tags occur in the history: the mean over its tags of the share of acts with the tag."""

    scope: ClassVar[Scope] = "user-category"

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        tags, histories = pairs.facts.tags, pairs.histories
        if tags is None:
            return np.full(len(pairs), np.nan, dtype=np.float32)
        shares = np.full(len(pairs), np.nan, dtype=np.float32)
        offsets, items, bounds = histories.offsets, histories.items, pairs.bounds
        share_tags(tags.indptr, tags.indices, tags.shape[1], offsets, items, bounds, pairs.items, shares)
        return shares


@dataclass(frozen=True)
class UserCodeSince:
    """Events, or days, since the user last acted on the candidate's category or brand; NaN if never."""

    column: Literal["categories", "brands"]
    unit: Literal["days", "events"]
    scope: ClassVar[Scope] = "user-category"

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        return pairs.matches(self.column).days if self.unit == "days" else pairs.matches(self.column).events


@dataclass(frozen=True)
class UserItemCount:
    """How often the user acted on this very item before."""

    scope: ClassVar[Scope] = "user-item"

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        return pairs.matches("items").number


@dataclass(frozen=True)
class UserItemSince:
    """Days, or events, since the user last acted on this very item; NaN if never (days: or if the time is unknown)."""

    unit: Literal["days", "events"]
    scope: ClassVar[Scope] = "user-item"

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        return pairs.matches("items").days if self.unit == "days" else pairs.matches("items").events


@dataclass(frozen=True)
class PriceRatio:
    """Price of the candidate over the price of what the user acted on: the mean, or that of the newest event."""

    usual: Literal["mean", "last"] = "mean"
    scope: ClassVar[Scope] = "user-item"

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        return pairs.price_ratios.mean if self.usual == "mean" else pairs.price_ratios.last
