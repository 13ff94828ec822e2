"""The tags and prices of what the user acted on, against those of the candidate."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from features.kinds.base import UNEQUAL_WEIGHTS, Family, Kind, Member, Of, Scope
from features.loops.pairs import fill_price_ratios, fill_tag_shares
from features.pairs import PairBatch


@dataclass(frozen=True)
class UserTagShare(Kind):
    """How often the candidate's tags occur in the history: the mean, over its tags, of the share of the acts, or of
    their weight, on items with the tag."""

    of: Of = "acts"
    scope: ClassVar[Scope] = "user-category"

    @property
    def needs(self) -> str | None:
        return UNEQUAL_WEIGHTS if self.of == "worth" else None

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        return history_shares(pairs, pairs.facts.tags, self.of)


def history_shares(pairs: PairBatch, values: sp.csr_matrix | None, of: Of) -> NDArray[np.float32]:
    """(n_pairs,) mean, over the candidate's values, of the share of the history with the value; NaN without values, or
    without a history that counts.

    Args:
        values: (n_items, n_values), 1 where an item has the value.
    """
    if values is None:
        return np.full(len(pairs), np.nan, dtype=np.float32)
    shares, histories = np.empty(len(pairs), dtype=np.float32), pairs.histories
    counted = histories.weights if of == "worth" else np.ones(len(histories.items), dtype=np.float32)
    members, events = (values.indptr, values.indices, values.shape[1]), (histories.offsets, histories.items, counted)
    fill_tag_shares(*members, *events, pairs.bounds, pairs.items, shares)
    return shares


class PriceColumns:
    """The columns of kinds that compare prices."""

    def __init__(self, kinds: Sequence["PriceRatio"], columns: Sequence[int]) -> None:
        self._wanted = np.column_stack([[kind.usual == "last" for kind in kinds], columns])

    def fill(self, pairs: PairBatch, table: NDArray[np.float32]) -> None:
        """Fill their columns of the table."""
        offsets, items = pairs.histories.offsets, pairs.histories.items
        fill_price_ratios(pairs.facts.prices, offsets, items, pairs.bounds, pairs.items, self._wanted, table)


@dataclass(frozen=True)
class PriceRatio(Member):
    """Price of the candidate over the price of what the user acted on: the mean, or that of the newest event."""

    usual: Literal["mean", "last"] = "mean"
    scope: ClassVar[Scope] = "user-item"
    family: ClassVar[type[Family]] = PriceColumns


KINDS: tuple[type[Kind], ...] = (UserTagShare, PriceRatio)
"""The kinds of this file, for `features.extra`."""
