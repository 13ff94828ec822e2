"""What is chosen at this time of the day and on this day of the week: breakfast, lunch, what is for Friday night."""

from collections.abc import Iterator
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys.cf.lifts import lifts_of_groups, lifts_within_kinds
from recsys.cf.model import CollaborativeModel
from recsys.cf.popular import Popular, log_chances, older_and_newest, shares_of_all
from recsys.cf.product import top_k
from recsys.config import CfConfig
from recsys.data.arrays import load_csr, save_csr
from recsys.data.durations import DAY
from recsys.data.groups import Groups
from recsys.data.history import HistoryBatch, ItemWeights
from recsys.data.interactions import NO_TIME, InteractionLog
from recsys.retrieval.scores import SparseScores

_HOURS, _DAYS = 24, 7
_WEEK = _HOURS * _DAYS

_MOST_OF_AN_HOUR = 6_000
_MOST_OF_AN_HOUR_INDEXED = 1_000
"""Items that have a score in an hour of the week, and in a large catalogue."""

_CLEARLY = 0.005
"""By how much an event's mean log-likelihood must be above that of popularity at all times."""

_SIGNIFICANT = 2.0
"""The same, in standard errors."""


class Rhythm(CollaborativeModel):
    """The popularity of each item, times how much likelier than usual it is in each hour of the week (UTC).

    An hour of the day, with the two beside it, and a day of the week are chosen from some times as often as expected,
    see `recsys.cf.lifts`: first each category, then each item beyond what its category lets expect, because few items
    have many events in one hour. What the hour and the day say is multiplied, as if each spoke for itself.

    Attributes:
        scores_of_hours: (169, n_items) float32 CSR, from Monday 0:00, the last row of any hour: the popularity itself,
            and each row sums to what that sums to.
    """

    of_cold_items = "nothing"

    def __init__(self, scores_of_hours: sp.csr_matrix) -> None:
        self.scores_of_hours = scores_of_hours

    @classmethod
    def of(cls, kinds: NDArray[np.int32], log: InteractionLog, config: CfConfig) -> Self:
        """Learn from a log that is already cut in time; it may be empty.

        Args:
            kinds: (n_items,) number of the category of each item, -1 without one.
        """
        rows = [_best_of_an_hour(scores) for scores in _popularity_by_hour(kinds, log, config)]
        of_any_hour = _best_of_an_hour(Popular.fit(log, config).popularity)
        return cls(sp.vstack([*rows, of_any_hour], format="csr"))

    def scores(self, histories: HistoryBatch) -> SparseScores:
        """Those of the moment of each request."""
        return self.scores_at(histories.now)

    def scores_at(self, moments: NDArray[np.int64]) -> SparseScores:
        """Those of moments (n_requests,) in microseconds; `NO_TIME` is for lists that are for any time."""
        hours = np.where(moments == NO_TIME, _WEEK, hours_of_week(moments)).astype(np.int32)
        one_each = ItemWeights(np.arange(len(hours) + 1), hours, np.ones(len(hours), dtype=np.float32))
        return SparseScores.of_links(one_each, self.scores_of_hours)

    def indexed(self, seed: int = 0) -> Self:
        """See `CollaborativeModel`."""
        return type(self)(top_k(self.scores_of_hours, _MOST_OF_AN_HOUR_INDEXED))

    def save(self, folder: Path) -> None:
        """Write the table."""
        folder.mkdir(parents=True, exist_ok=True)
        save_csr(folder, "hours", self.scores_of_hours)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        return cls(load_csr(folder, "hours"))


def has_rhythm(kinds: NDArray[np.int32], log: InteractionLog, config: CfConfig) -> bool:
    """Whether the time of the week tells what is chosen: clearly, and by more than chance.

    What the older signs of interest say of each of the newest ones is compared with what popularity alone says. Signs
    of one user come together, so users are what chance is counted by.

    Args:
        kinds: see `Rhythm.of`.
    """
    older, newer = older_and_newest(log)
    if not len(older):
        return False
    hours, usual = hours_of_week(newer.times), shares_of_all(older, config)
    then = np.empty(len(newer))
    for hour, scores in enumerate(_popularity_by_hour(kinds, older, config)):
        own = hours == hour
        then[own] = scores[newer.items[own]] / scores.sum()
    gains = log_chances(then, log.n_items) - log_chances(usual[newer.items], log.n_items)
    gain = float(np.average(gains, weights=newer.weights))
    _, owners = np.unique(newer.users, return_inverse=True)
    of_users = np.bincount(owners, newer.weights * gains) / newer.weights.sum(dtype=np.float64)  # around no gain
    return gain > max(_CLEARLY, _SIGNIFICANT * float(np.sqrt((of_users**2).sum())))


def _popularity_by_hour(
    kinds: NDArray[np.int32], log: InteractionLog, config: CfConfig
) -> Iterator[NDArray[np.float64]]:
    """Of each hour of the week, from Monday 0:00, the popularity of items (n_items,) then; each sums to what popularity
    sums to, and is 0 where the log has no sign of interest."""
    signs, popularity = log.positive(), Popular.fit(log, config).popularity
    if not len(signs):
        yield from np.zeros((_WEEK, log.n_items))
        return
    groups, chosen = _hours_and_days(), _chosen_in(signs)
    share = np.bincount(signs.items, signs.weights, minlength=log.n_items) / signs.weights.sum(dtype=np.float64)
    n_kinds, known = int(kinds.max(initial=-1)) + 1, np.flatnonzero(kinds >= 0)
    members = sp.csr_matrix((np.ones(len(known)), (known, kinds[known])), shape=(log.n_items, n_kinds))
    lifts = np.zeros((len(groups), n_kinds + 1))  # the last one is of items without a category
    lifts[:, :-1] = lifts_of_groups(groups, chosen @ members, members.T @ share).toarray()
    beyond = lifts_within_kinds(groups, chosen, share, kinds, lifts)
    for hour in range(_WEEK):
        own = [hour % _HOURS, _HOURS + hour // _HOURS]
        scores = popularity * np.exp(lifts[own].sum(axis=0)[kinds] + np.asarray(beyond[own].sum(axis=0)).ravel())
        yield scores * (popularity.sum(dtype=np.float64) / max(scores.sum(), np.finfo(float).tiny))


def hours_of_week(times: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) hours since Monday 0:00 UTC, from 0 to 167, of microseconds (n,); 1970 began on a Thursday."""
    return (times // (DAY // _HOURS) + 3 * _HOURS) % _WEEK


def _best_of_an_hour(scores: NDArray[np.floating]) -> sp.csr_matrix:
    return top_k(sp.csr_matrix(scores.astype(np.float32)), _MOST_OF_AN_HOUR)


def _hours_and_days() -> Groups:
    """The hours of the day, then the days of the week, as groups of the hours of the week."""
    hours = np.arange(_WEEK)
    columns = np.column_stack([hours % _HOURS, _HOURS + hours // _HOURS]).ravel()
    ones = np.ones(2 * _WEEK, dtype=np.float32)
    members = sp.csr_matrix((ones, columns, np.arange(0, 2 * _WEEK + 1, 2)), shape=(_WEEK, _HOURS + _DAYS))
    names = [("hour", str(hour)) for hour in range(_HOURS)] + [("weekday", str(day)) for day in range(_DAYS)]
    return Groups(members, pl.DataFrame(names, {"column": pl.String, "value": pl.String}, orient="row"))


def _chosen_in(signs: InteractionLog) -> sp.csr_matrix:
    """(31, n_items) events of usual worth in each hour of the day and the two beside it, and on each day of the week:
    nobody eats by the clock, and three hours know more than one."""
    hours = hours_of_week(signs.times)
    worth = signs.weights / signs.weights.mean(dtype=np.float64)
    rows = np.concatenate([*((hours + step) % _HOURS for step in (-1, 0, 1)), _HOURS + hours // _HOURS])
    shape = (_HOURS + _DAYS, signs.n_items)
    return sp.csr_matrix((np.tile(worth, 4), (rows, np.tile(signs.items, 4))), shape=shape)
