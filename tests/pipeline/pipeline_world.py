"""Logs, requests and events for the tests of the pipeline."""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import polars as pl
from logs_by_hand import log_of

from features.state import EventState
from recsys.config import RankerConfig
from recsys.data.dataset import Dataset
from recsys.data.events.event import Event
from recsys.data.log.interactions import InteractionLog
from recsys.moments import DAY
from recsys.pipeline.past.scoring import PastScoring
from recsys.pipeline.ranking.scoring import Scoring
from recsys.pipeline.recommender.bundle import Bundle
from recsys.progress import silent
from recsys.rank.columns import Columns
from recsys.rank.rows import RankerRows
from recsys.rank.tuning import Run, Trial, Tuning, tuned

AFTER = int(datetime(2024, 6, 1, tzinfo=UTC).timestamp()) * 1_000_000
"""A month after the small world's last event, microseconds."""

NAMES = ("impression", "view", "click", "purchase")
WEIGHTS = np.array([0.0, 0.0, 1.0, 4.0], dtype=np.float32)  # a view is an act without interest here
IMPRESSION, VIEW, CLICK, PURCHASE = range(4)

Row = tuple[int, int, int, int, int]
"""user, item, event, microseconds, request (-1 for none)"""


def make_log(rows: Sequence[Row], n_items: int = 8, n_users: int = 4) -> InteractionLog:
    """Rows in any order; equal times keep theirs."""
    columns = np.array(sorted(rows, key=lambda row: row[3]), dtype=np.int64).reshape(len(rows), 5)
    users, items, events, times, requests = columns.T
    return log_of(
        {
            "users": users,
            "items": items,
            "events": events,
            "times": times,
            "weights": WEIGHTS[events],
            "requests": requests,
        },
        users=[f"user {user}" for user in range(n_users)],
        names=NAMES,
        n_items=n_items,
    )


def click(user: str, item: str, time: int, *, event: str = "click") -> Event:
    """One event; its id follows from the rest."""
    return Event(event_id=f"{user}/{item}/{event}/{time}", user_id=user, item_id=item, event=event, timestamp=time)


def clicks_of_tastes(items: Sequence[str], n: int, start: int = AFTER, seed: int = 0) -> list[Event]:
    """New users who each stay with one taste, as in the small world; one event an hour."""
    rng = np.random.default_rng(seed)
    tastes = sorted({item.split("-")[0] for item in items})
    events = []
    for number in range(n):
        user = int(rng.integers(12))
        own = [item for item in items if item.startswith(tastes[user % len(tastes)])]
        events.append(click(f"late user {user}", str(rng.choice(own)), start + number * DAY // 24))
    return events


def fashion(items: Sequence[str], n: int, start: int = AFTER, seed: int = 0) -> list[Event]:
    """New users who all click the same three items, one of each taste; one event an hour."""
    rng = np.random.default_rng(seed)
    hot = [item for item in items if item.endswith("4-small")]
    times = [start + number * DAY // 24 for number in range(n)]
    return [click(f"late user {rng.integers(12)}", str(rng.choice(hot)), time) for time in times]


def market(n_users: int = 150, days: int = 56, seed: int = 0) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Twelve tastes of twenty items each; every user keeps to one and buys something every few days."""
    rng = np.random.default_rng(seed)
    items = [
        {"item_id": f"{taste}-{kind}", "title": f"thing {kind}", "category": f"taste {taste}", "price": 1.0 + kind}
        for taste in range(12)
        for kind in range(20)
    ]
    moments = np.sort(rng.uniform(0, days * DAY, n_users * days // 3)).astype(np.int64)
    users = rng.integers(n_users, size=len(moments))
    kinds = np.minimum(rng.geometric(0.15, len(moments)) - 1, 19)
    events = pl.DataFrame(
        {
            "user_id": [f"user {user}" for user in users],
            "item_id": [f"{user % 12}-{kind}" for user, kind in zip(users, kinds, strict=True)],
            "event": "purchase",
            "timestamp": pl.Series(AFTER - 365 * DAY + moments).cast(pl.Datetime("us", "UTC")),
            "value": 1.0 + kinds,
        }
    )
    return pl.DataFrame(items), events


def past_of(bundle: Bundle, dataset: Dataset | Bundle) -> PastScoring:
    """A version's sources, asked about past requests of a log."""
    scoring = Scoring(dataset.catalogue, bundle.sources, EventState(dataset.log))
    return PastScoring(scoring, bundle.config, dataset.log.user_vocabulary)


def until(frame: pl.DataFrame, day: int) -> pl.DataFrame:
    """The small world's events before a day of it, counted from 0."""
    start = frame["timestamp"].min()
    assert isinstance(start, datetime)
    return frame.filter(pl.col("timestamp") < start + pl.duration(days=day))


def trials(n: int, run: Run) -> list[Trial]:
    """Settings tried on rows in which the item with the highest signal is wanted, oldest first."""
    rng = np.random.default_rng(0)
    table = rng.normal(size=(960, 2)).astype(np.float32)
    gains = np.zeros(len(table), dtype=np.float32)
    gains[table[:, 0].reshape(120, 8).argmax(axis=1) + np.arange(120) * 8] = 1
    times = np.arange(120, dtype=np.int64)
    rows = RankerRows(table, gains, gains > 1, np.full(120, 8), times, np.zeros(len(table), dtype=np.uint16))
    start = RankerConfig(trees=10, min_rows_per_leaf=400, learning_rate=0.01)
    config, tried = tuned(rows, Columns(("signal", "noise")), start, Tuning(n), 0, silent, run=run)
    assert {key: getattr(config, key) for key in tried[0].settings} == tried[0].settings
    return sorted(tried, key=lambda trial: trial.number)
