"""Lifts of pairs of groups: what users who are in both choose, beyond what the lifts of the two groups lead to
expect."""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys.arrays.ragged import entries, offsets_of, rows_of_entries
from recsys.cf.lifts import fitted_lifts, with_informative_zeros, with_values, without_negligible
from recsys.cf.product import values_at, values_of_product
from recsys.data.groups.membership import Groups

_CROSSED = 6
"""The first columns, whose values are crossed with one another: the number of pairs grows with the square of this."""

_MOST_EVENTS_OF_PAIRS = 30_000_000
"""The largest pairs are looked at until they have this many events, so that a training takes little time and memory."""

_USERS_OF_A_BLOCK = 50_000


def lifts_of_pairs(
    groups: Groups, chosen: sp.csr_matrix, popularity: NDArray[np.float64], lifts: sp.csr_matrix
) -> tuple[NDArray[np.int64], sp.csr_matrix]:
    """Lifts of pairs of groups over what the lifts of their two groups lead to expect.

    Args:
        chosen: (n_users, n_items) events of users.
        popularity: (n_items,) share of all events.
        lifts: those of the single groups, see `lifts_of_groups`.

    Returns:
        (n_pairs,) the pairs that are looked at, see `pairs_of`, in order, and (n_pairs, n_items) their lifts.
    """
    pairs, sizes, members = _largest_pairs(groups, chosen)
    events = with_informative_zeros(members @ chosen, popularity)
    first, second = np.divmod(pairs, len(groups))
    totals = _totals(lifts, popularity, first, second)
    rows = rows_of_entries(events.indptr)
    if not len(rows):
        return pairs, with_values(events, events.data)
    apart = [values_at(lifts, of[rows], events.indices) for of in (first, second)]
    expected = (sizes / totals)[rows] * popularity[events.indices] * np.exp(apart[0] + apart[1])
    kinds = groups.columns[first] * (int(groups.columns.max()) + 1) + groups.columns[second]
    lifted = fitted_lifts(events.data, expected, kinds[rows])
    return pairs, without_negligible(with_values(events, lifted))


def _largest_pairs(
    groups: Groups, chosen: sp.csr_matrix
) -> tuple[NDArray[np.int64], NDArray[np.float64], sp.csr_matrix]:
    """The pairs of groups whose users have the most events, as many as `_MOST_EVENTS_OF_PAIRS` lets be looked at.

    Args:
        chosen: (n_users, n_items) events of users.

    Returns:
        (n_pairs,) the pairs, see `pairs_of`, in order; (n_pairs,) events of each; (n_pairs, n_users) 1 for its users.
    """
    users, numbers = _pairs_of_many(groups, np.flatnonzero(np.diff(chosen.indptr)).astype(np.int32))
    pairs, indices = np.unique(numbers, return_inverse=True)
    sizes = np.bincount(indices, np.asarray(chosen.sum(axis=1)).ravel()[users], minlength=len(pairs))
    largest = np.argsort(-sizes, kind="stable")
    before = np.cumsum(sizes[largest]) - sizes[largest]  # so that the largest one is kept, however large
    kept = np.sort(largest[before < _MOST_EVENTS_OF_PAIRS])
    row_of = np.full(len(pairs), -1)
    row_of[kept] = np.arange(len(kept))
    among = row_of[indices] >= 0
    shape = (len(kept), chosen.shape[0])
    members = sp.csr_matrix((np.ones(int(among.sum())), (row_of[indices[among]], users[among])), shape=shape)
    return pairs[kept], sizes[kept].astype(np.float64), members


def _totals(
    lifts: sp.csr_matrix, popularity: NDArray[np.float64], first: NDArray[np.int64], second: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(n_pairs,) what the shares of all items that are expected of a pair sum to, before they are scaled to 1.

    That is the sum of p f g over all items, where p is the popularity and f and g are the exponentials of the lifts of
    the pair's groups `first` and `second` (n_pairs,), 1 where a group has no lift.
    """
    over = with_values(lifts, np.expm1(lifts.data))
    shares = sp.csr_matrix(over.multiply(popularity))
    gained = np.asarray(shares.sum(axis=1)).ravel()
    n_groups = lifts.shape[0]
    at = sp.csr_matrix((np.ones(len(first)), (first, second)), shape=(n_groups, n_groups))
    return np.asarray(1 + gained[first] + gained[second] + values_of_product(shares, over.T.tocsr(), at))


def _pairs_of_many(groups: Groups, rows: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """What `pairs_of` gives, but with rows in place of places, block by block, so that it needs little memory."""
    users, pairs = [np.zeros(0, dtype=np.int32)], [np.zeros(0, dtype=np.int64)]
    for start in range(0, len(rows), _USERS_OF_A_BLOCK):
        block = rows[start : start + _USERS_OF_A_BLOCK]
        indices, found = pairs_of(groups, block)
        users.append(block[indices])
        pairs.append(found)
    return np.concatenate(users), np.concatenate(pairs)


def pairs_of(groups: Groups, rows: NDArray[np.int32]) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Each two groups of different columns that a user is in.

    Args:
        rows: (n,) of `groups`, -1 for one that is not there.

    Returns:
        (n_found,) the index of the user in `rows`, increasing, and (n_found,) the pair: its first group * the number of
        groups + its second one.
    """
    columns = groups.columns
    known = np.flatnonzero(rows >= 0)
    indices, counts = entries(groups.members.indptr, rows[known])
    own, of = groups.members.indices[indices].astype(np.int64), np.repeat(known, counts)
    crossed = columns[own] < _CROSSED
    own, of = own[crossed], of[crossed]
    offsets = offsets_of(np.bincount(of, minlength=len(rows)))
    seconds, counts = entries(offsets, of)
    first, second, users = np.repeat(own, counts), own[seconds], np.repeat(of, counts)
    pair = (first < second) & (columns[first] != columns[second])
    return users[pair], first[pair] * len(groups) + second[pair]
