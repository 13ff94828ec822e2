"""Lifts of items by what they have in common: what a group chooses says something of similar items that it never
met."""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys.arrays.ragged import rows_of_entries
from recsys.cf.lifts import TINY, fitted_lifts, with_informative_zeros, with_values, without_negligible
from recsys.cf.product import top_k, top_k_product, values_of_product
from recsys.data.groups.membership import Groups

_MOST_ENTRIES = 1_000_000
"""Where groups and items have more pairs than this, each group keeps only the items that gain most by their values."""

_ADDED = 1.0
"""Events that are added to both the observed and the expected ones of a value that users and items share."""

_PARTS_OF_SUMS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Parts of the lifts of a column that are tried, each for all items: several values of one item may say the same."""


def lifts_of_values(
    groups: Groups,
    events: sp.csr_matrix,
    squares: NDArray[np.float64],
    popularity: NDArray[np.float64],
    alike: Groups,
) -> sp.csr_matrix:
    """Lifts of items by their values: what a group chooses among the items that it met says what it would choose among
    similar ones that it hardly met.

    The columns of the items are taken one after the other. The lift of a value says how many times as often a group
    chooses items with that value as the columns before it lead to expect. If values of a column are also values of
    users (the machine that a part fits and the one that a user has; what a dish contains and what a user must not eat),
    one lift of all such matches with a column of users comes before the lifts of single values: there are few events of
    one machine, and many that show whether parts have to fit. The lifts of an item's values in a column are summed, and
    of these sums one part, the same for all items, is taken: the one that makes the events likeliest, because several
    values of an item may say the same. Events of one user with one value are not independent: the more of them there
    are, the less each counts (Kish's design effect).

    The number of entries is bounded, see `_MOST_ENTRIES`.

    Args:
        events: (n_users, n_items) events of users.
        squares: (n_items,) over the events of each item, the sum of the squares of what they count.
        popularity: see `lifts_of_groups`.
        alike: the groups of the items.

    Returns:
        (n_groups, n_items), also of items that nobody chose.
    """
    chosen, most = sp.csr_matrix(groups.members.T @ events), _MOST_ENTRIES // max(len(groups), 1)
    of_columns = sp.csr_matrix(0.0 * chosen)
    of_columns.eliminate_zeros()

    def with_further(before: sp.csr_matrix, lifts: sp.csr_matrix, members: sp.csr_matrix) -> sp.csr_matrix:
        further = _product(without_negligible(lifts), sp.csr_matrix(members.T), most)
        summed = _likeliest_sum(chosen, popularity, before, further)
        return top_k(summed, most) if summed.nnz > most * len(groups) else summed

    of_both = _values_of_both(groups, alike)
    for column in range(int(alike.columns.max(initial=-1)) + 1):
        own = alike.columns == column
        members = alike.members[:, own]
        together = max(_square_sum(events @ members) / max(float((members.T @ squares).sum()), TINY), 1.0)
        values = _ColumnValues(groups, chosen, popularity, of_columns, members, together)
        if (same := of_both[:, own]).nnz:
            values = replace(values, before=with_further(of_columns, values.lifts_of_both(same), members))
        of_columns = with_further(values.before, values.lifts(), members)
    return of_columns


def _values_of_both(groups: Groups, alike: Groups) -> sp.csr_matrix:
    """(n_groups, n_values) 1 where a value of users is also one of items; upper and lower case are the same."""
    users, items = (
        of.names.select(name=pl.col("value").str.to_lowercase().str.strip_chars()).with_row_index("number")
        for of in (groups, alike)
    )
    both = users.join(items, on="name", suffix="_of_items")
    indices = both["number"].to_numpy(), both["number_of_items"].to_numpy()
    return sp.csr_matrix((np.ones(len(both), dtype=np.float32), indices), shape=(len(groups), len(alike)))


@dataclass(frozen=True)
class _ColumnValues:
    """The values of one column of the items, and what groups are known to choose by the columns before it.

    Attributes:
        groups: of users.
        chosen, popularity: see `lifts_of_groups`.
        before: (n_groups, n_items) lifts by the columns before.
        members: (n_items, n_values) the items of each value.
        together: how many events count as one, 1 or more.
    """

    groups: Groups
    chosen: sp.csr_matrix
    popularity: NDArray[np.float64]
    before: sp.csr_matrix
    members: sp.csr_matrix
    together: float

    def lifts(self) -> sp.csr_matrix:
        """(n_groups, n_values) lifts of groups over what popularity and earlier lifts lead to expect."""
        events = with_informative_zeros(self.chosen @ self.members, self.members.T @ self.popularity)
        found, due = events.data / self.together, self._expected(events) / self.together
        return with_values(events, fitted_lifts(found, due, self._columns(events)))

    def lifts_of_both(self, of_both: sp.csr_matrix) -> sp.csr_matrix:
        """(n_groups, n_values) lifts where users and items have the same value: one for all values of a column of
        users.

        Args:
            of_both: see `_values_of_both`.
        """
        columns = self._columns(of_both)
        events = values_of_product(self.chosen, self.members, of_both)
        found, due = (np.bincount(columns, counted / self.together) for counted in (events, self._expected(of_both)))
        return with_values(of_both, np.log((found + _ADDED) / (due + _ADDED))[columns])

    def _expected(self, at: sp.csr_matrix) -> NDArray[np.float64]:
        """See `expected_events`."""
        return expected_events(self.chosen, self.popularity, self.before, self.members, at)

    def _columns(self, at: sp.csr_matrix) -> NDArray[np.int64]:
        """(nnz,) the column of the user table that the group of each entry is of."""
        return self.groups.columns[rows_of_entries(at.indptr)]


def expected_events(
    chosen: sp.csr_matrix,
    popularity: NDArray[np.float64],
    before: sp.csr_matrix,
    members: sp.csr_matrix,
    at: sp.csr_matrix,
) -> NDArray[np.float64]:
    """(nnz,) events of groups with values that are expected where `at` (n_groups, n_values) has an entry.

    Args:
        chosen, popularity, before, members: see `_ColumnValues`.
    """
    gained = with_values(before, np.expm1(before.data) * popularity[before.indices])
    sizes, totals = (np.asarray(matrix.sum(axis=1), dtype=np.float64).ravel() for matrix in (chosen, gained))
    shares = (members.T @ popularity)[at.indices] + values_of_product(gained, members, at)
    expected: NDArray[np.float64] = (sizes / (1 + totals))[rows_of_entries(at.indptr)] * np.maximum(
        shares, np.finfo(np.float32).tiny
    )
    return expected


def _likeliest_sum(
    chosen: sp.csr_matrix, popularity: NDArray[np.float64], before: sp.csr_matrix, further: sp.csr_matrix
) -> sp.csr_matrix:
    """(n_groups, n_items) lifts with that part of further ones added that makes the events of the groups likeliest."""
    sizes = np.asarray(chosen.sum(axis=1)).ravel()

    def log_likelihood(lifts: sp.csr_matrix) -> float:
        gained = with_values(lifts, np.expm1(lifts.data) * popularity[lifts.indices])
        totals = np.maximum(1 + np.asarray(gained.sum(axis=1), dtype=np.float64).ravel(), TINY)
        return float(chosen.multiply(lifts).sum()) - float(sizes @ np.log(totals))

    return max((sp.csr_matrix(before + part * further) for part in _PARTS_OF_SUMS), key=log_likelihood)


def _product(left: sp.csr_matrix, right: sp.csr_matrix, most: int) -> sp.csr_matrix:
    """`left @ right`; if its rows may have more entries than `most`, the largest ones above 0."""
    if right.shape[1] <= most:
        return sp.csr_matrix(left @ right)
    return top_k_product(left, right, most, lambda rows, columns, values: values)


def _square_sum(matrix: sp.csr_matrix) -> float:
    return float((matrix.data.astype(np.float64) ** 2).sum())
