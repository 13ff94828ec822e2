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
from recsys.cf.product import top_k
from recsys.config import CfConfig
from recsys.data.arrays import load_array, load_csr, save_array, save_csr
from recsys.data.history import ItemWeights
from recsys.data.interactions import InteractionLog
from recsys.data.ragged import entries, offsets_of
from recsys.data.user_profiles import UserProfiles
from recsys.retrieval.scores import SparseScores

_PRIOR = 50.0
"""Events of everybody, of usual worth, that are added to those of a group: few events of its own are no evidence."""


@dataclass(frozen=True)
class ProfilePopularity:
    """The probability of an item given the groups of a user, as if each group spoke for itself (naive Bayes).

    With p the share of an item in the popularity of all and n its events in a group of N, a group says
    (n + a p) / (N + a), where a is the prior. An item's score is p times what each group of the user says, over p: a
    group that chooses like everybody changes nothing. Items that no group of the user ever chose have no score.

    Attributes:
        profiles: the groups of users.
        popularity: (n_items,) float32, shares that sum to 1.
        choosers: (n_groups, n_items) int32 CSR: users of the group who chose the item.
        lifts: (n_groups, n_items) CSR: log(1 + n / (a p)).
        sizes: (n_groups,) float32: log(1 + N / a).
    """

    profiles: UserProfiles
    popularity: NDArray[np.float32]
    choosers: sp.csr_matrix
    lifts: sp.csr_matrix
    sizes: NDArray[np.float32]

    @classmethod
    def fit(cls, profiles: UserProfiles, log: InteractionLog, config: CfConfig) -> Self:
        """Learn from a log that is already cut in time; it may be empty. An event fades as in `Popular`."""
        signs = log.positive()
        worth = faded_weights(signs, config)
        popularity = np.bincount(signs.items, worth, minlength=log.n_items)
        rows = profiles.rows_of(signs.user_vocabulary)[signs.users]
        known = rows >= 0
        shape = (len(profiles.users), log.n_items)
        chosen = sp.csr_matrix((worth[known], (rows[known], signs.items[known])), shape=shape)
        members = profiles.groups.members.T
        of_groups, choosers = (members @ chosen).tocsr(), (members @ chosen.astype(bool)).tocsr()
        of_groups.eliminate_zeros()  # of events that have faded away
        of_groups.sort_indices()
        total, scale = max(float(popularity.sum()), np.finfo(float).tiny), len(signs) / _PRIOR
        sizes = np.log1p(np.asarray(of_groups.sum(axis=1)).ravel() / total * scale).astype(np.float32)
        of_groups.data = np.log1p(of_groups.data / popularity[of_groups.indices] * scale).astype(np.float32)
        return cls(profiles, (popularity / total).astype(np.float32), choosers.astype(np.int32), of_groups, sizes)

    def scores(self, rows: NDArray[np.int32]) -> SparseScores:
        """Of all items for users by their rows in `profiles` (n_requests,), -1 for one without a profile."""
        known = np.flatnonzero(rows >= 0)
        groups = self.profiles.groups.members
        places, counts = entries(groups.indptr, rows[known])
        lengths = np.zeros(len(rows), dtype=np.int64)
        lengths[known] = counts
        own = groups.indices[places]
        lifted = SparseScores.of_links(
            ItemWeights(offsets_of(lengths), own, np.ones(len(own), dtype=np.float32)), self.lifts
        )
        sizes = np.bincount(np.repeat(np.arange(len(rows)), lengths), self.sizes[own], minlength=len(rows))
        values = self.popularity[lifted.items] * np.exp(lifted.values - np.repeat(sizes, np.diff(lifted.offsets)))
        return replace(lifted, values=values.astype(np.float32))

    def lift(self, groups: NDArray[np.int32], item: int) -> NDArray[np.float32]:
        """(n_groups,) logarithm of how many times as often as others each group chooses the item."""
        lifts: NDArray[np.float32] = np.asarray(self.lifts[groups, item].todense()).ravel() - self.sizes[groups]
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
        save_array(folder / "sizes.npy", self.sizes)
        save_csr(folder, "choosers", self.choosers)
        save_csr(folder, "lifts", self.lifts)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        popularity, sizes = load_array(folder / "popularity.npy"), load_array(folder / "sizes.npy")
        choosers, lifts = load_csr(folder, "choosers"), load_csr(folder, "lifts")
        return cls(UserProfiles.load(folder), popularity, choosers, lifts, sizes)
