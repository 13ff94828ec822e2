"""What users with the same value in the user table choose: those of one town, one age, one plan."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys.arrays.npy import load_array, load_csr, save_array, save_csr
from recsys.arrays.ragged import entries, offsets_of, rows_of_entries
from recsys.cf.alike_lifts import lifts_with_alike
from recsys.cf.categories import MOST_OF_A_GROUP
from recsys.cf.lifts import lifts_of_groups
from recsys.cf.pair_lifts import lifts_of_pairs, pairs_of
from recsys.cf.popular import faded_weights
from recsys.cf.product import top_k, values_at
from recsys.config import CfConfig
from recsys.data.groups.membership import Groups
from recsys.data.history import ItemWeights
from recsys.data.interactions import InteractionLog
from recsys.data.user_profiles import UserProfiles
from recsys.retrieval.scores import SparseScores

_ADDED = 1.0
"""Events of usual worth that are added to those of each item whose values tell something: where items come and go, one
that was chosen twice is hardly twice as wanted as one that was chosen once."""


@dataclass(frozen=True)
class ProfilePopularity:
    """The probability of an item given the groups of a user.

    Each group has chosen an item some times as often as expected, (n + a) / (e + a) with n events, e expected ones and
    the prior a (DuMouchel, The American Statistician 53, 1999). An item's probability is its share in the popularity
    of all times what each group of the user says, as if each spoke for itself (naive Bayes), times what each two groups
    of different columns say together: for them what is expected is what they say apart. So a column without information
    changes nothing, and effects may differ, such as that of the age between men and women. Items that no group of the
    user tells from others have no score.

    Where items have something in common (a town, a category, a level of prices), groups choose values some times as
    often as expected, and items only beyond what their values let expect: so items with the same values tell of one
    that nobody chose yet.

    Attributes:
        profiles: the groups of users.
        popularity: (n_items,) float32, shares that sum to 1; above 0 for what nobody chose, if its values tell of it.
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
        """Learn from a log that is already cut in time; it may be empty. Popularity fades as in `Popular`, what groups
        choose does not: who looks at flats of a town does so however soon a flat is gone.

        Args:
            alike: what the items have in common.
        """
        signs = log.positive()
        faded = faded_weights(signs, config)
        total = max(float(faded.sum()), np.finfo(float).tiny)
        popularity = np.bincount(signs.items, faded, minlength=log.n_items) / total
        usual = float(signs.weights.mean(dtype=np.float64)) if len(signs) else 1.0
        worth = signs.weights / usual
        share = np.bincount(signs.items, worth, minlength=log.n_items) / max(len(signs), 1)
        rows = profiles.rows(signs.user_vocabulary)[signs.users]
        known = rows >= 0
        counted, items = worth[known], signs.items[known]
        chosen = sp.csr_matrix((counted, (rows[known], items)), shape=(len(profiles.users), log.n_items))
        members = profiles.groups.members.T.tocsr()
        if alike is None:
            lifts = lifts_of_groups(profiles.groups, members @ chosen, share)
        else:
            squares = np.bincount(items, counted**2, minlength=log.n_items).astype(np.float64)
            lifts, of_columns = lifts_with_alike(profiles.groups, chosen, squares, share, alike)
            told = np.bincount(of_columns.indices, minlength=log.n_items) > 0
            popularity = popularity + _ADDED * usual / total * told
            popularity /= max(float(popularity.sum()), np.finfo(float).tiny)
        pairs, of_pairs = lifts_of_pairs(profiles.groups, chosen, share, lifts)
        choosers = (members @ chosen.astype(bool)).tocsr().astype(np.int32)
        return cls(profiles, popularity.astype(np.float32), choosers, lifts, pairs, of_pairs)

    def scores(self, rows: NDArray[np.int32]) -> SparseScores:
        """The scores of all items for users: `rows` (n_requests,) in `profiles`, -1 for one without a profile."""
        known = np.flatnonzero(rows >= 0)
        groups = self.profiles.groups.members
        places, counts = entries(groups.indptr, rows[known])
        lengths = np.zeros(len(rows), dtype=np.int64)
        lengths[known] = counts
        lifted = _summed(lengths, groups.indices[places], self.lifts)
        of = rows_of_entries(lifted.offsets)
        lifts = lifted.values + self._scores_of_pairs(rows).of(of, lifted.items)
        popularity = self.popularity[lifted.items]
        values = popularity * np.exp(lifts)
        unlifted = 1 - np.bincount(of, popularity, minlength=len(rows))
        values /= (np.bincount(of, values, minlength=len(rows)) + unlifted)[of]  # they sum to 1
        return replace(lifted, values=values.astype(np.float32))

    def _scores_of_pairs(self, rows: NDArray[np.int32]) -> SparseScores:
        users, pairs = pairs_of(self.profiles.groups, rows)
        places = np.searchsorted(self.pairs, pairs)
        known = places < len(self.pairs)
        known[known] = self.pairs[places[known]] == pairs[known]
        return _summed(np.bincount(users[known], minlength=len(rows)), places[known], self.lifts_of_pairs)

    def lift(self, groups: NDArray[np.int32], item: int) -> NDArray[np.float32]:
        """(n_groups,) logarithm of how many times as often as expected each group chose the item."""
        lifts: NDArray[np.float32] = np.asarray(self.lifts[groups, item].todense()).ravel()
        return lifts

    def rows(self, ids: Iterable[str | None]) -> NDArray[np.int32]:
        """See `UserProfiles.rows`."""
        return self.profiles.rows(ids)

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


def _summed(counts: NDArray[np.int64], places: NDArray[np.integer], lifts: sp.csr_matrix) -> SparseScores:
    """For each request the sum of `counts` (n_requests,) rows of `lifts`; `places` holds their numbers, one by one."""
    own = places.astype(np.int32)
    return SparseScores.of_links(ItemWeights(offsets_of(counts), own, np.ones(len(own), dtype=np.float32)), lifts)
