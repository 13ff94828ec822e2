"""What users of whom the user table says the same choose: those of one town, one age, one plan."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys.cf.categories import MOST_OF_A_GROUP
from recsys.cf.popular import faded_weights
from recsys.cf.product import top_k, values_of_product
from recsys.config import CfConfig
from recsys.data.arrays import load_array, load_csr, save_array, save_csr
from recsys.data.history import ItemWeights
from recsys.data.interactions import InteractionLog
from recsys.data.ragged import entries, offsets_of
from recsys.data.user_profiles import UserProfiles
from recsys.retrieval.scores import SparseScores

_PRIOR = 1.0
"""Events that are added to those of a group with an item, and to those expected of it: one is no evidence."""

_PRIOR_OF_PAIRS = 20.0
"""The same of those who are in two groups: there are many pairs, and most do as the two groups do."""

_LITTLE = 0.1
"""What a pair says of an item that is no more than this, as of one or two events, is left out: most would be such."""

_EXPECTED = 0.25
"""Events expected of a group with an item from which on it tells something that there are none."""

_CROSSED = 6
"""Columns, from the left, whose values are crossed: pairs grow with the square of it."""

_MOST_EVENTS_OF_PAIRS = 3_000_000
"""Of the largest pairs, that are looked at: time and memory of a training stay small."""

_USERS_OF_A_BLOCK = 50_000


@dataclass(frozen=True)
class ProfilePopularity:
    """The probability of an item given the groups of a user.

    Each group has chosen an item some times as often as expected, (n + a) / (e + a) with n events, e expected ones and
    the prior a (DuMouchel, The American Statistician 53, 1999). An item's probability is its share in the popularity
    of all times what each group of the user says, as if each spoke for itself (naive Bayes), times what each two groups
    of different columns say together: for them what is expected is what they say apart. So a column that tells nothing
    changes nothing, and men and women may grow old in different ways. Items that no group of the user tells from
    others have no score.

    Attributes:
        profiles: the groups of users.
        popularity: (n_items,) float32, shares that sum to 1.
        choosers: (n_groups, n_items) int32 CSR: users of the group who chose the item.
        lifts: (n_groups, n_items) CSR: log((n + a) / (e + a)), where n is above 0 or e is large.
        pairs: (n_pairs,) of two groups, see `_pairs_of`, in order.
        lifts_of_pairs: (n_pairs, n_items) CSR: the same of those who are in both.
    """

    profiles: UserProfiles
    popularity: NDArray[np.float32]
    choosers: sp.csr_matrix
    lifts: sp.csr_matrix
    pairs: NDArray[np.int64]
    lifts_of_pairs: sp.csr_matrix

    @classmethod
    def fit(cls, profiles: UserProfiles, log: InteractionLog, config: CfConfig) -> Self:
        """Learn from a log that is already cut in time; it may be empty. An event fades as in `Popular`."""
        signs = log.positive()
        worth = faded_weights(signs, config)
        total = max(float(worth.sum()), np.finfo(float).tiny)
        popularity = np.bincount(signs.items, worth, minlength=log.n_items) / total
        rows = profiles.rows_of(signs.user_vocabulary)[signs.users]
        known = rows >= 0
        shape = (len(profiles.users), log.n_items)
        # In events of usual worth.
        chosen = sp.csr_matrix((worth[known] * len(signs) / total, (rows[known], signs.items[known])), shape=shape)
        members = profiles.groups.members.T.tocsr()
        lifts = _lifts(members @ chosen, popularity)
        pairs, lifts_of_pairs = _lifts_of_pairs(profiles, chosen, popularity, lifts)
        choosers = (members @ chosen.astype(bool)).tocsr().astype(np.int32)
        return cls(profiles, popularity.astype(np.float32), choosers, lifts, pairs, lifts_of_pairs)

    def scores(self, rows: NDArray[np.int32]) -> SparseScores:
        """Of all items for users by their rows in `profiles` (n_requests,), -1 for one without a profile."""
        known = np.flatnonzero(rows >= 0)
        groups = self.profiles.groups.members
        places, counts = entries(groups.indptr, rows[known])
        lengths = np.zeros(len(rows), dtype=np.int64)
        lengths[known] = counts
        lifted = _summed(lengths, groups.indices[places], self.lifts)
        of = np.repeat(np.arange(len(rows)), np.diff(lifted.offsets))
        lifts = lifted.values + self._scores_of_pairs(rows).of(of, lifted.items)
        popularity = self.popularity[lifted.items]
        values = popularity * np.exp(lifts)
        unlifted = 1 - np.bincount(of, popularity, minlength=len(rows))
        values /= (np.bincount(of, values, minlength=len(rows)) + unlifted)[of]  # they sum to 1
        return replace(lifted, values=values.astype(np.float32))

    def _scores_of_pairs(self, rows: NDArray[np.int32]) -> SparseScores:
        users, pairs = _pairs_of(self.profiles, rows)
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
        """This model for a large catalogue: of each group only the items that it lifts most."""
        return replace(self, lifts=top_k(self.lifts, MOST_OF_A_GROUP))

    def without(self, digests: Collection[str]) -> Self:
        """The same without users who are to be forgotten, see `UserProfiles.without`."""
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
    """For each request the sum of `counts` (n_requests,) rows; their numbers are in `places`, in this order."""
    own = places.astype(np.int32)
    return SparseScores.of_links(ItemWeights(offsets_of(counts), own, np.ones(len(own), dtype=np.float32)), lifts)


def _lifts(chosen: sp.csr_matrix, popularity: NDArray[np.float64]) -> sp.csr_matrix:
    """Of the events of groups (n_groups, n_items), where as many are expected of an item as everybody chooses it."""
    places = _telling(chosen, popularity)
    sizes = np.asarray(chosen.sum(axis=1)).ravel()
    expected = sizes[_rows(places)] * popularity[places.indices]
    return _with(places, np.log((places.data + _PRIOR) / (expected + _PRIOR)))


def _lifts_of_pairs(
    profiles: UserProfiles, chosen: sp.csr_matrix, popularity: NDArray[np.float64], lifts: sp.csr_matrix
) -> tuple[NDArray[np.int64], sp.csr_matrix]:
    """The pairs, and of their events those where as many are expected as the two groups say apart.

    Args:
        chosen: (n_users, n_items) events of users.
        lifts: of the groups.
    """
    users, numbers = _pairs_of_many(profiles, np.flatnonzero(np.diff(chosen.indptr)).astype(np.int32))
    pairs, places = np.unique(numbers, return_inverse=True)
    sizes = np.bincount(places, np.asarray(chosen.sum(axis=1)).ravel()[users], minlength=len(pairs))
    largest = np.argsort(-sizes, kind="stable")
    kept = np.sort(largest[np.cumsum(sizes[largest]) <= _MOST_EVENTS_OF_PAIRS])
    row_of = np.full(len(pairs), -1)
    row_of[kept] = np.arange(len(kept))
    among = row_of[places] >= 0
    shape = (len(kept), chosen.shape[0])
    members = sp.csr_matrix((np.ones(int(among.sum())), (row_of[places[among]], users[among])), shape=shape)
    told = _telling(members @ chosen, popularity)
    first, second = np.divmod(pairs[kept], len(profiles.groups))
    # The sum of p f g over all items, with f and g the exponents of the lifts of the two groups, which are 1 elsewhere.
    over = _with(lifts, np.expm1(lifts.data))
    shares = sp.csr_matrix(over.multiply(popularity))
    gained = np.asarray(shares.sum(axis=1)).ravel()
    at = sp.csr_matrix((np.ones(len(kept)), (first, second)), shape=(len(profiles.groups), len(profiles.groups)))
    totals = 1 + gained[first] + gained[second] + values_of_product(shares, over.T.tocsr(), at)
    rows = _rows(told)
    if not len(rows):
        return pairs[kept], _with(told, told.data)
    apart = [np.asarray(lifts[of[rows], told.indices]).ravel() for of in (first, second)]
    expected = (sizes[kept] / totals)[rows] * popularity[told.indices] * np.exp(apart[0] + apart[1])
    lifted = np.log((told.data + _PRIOR_OF_PAIRS) / (expected + _PRIOR_OF_PAIRS))
    lifts_of_pairs = _with(told, np.where(np.abs(lifted) < _LITTLE, 0, lifted))
    lifts_of_pairs.eliminate_zeros()
    return pairs[kept], lifts_of_pairs


def _telling(chosen: sp.csr_matrix, popularity: NDArray[np.float64]) -> sp.csr_matrix:
    """The events of groups (n_groups, n_items), with an entry, of nearly 0, also where some would be expected by the
    popularity of the item, and there are none."""
    best = np.argsort(-popularity, kind="stable")
    sizes = np.asarray(chosen.sum(axis=1)).ravel()
    needed = np.divide(_EXPECTED, sizes, out=np.full(len(sizes), np.inf), where=sizes > 0)
    counts = np.searchsorted(-popularity[best], -needed, side="right")
    ends = offsets_of(counts)
    items = best[np.arange(ends[-1]) - np.repeat(ends[:-1], counts)]
    nearly = np.full(len(items), np.finfo(np.float64).tiny)
    expected = sp.csr_matrix((nearly, items, ends), shape=chosen.shape)
    told = sp.csr_matrix(chosen + expected)
    told.sort_indices()
    return told


def _with(places: sp.csr_matrix, values: NDArray[np.float64]) -> sp.csr_matrix:
    """A matrix with the same entries and other values."""
    return sp.csr_matrix((values.astype(np.float32), places.indices, places.indptr), shape=places.shape)


def _rows(matrix: sp.csr_matrix) -> NDArray[np.int64]:
    """(nnz,) the row of each entry."""
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))


def _pairs_of_many(profiles: UserProfiles, rows: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The same as `_pairs_of`, with rows for places, a block after the other: what it needs meanwhile stays small."""
    users, pairs = [np.zeros(0, dtype=np.int32)], [np.zeros(0, dtype=np.int64)]
    for start in range(0, len(rows), _USERS_OF_A_BLOCK):
        block = rows[start : start + _USERS_OF_A_BLOCK]
        places, found = _pairs_of(profiles, block)
        users.append(block[places])
        pairs.append(found)
    return np.concatenate(users), np.concatenate(pairs)


def _pairs_of(profiles: UserProfiles, rows: NDArray[np.int32]) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Each two groups of different columns that a user is in.

    Args:
        rows: (n,) of users in `profiles`, -1 for one without a profile.

    Returns:
        (n_found,) the place of the user in `rows`, increasing, and (n_found,) the pair: its first group * the number of
        groups + its second one.
    """
    groups, columns = profiles.groups, profiles.groups.columns
    known = np.flatnonzero(rows >= 0)
    places, counts = entries(groups.members.indptr, rows[known])
    own, of = groups.members.indices[places].astype(np.int64), np.repeat(known, counts)
    crossed = columns[own] < _CROSSED
    own, of = own[crossed], of[crossed]
    offsets = offsets_of(np.bincount(of, minlength=len(rows)))
    seconds, counts = entries(offsets, of)
    first, second, users = np.repeat(own, counts), own[seconds], np.repeat(of, counts)
    pair = (first < second) & (columns[first] != columns[second])
    return users[pair], first[pair] * len(groups) + second[pair]
