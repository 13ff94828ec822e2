"""Small logs, item facts and blocks of pairs for the tests of features."""

from collections.abc import Sequence
from typing import get_args

import numpy as np
import polars as pl
import scipy.sparse as sp
from hypothesis import strategies as st
from logs_by_hand import log_of
from numpy.typing import NDArray

from features.attributes import Attributes
from features.item_facts import ItemFacts
from features.kinds.base import Kind
from features.pairs import PairBatch
from features.state import EventState
from recsys.config import Source
from recsys.data.items.catalogue import ItemCatalogue
from recsys.data.log.history import HistoryBatch
from recsys.data.log.interactions import NO_TIME, InteractionLog
from recsys.moments import DAY

HOUR = DAY // 24
START = 19_800 * DAY  # Monday, 2024-03-18, 00:00 UTC
NAMES = ("click", "purchase", "impression", "rating")
WEIGHTS = np.array([1.0, 4.0, 0.0, 0.0], dtype=np.float32)  # a rating is a bad one here: an act, but no positive event
CLICK, PURCHASE, IMPRESSION, RATING = range(4)
NOW = START + 70 * DAY
NAN = np.nan
N_ITEMS = 6
N_USERS = 4
SOURCES = tuple(source for source in get_args(Source) if source != "newest")  # of which no feature tells

Row = tuple[int, int, int, int]
"""user, item, event, microseconds"""


MOMENTS = st.integers(0, 8).map(lambda place: START + place * DAY // 2)
"""Few distinct ones, half a day apart, so that equal times and the edges of windows are common."""

ROWS = st.tuples(st.integers(0, N_USERS - 1), st.integers(0, N_ITEMS - 1), st.integers(0, len(NAMES) - 1), MOMENTS)


def make_log(rows: Sequence[Row]) -> InteractionLog:
    """Rows in any order; equal times keep theirs."""
    columns = np.array(sorted(rows, key=lambda row: row[3]), dtype=np.int64).reshape(len(rows), 4)
    users, items, events, times = columns.T
    return log_of(
        {
            "users": users,
            "items": items,
            "events": events,
            "times": times,
            "weights": WEIGHTS[events],
            "values": np.where(events == PURCHASE, 1 + items, np.nan),
            "positions": np.where(events == IMPRESSION, (users + items) % 4, -1),
        },
        users=[f"user {user}" for user in range(N_USERS)],
        names=NAMES,
        n_items=N_ITEMS,
    )


def make_facts(**changes: object) -> ItemFacts:
    """Six items; some have no category, brand, price or date."""
    rng = np.random.default_rng(5)
    vectors = rng.normal(size=(3, N_ITEMS, 4)).astype(np.float32)
    links = [sp.random(N_ITEMS, N_ITEMS, 0.5, format="csr", random_state=seed, dtype=np.float32) for seed in (1, 2)]
    facts: dict[str, object] = {
        "categories": np.array([0, 0, 1, 1, -1, 2], dtype=np.int32),
        "brands": np.array([0, 1, 0, 1, 0, -1], dtype=np.int32),
        "prices": np.array([1.0, 2.0, 4.0, np.nan, 8.0, 16.0]),
        "created": np.array([START, np.nan, START + 2 * DAY, START - DAY, np.nan, START + 90 * DAY], dtype=np.float64),
        "text_lengths": np.array([3, 0, 5, 8, 13, 21], dtype=np.float32),
        "tags": sp.csr_matrix(np.array([[1, 0], [1, 1], [0, 1], [0, 0], [0, 1], [1, 0]], dtype=np.float32)),
        "vectors": dict(zip(("text", "frozen", "factors"), vectors, strict=True)),
        "links": dict(zip(("transitions", "neighbours"), links, strict=True)),
        "attributes": Attributes(ItemCatalogue(pl.DataFrame({"item_id": [f"i{n}" for n in range(N_ITEMS)]}))),
    }
    return ItemFacts(**{**facts, **changes})  # type: ignore[arg-type]


def pairs_of(
    state: EventState,
    users: Sequence[int],
    times: Sequence[int],
    *,
    facts: ItemFacts | None = None,
    scores: dict[str, NDArray[np.float32]] | None = None,
    limit: int = 100,
) -> PairBatch:
    """Every item as a candidate of every request."""
    asking = np.array(users, dtype=np.int32)
    histories = state.histories(asking, np.array(times, dtype=np.int64), limit)
    return pairs_with(histories, state, users=asking, facts=facts, scores=scores)


def pairs_with(
    histories: HistoryBatch,
    state: EventState,
    *,
    users: NDArray[np.int32] | None = None,
    facts: ItemFacts | None = None,
    scores: dict[str, NDArray[np.float32]] | None = None,
) -> PairBatch:
    """Every item as a candidate of every history; without `users`, these are given ones."""
    n = len(histories)
    if users is None:
        users = np.full(n, -1, dtype=np.int32)
    if scores is None:
        # Of more requests, the first ones have the same scores.
        scores = {
            source: np.random.default_rng(place).integers(-2, 4, size=n * N_ITEMS).astype(np.float32)
            for place, source in enumerate(SOURCES)
        }
    rows = np.repeat(np.arange(n), N_ITEMS)
    items = np.tile(np.arange(N_ITEMS, dtype=np.int32), n)
    return PairBatch(histories, histories.now, rows, items, scores, state, users, facts or make_facts())


def given_history(items: Sequence[int], now: int) -> HistoryBatch:
    """A history that the caller gave as ids: no times, no event names."""
    n = len(items)
    return HistoryBatch(
        np.array([0, n]),
        np.array(items, dtype=np.int32),
        np.full(n, -1, dtype=np.int8),
        np.full(n, NO_TIME, dtype=np.int64),
        np.ones(n, dtype=np.float32),
        np.array([now]),
    )


def values(kind: Kind, rows: list[Row], user: int = 0, now: int = NOW) -> list[float]:
    """The six values of one request."""
    found = kind.values(pairs_of(EventState(make_log(rows)), [user], [now]))
    assert found.dtype == np.float32
    assert found.shape == (N_ITEMS,)
    return found.tolist()


def expect(found: list[float], *expected: float) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-6)
