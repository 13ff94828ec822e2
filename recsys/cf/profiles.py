"""What users with the same value in the user table choose: those of one town, one age, one plan."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from recsys.arrays.npy import load_array, load_csr, save_array, save_csr
from recsys.arrays.ragged import entries, offsets_of, rows_of_entries
from recsys.cf.categories import MOST_OF_A_GROUP
from recsys.cf.group_choices import GroupChoices
from recsys.cf.pair_lifts import lifts_of_pairs, pairs_of
from recsys.cf.popular import faded_weights
from recsys.cf.prediction import is_clear, log_chances, older_and_newest, shares_of_all
from recsys.cf.product import top_k, values_at
from recsys.config import CfConfig
from recsys.data.groups.membership import Groups
from recsys.data.log.history import ItemWeights
from recsys.data.log.interactions import InteractionLog
from recsys.data.users.user_profiles import UserProfiles
from recsys.moments import DAY
from recsys.retrieval.scores import SparseScores
from recsys.significance import standard_error

_ADDED = 1.0
"""Events of mean weight that are added to those of each item whose values have lifts: where items come and go, one that
was chosen twice is hardly twice as wanted as one that was chosen once."""

_LENGTHS = (100.0, 365.0)
"""Lengths of the past that are tried, days: what groups choose is learned from the choices of that time only."""

_HALF_LIVES = (10.0, 30.0, 100.0)
"""Half-lives that are tried, days: a choice of an item by a group counts half after so long."""

_MOST_ASKED = 2_000
"""At most so many of the newest choices, evenly spread, judge the lengths and the half-lives."""

_ASKED_AT_ONCE = 256


@dataclass(frozen=True)
class ProfilePopularity:
    """The probability of an item given the groups of a user.

    Each group has chosen an item some times as often as expected: (n + a) / (e + a) with n events, e expected ones and
    the prior a (DuMouchel, The American Statistician 53, 1999). The probability of an item is its share of the
    popularity among all users, times this factor for each group of the user, as if the groups were independent (naive
    Bayes), times a factor for each two groups of different columns: how far the two together depart from the product of
    their own factors. So a column without information changes nothing, and effects may interact, as that of age may
    differ between men and women. Items for which no group of the user makes a difference have no score.

    Where items have something in common (a town, a category, a level of prices), factors are first learned for these
    values, and for a single item only as far as it departs from its values. So an item that nobody chose yet is scored
    by those with the same values.

    Attributes:
        profiles: the groups of users.
        popularity: (n_items,) float32, shares that sum to 1; above 0 also for an item that nobody chose, if some group
            has a lift for its values.
        choosers: (n_groups, n_items) int32 CSR: users of the group who chose the item.
        lifts: (n_groups, n_items) CSR: log((n + a) / (e + a)), where n is above 0 or e is large.
        pairs: (n_pairs,) of two groups, see `pairs_of`, in order.
        lifts_of_pairs: (n_pairs, n_items) CSR: the same of those who are in both.
    """

    profiles: UserProfiles
    popularity: NDArray[np.float32]
    choosers: sp.csr_matrix
    lifts: sp.csr_matrix
    pairs: NDArray[np.int64]
    lifts_of_pairs: sp.csr_matrix

    @classmethod
    def fit(cls, profiles: UserProfiles, log: InteractionLog, config: CfConfig, alike: Groups | None = None) -> Self:
        """Learn from a log that is already cut in time; it may be empty.

        Popularity fades as in `Popular`. What groups choose does not fade (people who look at flats of a town do so
        however soon a flat is gone), unless fading predicts the newest tenth of the log better. There are two ways to
        fade. Only the choices of the last days may count, as where children grow; and of these, newer choices of single
        items may count more, as where people take what their colleagues took lately.

        Args:
            alike: what the items have in common.
        """
        positive, (older, newest) = log.positive(), older_and_newest(log)
        lengths = [None, *(days for days in _LENGTHS if _newest_of(older, days) is not older)]
        past = {days: GroupChoices(profiles, _newest_of(older, days), alike) for days in lengths}
        models = {days: cls._of(choices, older, config) for days, choices in past.items()}
        length = _best_predicting(models, newest)
        fading = {days: replace(models[length], lifts=past[length].lifts(days)) for days in (None, *_HALF_LIVES)}
        half_life = _best_predicting(fading, newest)

        choices = GroupChoices(profiles, _newest_of(positive, length), alike)
        model = cls._of(choices, positive, config)
        pairs, of_pairs = lifts_of_pairs(profiles.groups, choices.of_users, choices.shares, model.lifts)
        lifts = model.lifts if half_life is None else choices.lifts(half_life)
        choosers = GroupChoices(profiles, positive, None).choosers
        return replace(model, choosers=choosers, lifts=lifts, pairs=pairs, lifts_of_pairs=of_pairs)

    @classmethod
    def _of(cls, choices: GroupChoices, positive: InteractionLog, config: CfConfig) -> Self:
        """The model without pairs, in which all `choices` count alike; popularity is that of `positive`."""
        popularity = shares_of_all(positive, config)
        if choices.alike is not None:
            has_lifts = np.bincount(choices.lifts_of_values.indices, minlength=positive.n_items) > 0
            usual = float(positive.weights.mean(dtype=np.float64)) if len(positive) else 1.0
            total = max(float(faded_weights(positive, config).sum()), np.finfo(float).tiny)
            popularity += _ADDED * usual / total * has_lifts
            popularity /= max(float(popularity.sum()), np.finfo(float).tiny)
        none = sp.csr_matrix(np.zeros((0, positive.n_items), dtype=np.float32))
        shares = popularity.astype(np.float32)
        return cls(choices.profiles, shares, choices.choosers, choices.lifts(), np.zeros(0, np.int64), none)

    def scores(self, rows: NDArray[np.int32]) -> SparseScores:
        """The scores of items for users, given by their `rows` (n_requests,) in `profiles`: -1 without a profile."""
        known = np.flatnonzero(rows >= 0)
        groups = self.profiles.groups.members
        indices, counts = entries(groups.indptr, rows[known])
        lengths = np.zeros(len(rows), dtype=np.int64)
        lengths[known] = counts
        lifted = _summed(lengths, groups.indices[indices], self.lifts)
        of = rows_of_entries(lifted.offsets)
        lifts = lifted.values + self._scores_of_pairs(rows).of(of, lifted.items)
        popularity = self.popularity[lifted.items]
        values = popularity * np.exp(lifts)
        unlifted = 1 - np.bincount(of, popularity, minlength=len(rows))
        values /= (np.bincount(of, values, minlength=len(rows)) + unlifted)[of]  # they sum to 1
        return replace(lifted, values=values.astype(np.float32))

    def _scores_of_pairs(self, rows: NDArray[np.int32]) -> SparseScores:
        users, pairs = pairs_of(self.profiles.groups, rows)
        indices = np.searchsorted(self.pairs, pairs)
        known = indices < len(self.pairs)
        known[known] = self.pairs[indices[known]] == pairs[known]
        return _summed(np.bincount(users[known], minlength=len(rows)), indices[known], self.lifts_of_pairs)

    def lift(self, groups: NDArray[np.int32], item: int) -> NDArray[np.float32]:
        """(n_groups,) logarithm of how many times as often as expected each group chose the item."""
        lifts: NDArray[np.float32] = np.asarray(self.lifts[groups, item].todense()).ravel()
        return lifts

    def rows(self, ids: Iterable[str | None], times: ArrayLike) -> NDArray[np.int32]:
        """See `UserProfiles.rows`."""
        return self.profiles.rows(ids, times)

    def indexed(self) -> Self:
        """This model for a large catalogue: of each group only the items that gain most probability by it."""
        lifts = self.lifts
        gained = sp.csr_matrix(
            (np.expm1(lifts.data) * self.popularity[lifts.indices], lifts.indices, lifts.indptr), shape=lifts.shape
        )
        kept = top_k(gained, MOST_OF_A_GROUP)
        kept.data = values_at(lifts, rows_of_entries(kept.indptr), kept.indices)
        return replace(self, lifts=kept)

    def without(self, digests: Collection[str]) -> Self:
        """This model without users who are to be forgotten, see `UserProfiles.without`."""
        return replace(self, profiles=self.profiles.without(digests))

    def save(self, folder: Path) -> None:
        """Write all parts."""
        folder.mkdir(parents=True, exist_ok=True)
        self.profiles.save(folder)
        save_array(folder / "popularity.npy", self.popularity)
        save_array(folder / "pairs.npy", self.pairs)
        save_csr(folder, "choosers", self.choosers)
        save_csr(folder, "lifts", self.lifts)
        save_csr(folder, "lifts_of_pairs", self.lifts_of_pairs)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        popularity, pairs = load_array(folder / "popularity.npy"), load_array(folder / "pairs.npy")
        choosers, lifts, of_pairs = (load_csr(folder, name) for name in ("choosers", "lifts", "lifts_of_pairs"))
        return cls(UserProfiles.load(folder), popularity, choosers, lifts, pairs, of_pairs)


def _newest_of(positive: InteractionLog, days: float | None) -> InteractionLog:
    """The positive events of the last so many days; with None, all of them."""
    if days is None or not len(positive) or positive.times[0] > (since := int(positive.times[-1] - days * DAY)):
        return positive
    return positive.select(positive.times > since)


def _best_predicting(models: Mapping[float | None, ProfilePopularity], newest: InteractionLog) -> float | None:
    """The key of the model that predicts the newest choices best; None, the key of the usual model, unless the best one
    is clearly better, and by more than chance."""
    rows = models[None].profiles.rows_in(newest)
    known = np.flatnonzero(rows >= 0)
    asked = known[np.linspace(0, len(known) - 1, min(len(known), _MOST_ASKED)).astype(np.int64)]
    if not len(asked) or len(models) == 1:
        return None

    def chances(model: ProfilePopularity) -> NDArray[np.float64]:
        found = np.empty(len(asked), dtype=np.float64)
        for start in range(0, len(asked), _ASKED_AT_ONCE):
            block = asked[start : start + _ASKED_AT_ONCE]
            shares = model.scores(rows[block]).of(np.arange(len(block)), newest.items[block])
            found[start : start + len(block)] = log_chances(shares.astype(np.float64), newest.n_items)
        return found

    usual = chances(models[None])
    gains = {key: chances(model) - usual for key, model in models.items() if key is not None}
    best = max(gains, key=lambda key: float(gains[key].mean()))
    return best if is_clear(float(gains[best].mean()), standard_error(gains[best])) else None


def _summed(counts: NDArray[np.int64], indices: NDArray[np.integer], lifts: sp.csr_matrix) -> SparseScores:
    """For each request the sum of `counts` (n_requests,) rows of `lifts`; `indices` holds their numbers, one by one."""
    own = indices.astype(np.int32)
    return SparseScores.of_links(ItemWeights(offsets_of(counts), own, np.ones(len(own), dtype=np.float32)), lifts)
