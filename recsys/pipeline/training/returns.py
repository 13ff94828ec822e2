"""Columns of items by which users come back at even intervals: of what runs out one buys again, whoever made it."""

import math
from collections.abc import Iterable

import numpy as np
import polars as pl

from recsys.arrays.ragged import entries
from recsys.data.groups.membership import members_of
from recsys.data.items.catalogue import ItemCatalogue
from recsys.data.log.interactions import InteractionLog

_BY_CHANCE = 2 * math.log(2)
"""Mean absolute logarithm of the ratio of two intervals between moments of chance (those of a Poisson process)."""

_EVEN = 0.5
"""Intervals are even if this logarithm is less than so many times as large as by chance, and as that of the intervals
between all baskets of a user: who comes every week buys everything at even intervals."""

_LEAST_RATIOS = 0.1
"""Ratios of two intervals that there must be, as a share of the events."""

_LEAST_ANOTHER = 0.05
"""Share of the returns to a value at which users must take another item than before: else the item itself is due."""

_MOST_EVENTS = 1_000_000
"""Events that are looked at, of users drawn by their numbers."""


def columns_of_returns(catalogue: ItemCatalogue, log: InteractionLog, columns: Iterable[str]) -> list[str]:
    """The columns whose values users come back to at even intervals, the most even first.

    Args:
        log: already cut in time.
        columns: of the catalogue, that name what items are.
    """
    acts = log.select(~log.is_impression & (log.users % (1 + len(log) // _MOST_EVENTS) == 0))
    frame = pl.DataFrame({"user": acts.users, "item": acts.items, "time": acts.times})
    if frame.is_empty():
        return []
    usual = min(_unevenness(frame, ["user"])[0], _BY_CHANCE)
    found = {}
    for column in columns:
        returns = _by_value(frame, catalogue, column)
        unevenness, n_ratios = _unevenness(returns, ["user", "value"])
        if n_ratios >= _LEAST_RATIOS * len(frame) and _share_of_another(returns) >= _LEAST_ANOTHER:
            found[column] = unevenness
    return sorted((column for column in found if found[column] < _EVEN * usual), key=found.__getitem__)


def _by_value(frame: pl.DataFrame, catalogue: ItemCatalogue, column: str) -> pl.DataFrame:
    """A row for each value of each event's item; none where no item has a value."""
    members = members_of(catalogue.frame[column], catalogue.frame["item_id"])
    if members is None:
        return frame.clear().with_columns(value=pl.lit(0))
    indices, counts = entries(members.indptr, frame["item"].to_numpy())
    events = frame[np.repeat(np.arange(len(frame)), counts)]
    return events.with_columns(value=pl.Series(members.indices[indices]))


def _unevenness(frame: pl.DataFrame, of: list[str]) -> tuple[float, int]:
    """How uneven the intervals between the moments of each group are: the mean absolute logarithm of the ratio of an
    interval to the one before, infinite where there is none; and how many ratios there are."""
    moments = frame.unique([*of, "time"]).sort(*of, "time")
    intervals = moments.with_columns(interval=pl.col("time").diff().over(of)).drop_nulls("interval")
    ratios = intervals.select(pl.col("interval").log().diff().abs().over(of)).to_series().drop_nulls()
    mean = ratios.mean()
    return (mean if isinstance(mean, float) else math.inf), len(ratios)


def _share_of_another(returns: pl.DataFrame) -> float:
    """At which share of their returns to a value users take another item than the time before."""
    of = ["user", "value"]
    taken = returns.unique([*of, "time"], keep="first", maintain_order=True).sort(*of, "time")
    another = taken.select((pl.col("item") != pl.col("item").shift(1)).over(of)).to_series().drop_nulls()
    share = another.mean()
    return share if isinstance(share, float) else 0.0
