"""Lifts where items have something in common: what a group chooses tells of items that it never met."""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys.arrays.ragged import rows_of_entries
from recsys.cf.lifts import TINY, fitted_lifts, telling_entries, with_values, without_little
from recsys.cf.product import top_k, top_k_product, values_of_product
from recsys.data.groups.membership import Groups

_MOST_ENTRIES = 1_000_000
"""Where groups and items have more pairs than this, each group keeps only what its columns lift most."""

_PARTS_OF_SUMS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Parts of the sum of what several values of an item say that are tried."""


def lifts_with_alike(
    groups: Groups,
    events: sp.csr_matrix,
    squares: NDArray[np.float64],
    popularity: NDArray[np.float64],
    alike: Groups,
) -> tuple[sp.csr_matrix, sp.csr_matrix]:
    """Lifts over what everybody chooses, where items have something in common: items that a group of users met tell of
    like ones that it hardly met.

    The columns of the items come first, one after the other: the lift of a value says how many times as often as the
    columns before it let expect a group chooses items with that value. An item with several values of a column gets
    the part of the sum of their lifts that makes the events likeliest, because values may say the same. Then comes each
    item by itself, beyond what its columns let expect. Events of one user with one value are not independent: the more
    of them there are, the less each counts (Kish's design effect).

    The number of entries is bounded, see `_MOST_ENTRIES`.

    Args:
        events: (n_users, n_items) events of users.
        squares: (n_items,) over the events of each item, the sum of the squares of what they count.
        popularity: see `lifts_of_groups`.
        alike: of the items.

    Returns:
        (n_groups, n_items) lifts, and (n_groups, n_items) those by the columns alone, also of items that nobody chose.
    """
    chosen, most = sp.csr_matrix(groups.members.T @ events), _MOST_ENTRIES // max(len(groups), 1)
    of_columns = sp.csr_matrix(0.0 * chosen)
    of_columns.eliminate_zeros()

    for column in range(int(alike.columns.max(initial=-1)) + 1):
        members = alike.members[:, alike.columns == column]
        together = max(_square_sum(events @ members) / max(float((members.T @ squares).sum()), TINY), 1.0)
        lifts = _lifts_beyond(groups, chosen, popularity, of_columns, members, together)
        further = _product(without_little(lifts), sp.csr_matrix(members.T), most)
        of_columns = _likeliest_sum(chosen, popularity, of_columns, further)
        if of_columns.nnz > most * len(groups):
            of_columns = top_k(of_columns, most)
    every = sp.csr_matrix(sp.eye(chosen.shape[1], dtype=np.float32))
    return sp.csr_matrix(of_columns + _lifts_beyond(groups, chosen, popularity, of_columns, every, 1.0)), of_columns


def _lifts_beyond(
    groups: Groups,
    chosen: sp.csr_matrix,
    popularity: NDArray[np.float64],
    before: sp.csr_matrix,
    members: sp.csr_matrix,
    together: float,
) -> sp.csr_matrix:
    """(n_groups, n_values) lifts of groups over what popularity and earlier lifts let expect.

    Args:
        chosen, popularity: see `lifts_of_groups`.
        before: (n_groups, n_items) earlier lifts.
        members: (n_items, n_values) the items of each value.
        together: how many events count as one, 1 or more.
    """
    shares = members.T @ popularity
    told = telling_entries(chosen @ members, shares)
    rows = rows_of_entries(told.indptr)
    gained = with_values(before, np.expm1(before.data) * popularity[before.indices])
    sizes, totals = (np.asarray(matrix.sum(axis=1), dtype=np.float64).ravel() for matrix in (chosen, gained))
    shares_now = np.maximum(shares[told.indices] + values_of_product(gained, members, told), np.finfo(np.float32).tiny)
    expected = (sizes / (1 + totals))[rows] * shares_now
    return with_values(told, fitted_lifts(told.data / together, expected / together, groups.columns[rows]))


def _likeliest_sum(
    chosen: sp.csr_matrix, popularity: NDArray[np.float64], before: sp.csr_matrix, further: sp.csr_matrix
) -> sp.csr_matrix:
    """(n_groups, n_items) lifts, and so much of further ones as makes the events of the groups likeliest."""
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
