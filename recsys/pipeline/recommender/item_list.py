"""The answer to a request."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.policy.policy import PolicyChange

LIST_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "request_id": pl.String,
    "user_id": pl.String,
    "rank": pl.Int32,
    "item_id": pl.String,
    "score": pl.Float32,
    "p_click": pl.Float32,
    "p_purchase": pl.Float32,
    "sources": pl.List(pl.String),
    "model_version": pl.String,
}
"""Columns of ranked lists in files."""


@dataclass(frozen=True)
class Explanation:
    """Why an item stands where it stands.

    Attributes:
        text, collaborative, behaviour, context: what the group of features added to the ranker's score.
        reasons: sentences for the user of the shop, the most specific one first.
    """

    text: float
    collaborative: float
    behaviour: float
    context: float
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class ItemList:
    """Items, best first.

    Attributes:
        ids: item ids.
        scores: (n,) the ranker's scores, with what boosts, discovery and a query add; comparable within the list. They
            fall from place to place, unless a rule that only moves items (diversity, pins, caps, ...) has moved some.
        p_click: (n,) probability of any positive event; without logged impressions, if the list is answered at all.
        p_purchase: (n,) that of the strongest one: of the event that `events.weights` values most.
        sources: who proposed each item.
        model_version: the version that ranked.
        request_id, user_id: of the request.
        unknown_items: candidates of the request that the catalogue lacks.
        degraded: what was left out: names of sources, and `ranker`.
        propensities: (n,) probability with which each item stands where it stands, to be logged with its impression;
            None where the policy leaves nothing to chance.
        seconds: time of each stage; of lists that were made together, of all of them.
        explanations: one an item, when they were asked for.
        why: what makes them later; None where there can be none.
        changes: what each step of the policy changed, when explanations were asked for.
    """

    ids: tuple[str, ...]
    scores: NDArray[np.float32]
    p_click: NDArray[np.float32]
    p_purchase: NDArray[np.float32]
    sources: tuple[tuple[str, ...], ...]
    model_version: str
    request_id: str = ""
    user_id: str | None = None
    unknown_items: tuple[str, ...] = ()
    degraded: tuple[str, ...] = ()
    propensities: NDArray[np.float32] | None = field(default=None, repr=False)
    explanations: tuple[Explanation, ...] | None = field(default=None, repr=False)
    changes: tuple[PolicyChange, ...] = field(default=(), repr=False)
    seconds: Mapping[str, float] = field(default_factory=dict, repr=False, compare=False)
    why: Callable[[], tuple[Explanation, ...]] | None = field(default=None, repr=False, compare=False)

    def __getstate__(self) -> dict[str, Any]:
        """A copy for another process: what it could ask why is the whole version, which stays here."""
        return {**self.__dict__, "why": None}

    def __len__(self) -> int:
        return len(self.ids)

    def to_polars(self) -> pl.DataFrame:
        """One row an item, with the columns of `LIST_SCHEMA`."""
        return lists_to_polars([self])

    def explain(self) -> tuple[Explanation, ...]:
        """Why each item stands in its place: as the list was made if it was asked for with `explain=True`, else as of
        now. Empty where the ranker did not order the list, as where items are like another one."""
        if self.explanations is None and self.why is not None:
            return self.why()
        return self.explanations or ()


def lists_to_polars(lists: Sequence[ItemList]) -> pl.DataFrame:
    """All rows of many lists, with the columns of `LIST_SCHEMA`."""
    lengths = [len(one) for one in lists]
    own = np.repeat(np.arange(len(lists)), lengths)  # the list of each row
    # What few rows differ in is turned into a column once, and not once a row.
    places: dict[tuple[str, ...], int] = {}
    proposed = [places.setdefault(sources, len(places)) for one in lists for sources in one.sources]
    columns = {
        "request_id": pl.Series([one.request_id for one in lists], dtype=pl.String).gather(own),
        "user_id": pl.Series([one.user_id for one in lists], dtype=pl.String).gather(own),
        "rank": np.concatenate([np.arange(1, length + 1) for length in [0, *lengths]]),
        "item_id": [item for one in lists for item in one.ids],
        "score": np.concatenate([np.zeros(0), *(one.scores for one in lists)]),
        "p_click": np.concatenate([np.zeros(0), *(one.p_click for one in lists)]),
        "p_purchase": np.concatenate([np.zeros(0), *(one.p_purchase for one in lists)]),
        "sources": pl.Series([list(sources) for sources in places], dtype=pl.List(pl.String)).gather(proposed),
        "model_version": pl.Series([one.model_version for one in lists], dtype=pl.String).gather(own),
    }
    return pl.DataFrame(columns, schema=LIST_SCHEMA)
