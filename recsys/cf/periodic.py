"""Popularity that depends on the time of a period: of the week, of the year."""

from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys.arrays.npy import load_csr, save_csr
from recsys.cf.lifts import lifts_of_groups, lifts_within_kinds
from recsys.cf.model import CollaborativeModel
from recsys.cf.popular import Popular
from recsys.cf.prediction import is_clear, log_chances, older_and_newest, shares_of_all
from recsys.cf.product import top_k
from recsys.config import CfConfig
from recsys.data.groups.membership import Groups
from recsys.data.log.history import HistoryBatch, ItemWeights
from recsys.data.log.interactions import NO_TIME, InteractionLog
from recsys.retrieval.scores import SparseScores

_MOST_OF_A_TIME = 6_000
_MOST_OF_A_TIME_INDEXED = 1_000
"""Most items that have a score at one time of the period: in a small catalogue, and in a large one."""


class Periodic(CollaborativeModel):
    """The popularity of each item, times how much likelier than usual it is at each time of a period.

    How many times as often as expected something is chosen at a time is found (see `recsys.cf.lifts`) first for each
    category, then for each item beyond its category, because few items have many events at one time. If a time belongs
    to several groups of times, their factors are multiplied.

    Attributes:
        scores_of_times: (n_times + 1, n_items) float32 CSR: a row for each time, in the order of the period, and a last
            one for no particular time, which is the popularity itself. All rows have the sum of the last one.
    """

    of_cold_items = "nothing"

    period: ClassVar[str]
    """What it is called."""

    n_times: ClassVar[int]
    """Times that the period has."""

    least_past: ClassVar[int] = 0
    """Microseconds that a log must reach back, so that it can show whether times differ."""

    _file: ClassVar[str]

    def __init__(self, scores_of_times: sp.csr_matrix) -> None:
        self.scores_of_times = scores_of_times

    @staticmethod
    @abstractmethod
    def times_of(moments: NDArray[np.int64]) -> NDArray[np.int64]:
        """(n,) the times of the period, from 0, of moments (n,) in microseconds."""

    @classmethod
    @abstractmethod
    def groups(cls) -> Groups:
        """The groups of the times of the period."""

    @classmethod
    @abstractmethod
    def chosen(cls, positive: InteractionLog) -> sp.csr_matrix:
        """(n_groups, n_items) weights of the events, relative to the mean, in each group of times."""

    @classmethod
    def popularity(cls, log: InteractionLog, config: CfConfig) -> NDArray[np.float32]:
        """(n_items,) popularity without regard to the time of the period."""
        return Popular.fit(log, config).popularity

    @classmethod
    def of(cls, kinds: NDArray[np.int32], log: InteractionLog, config: CfConfig) -> Self:
        """Learn from a log that is already cut in time; it may be empty.

        Args:
            kinds: (n_items,) number of the category of each item, -1 without one.
        """
        rows = [_best_of_a_time(scores) for scores in cls._popularities(kinds, log, config)]
        return cls(sp.vstack([*rows, _best_of_a_time(cls.popularity(log, config))], format="csr"))

    @classmethod
    def is_informative(cls, kinds: NDArray[np.int32], log: InteractionLog, config: CfConfig) -> bool:
        """Whether knowing the time predicts what is chosen better than popularity does: clearly, and by more than
        chance.

        The newest positive events are predicted from the older ones, with the time and by popularity alone. Events of
        one user are correlated, so the standard error is over users.

        Args:
            kinds: see `of`.
        """
        older, newer = older_and_newest(log)
        if not len(older) or newer.times[0] - older.times[0] < cls.least_past:
            return False
        times, usual = cls.times_of(newer.times), shares_of_all(older, config)
        then = np.empty(len(newer))
        for time, scores in enumerate(cls._popularities(kinds, older, config)):
            own = times == time
            then[own] = scores[newer.items[own]] / scores.sum()
        gains = log_chances(then, log.n_items) - log_chances(usual[newer.items], log.n_items)
        gain = float(np.average(gains, weights=newer.weights))
        _, owners = np.unique(newer.users, return_inverse=True)
        of_users = np.bincount(owners, newer.weights * gains) / newer.weights.sum(dtype=np.float64)  # around no gain
        return is_clear(gain, float(np.sqrt((of_users**2).sum())))

    def scores(self, histories: HistoryBatch) -> SparseScores:
        """The scores at the moment of each request."""
        return self.scores_at(histories.now, histories.now)

    def scores_at(self, moments: NDArray[np.int64], now: NDArray[np.int64]) -> SparseScores:
        """The scores at the moment that each list is for.

        Args:
            moments: (n_requests,) microseconds; `NO_TIME` for a list that is for any time.
            now: (n_requests,) microseconds of the requests themselves.
        """
        times = np.where(moments == NO_TIME, self.n_times, self.times_of(moments)).astype(np.int32)
        one_each = ItemWeights(np.arange(len(times) + 1), times, np.ones(len(times), dtype=np.float32))
        return SparseScores.of_links(one_each, self.scores_of_times)

    def indexed(self, seed: int = 0) -> Self:
        """See `CollaborativeModel`."""
        return type(self)(top_k(self.scores_of_times, _MOST_OF_A_TIME_INDEXED))

    def save(self, folder: Path) -> None:
        """Write the table."""
        folder.mkdir(parents=True, exist_ok=True)
        save_csr(folder, self._file, self.scores_of_times)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        return cls(load_csr(folder, cls._file))

    @classmethod
    def _popularities(
        cls, kinds: NDArray[np.int32], log: InteractionLog, config: CfConfig
    ) -> Iterator[NDArray[np.float64]]:
        """Of each time of the period the popularity of items (n_items,) then; each sums to what popularity sums to, and
        is 0 where the log has no positive event."""
        positive, popularity = log.positive(), cls.popularity(log, config)
        if not len(positive):
            yield from np.zeros((cls.n_times, log.n_items))
            return
        groups, chosen = cls.groups(), cls.chosen(positive)
        weights = np.bincount(positive.items, positive.weights, minlength=log.n_items)
        share = weights / positive.weights.sum(dtype=np.float64)
        n_kinds, known = int(kinds.max(initial=-1)) + 1, np.flatnonzero(kinds >= 0)
        members = sp.csr_matrix((np.ones(len(known)), (known, kinds[known])), shape=(log.n_items, n_kinds))
        lifts = np.zeros((len(groups), n_kinds + 1))  # the last one is of items without a category
        lifts[:, :-1] = lifts_of_groups(groups, chosen @ members, members.T @ share).toarray()
        beyond = lifts_within_kinds(groups, chosen, share, kinds, lifts)
        for time in range(cls.n_times):
            own = groups.members.indices[groups.members.indptr[time] : groups.members.indptr[time + 1]]
            scores = popularity * np.exp(lifts[own].sum(axis=0)[kinds] + np.asarray(beyond[own].sum(axis=0)).ravel())
            yield scores * (popularity.sum(dtype=np.float64) / max(scores.sum(), np.finfo(float).tiny))


def groups_of_times(columns: NDArray[np.int64], names: list[tuple[str, str]]) -> Groups:
    """Groups of times.

    Args:
        columns: (n_times, n) the groups that each time is in, increasing.
        names: (n_groups,) what each group is of, and which.
    """
    n_times, n_each = columns.shape
    ones, offsets = np.ones(columns.size, dtype=np.float32), np.arange(0, columns.size + 1, n_each)
    members = sp.csr_matrix((ones, columns.ravel(), offsets), shape=(n_times, len(names)))
    return Groups(members, pl.DataFrame(names, {"column": pl.String, "value": pl.String}, orient="row"))


def chosen_around(
    positive: InteractionLog, times: NDArray[np.int64], n_times: int
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Weights of the events, relative to the mean. Each event counts at its time (n,), out of `n_times` in a ring, and
    at the two beside it: nobody lives by the clock, and three times have more events than one.

    Returns:
        (3 n,) weights of the events, and their times and items.
    """
    weights = positive.weights / positive.weights.mean(dtype=np.float64)
    around = np.concatenate([(times + step) % n_times for step in (-1, 0, 1)])
    return np.tile(weights, 3), around, np.tile(positive.items, 3).astype(np.int64)


def _best_of_a_time(scores: NDArray[np.floating]) -> sp.csr_matrix:
    return top_k(sp.csr_matrix(scores.astype(np.float32)), _MOST_OF_A_TIME)
