"""What groups of users chose, and how many times as often as expected: lifts, in which newer choices may count more."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys.arrays.ragged import entries, rows_of_entries
from recsys.cf.alike_lifts import expected_events, lifts_of_values
from recsys.cf.lifts import fitted_priors, with_informative_zeros, with_values
from recsys.cf.popular import faded_weights
from recsys.cf.product import values_at
from recsys.config import CfConfig
from recsys.data.groups.membership import Groups
from recsys.data.log.interactions import InteractionLog
from recsys.data.users.user_profiles import UserProfiles


@dataclass(frozen=True)
class GroupChoices:
    """What the users who have a profile chose.

    Attributes:
        profiles: the groups of users.
        positive: the positive events.
        alike: what the items have in common.
    """

    profiles: UserProfiles
    positive: InteractionLog
    alike: Groups | None

    @cached_property
    def of_users(self) -> sp.csr_matrix:
        """(n_rows, n_items) weights of the events, relative to the mean, by the rows of the profiles."""
        return self._of_users(self._weights)

    @cached_property
    def of_groups(self) -> sp.csr_matrix:
        """(n_groups, n_items) the same."""
        return sp.csr_matrix(self._members @ self.of_users)

    @cached_property
    def shares(self) -> NDArray[np.float64]:
        """(n_items,) share of each item in the events of all users."""
        return self._shares(self._weights)

    @cached_property
    def choosers(self) -> sp.csr_matrix:
        """(n_groups, n_items) int32: users who chose the item when they were in the group."""
        chosen, stages = self.of_users.astype(bool), self.profiles.stages
        if stages is None:
            return sp.csr_matrix(self._members @ chosen, dtype=np.int32)
        rows, members = rows_of_entries(chosen.indptr), self.profiles.groups.members
        indices, counts = entries(members.indptr, rows)
        columns = {
            "user": np.repeat(stages.users[rows], counts),
            "group": members.indices[indices],
            "item": np.repeat(chosen.indices, counts),
        }
        found = pl.DataFrame(columns).unique()  # one who chose it in several stages is one user all the same
        shape, ones = (members.shape[1], chosen.shape[1]), np.ones(len(found), dtype=np.int32)
        return sp.csr_matrix((ones, (found["group"].to_numpy(), found["item"].to_numpy())), shape=shape)

    @cached_property
    def lifts_of_values(self) -> sp.csr_matrix:
        """(n_groups, n_items) lifts by the values of items, see `recsys.cf.alike_lifts`; none without `alike`."""
        if self.alike is None:
            nothing = sp.csr_matrix(0.0 * self.of_groups)
            nothing.eliminate_zeros()
            return nothing
        known, items = self._rows >= 0, self.positive.items
        squares = np.bincount(items[known], self._weights[known] ** 2, minlength=self.positive.n_items)
        return lifts_of_values(self._groups, self.of_users, squares.astype(np.float64), self.shares, self.alike)

    def lifts(self, half_life_days: float | None = None) -> sp.csr_matrix:
        """(n_groups, n_items) lifts of each item by its values, plus those of the item itself beyond its values.

        Args:
            half_life_days: after which a choice counts half in the lifts of items themselves, while all choices
                together count as much as before; None lets all count the same. Priors and the lifts of values do not
                fade.
        """
        unfaded, rows = self._events, rows_of_entries(self._events.indptr)
        events, expected = unfaded.data, self._expected_ever
        if half_life_days is not None:
            faded = faded_weights(self.positive, CfConfig(half_life_days=half_life_days))
            faded *= self._weights.sum() / max(float(faded.sum()), np.finfo(float).tiny)
            lately = self._members @ self._of_users(faded)
            events = values_at(lately, rows, unfaded.indices)
            expected = self._expected(lately, self._shares(faded))
        lifts = with_values(unfaded, np.log((events + self._priors) / (expected + self._priors)))
        return lifts if self.alike is None else sp.csr_matrix(self.lifts_of_values + lifts)

    @cached_property
    def _events(self) -> sp.csr_matrix:
        return with_informative_zeros(self.of_groups, self.shares)

    @cached_property
    def _expected_ever(self) -> NDArray[np.float64]:
        return self._expected(self.of_groups, self.shares)

    @cached_property
    def _priors(self) -> NDArray[np.float64]:
        kinds = self.profiles.groups.columns[rows_of_entries(self._events.indptr)]
        return fitted_priors(self._events.data, self._expected_ever, kinds)

    @cached_property
    def _members(self) -> sp.csr_matrix:
        return self.profiles.choices_of_groups

    @cached_property
    def _groups(self) -> Groups:
        return self.profiles.groups_of_choices

    @cached_property
    def _rows(self) -> NDArray[np.int32]:
        return self.profiles.rows_in(self.positive)

    @cached_property
    def _weights(self) -> NDArray[np.float64]:
        usual = float(self.positive.weights.mean(dtype=np.float64)) if len(self.positive) else 1.0
        return np.asarray(self.positive.weights / usual, dtype=np.float64)

    def _of_users(self, counted: NDArray[np.float64]) -> sp.csr_matrix:
        known = self._rows >= 0
        shape = (self.profiles.groups.members.shape[0], self.positive.n_items)
        return sp.csr_matrix((counted[known], (self._rows[known], self.positive.items[known])), shape=shape)

    def _shares(self, counted: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(self.positive.items, counted, minlength=self.positive.n_items) / max(len(self.positive), 1)

    def _expected(self, chosen: sp.csr_matrix, shares: NDArray[np.float64]) -> NDArray[np.float64]:
        every = sp.csr_matrix(sp.eye(self.positive.n_items, dtype=np.float32))
        return expected_events(chosen, shares, self.lifts_of_values, every, self._events)
