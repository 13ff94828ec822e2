"""Lifts: how many times as often as expected a group of users chooses an item; of single groups, and of pairs."""

import math

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.special import gammaln

from recsys.cf.product import top_k, top_k_product, values_at, values_of_product
from recsys.data.groups import Groups
from recsys.data.ragged import entries, offsets_of, rows_of_entries

_PRIORS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 1000.0)
"""Events that may be added to those of a group with an item, and to those expected of it."""

_LITTLE = 0.1
"""Lifts of pairs that are nearer to 0 than this are left out. Those of one or two events are, and most pairs have no
more."""

_EXPECTED = 0.25
"""If at least this many events of a group with an item are expected, it tells something that there are none."""

_MOST_ENTRIES = 1_000_000
"""Where groups and items have more pairs than this, each group keeps only what its columns lift most."""

_PARTS_OF_SUMS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Parts of the sum of what several values of an item say that are tried."""

_CROSSED = 6
"""The first columns, whose values are crossed with one another: the number of pairs grows with the square of this."""

_MOST_EVENTS_OF_PAIRS = 30_000_000
"""The largest pairs are looked at until they have this many events, so that a training takes little time and memory."""

_USERS_OF_A_BLOCK = 50_000

_TINY = float(np.finfo(np.float64).tiny)


def lifts_of_groups(groups: Groups, chosen: sp.csr_matrix, popularity: NDArray[np.float64]) -> sp.csr_matrix:
    """(n_groups, n_items) lifts of groups over what everybody chooses.

    Args:
        chosen: (n_groups, n_items) events of the groups.
        popularity: (n_items,) share of all events: what is expected of each event of a group.
    """
    alike = np.full(chosen.shape[1], -1, dtype=np.int32)
    return lifts_within_kinds(groups, chosen, popularity, alike, np.zeros((len(groups), 1)))


def lifts_within_kinds(
    groups: Groups,
    chosen: sp.csr_matrix,
    popularity: NDArray[np.float64],
    kinds: NDArray[np.int32],
    of_kinds: NDArray[np.float64],
) -> sp.csr_matrix:
    """(n_groups, n_items) lifts of groups over what is expected by the popularity of an item and the lift of its kind.

    Args:
        chosen, popularity: see `lifts_of_groups`.
        kinds: (n_items,) number of the kind of each item, such as a category; -1 without one.
        of_kinds: (n_groups, n_kinds + 1) lifts of the kinds, the last one of items without one.
    """
    places = _telling(chosen, popularity)
    sizes = np.asarray(chosen.sum(axis=1)).ravel()
    rows = rows_of_entries(places.indptr)
    expected = sizes[rows] * popularity[places.indices] * np.exp(of_kinds[rows, kinds[places.indices]])
    return _with_values(places, _lifts(places.data, expected, groups.columns[rows]))


def lifts_with_alike(
    groups: Groups,
    events: sp.csr_matrix,
    squares: NDArray[np.float64],
    popularity: NDArray[np.float64],
    alike: Groups,
) -> tuple[sp.csr_matrix, sp.csr_matrix]:
    """Lifts over what everybody chooses, where items have something in common: of what a group of users hardly met,
    others tell that it did meet.

    First each column of the items, one after the other: a value is lifted by how many times as often as the columns
    before let expect a group chooses items with it; an item with several values, by so much of their sum as makes the
    events likeliest, because some say the same. Then each item by itself, beyond what its columns let expect. Events of
    one user with one value are no independent ones: they count as the fewer, the more of them there are (Kish's design
    effect).

    Args:
        events: (n_users, n_items) events of users.
        squares: (n_items,) sum of the squares of what single events count.
        popularity: see `lifts_of_groups`.
        alike: of the items.

    Returns:
        (n_groups, n_items) lifts; and what the columns alone say, also of items that nobody chose.
    """
    chosen, most = sp.csr_matrix(groups.members.T @ events), _MOST_ENTRIES // max(len(groups), 1)
    of_columns = sp.csr_matrix(0.0 * chosen)
    of_columns.eliminate_zeros()

    for column in range(int(alike.columns.max(initial=-1)) + 1):
        members = alike.members[:, alike.columns == column]
        together = max(_square_sum(events @ members) / max(float((members.T @ squares).sum()), _TINY), 1.0)
        lifts = _lifts_beyond(groups, chosen, popularity, of_columns, members, together)
        further = _product(_without_little(lifts), sp.csr_matrix(members.T), most)
        of_columns = _likeliest_sum(chosen, popularity, of_columns, further)
        if of_columns.nnz > most * len(groups):
            of_columns = top_k(of_columns, most)
    every = sp.csr_matrix(sp.eye(chosen.shape[1], dtype=np.float32))
    return sp.csr_matrix(of_columns + _lifts_beyond(groups, chosen, popularity, of_columns, every, 1.0)), of_columns


def lifts_of_pairs(
    groups: Groups, chosen: sp.csr_matrix, popularity: NDArray[np.float64], lifts: sp.csr_matrix
) -> tuple[NDArray[np.int64], sp.csr_matrix]:
    """Lifts of pairs of groups over what is expected by their two groups apart.

    Args:
        chosen: (n_users, n_items) events of users.
        popularity: (n_items,) share of all events.
        lifts: those of the single groups, see `lifts_of_groups`.

    Returns:
        (n_pairs,) the pairs that are looked at, see `pairs_of`, in order, and (n_pairs, n_items) their lifts.
    """
    pairs, sizes, members = _largest_pairs(groups, chosen)
    told = _telling(members @ chosen, popularity)
    first, second = np.divmod(pairs, len(groups))
    totals = _totals(lifts, popularity, first, second)
    rows = rows_of_entries(told.indptr)
    if not len(rows):
        return pairs, _with_values(told, told.data)
    apart = [values_at(lifts, of[rows], told.indices) for of in (first, second)]
    expected = (sizes / totals)[rows] * popularity[told.indices] * np.exp(apart[0] + apart[1])
    kinds = groups.columns[first] * (int(groups.columns.max()) + 1) + groups.columns[second]
    lifted = _lifts(told.data, expected, kinds[rows])
    return pairs, _without_little(_with_values(told, lifted))


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
        together: events that count as one.
    """
    shares = members.T @ popularity
    told = _telling(chosen @ members, shares)
    rows = rows_of_entries(told.indptr)
    gained = _with_values(before, np.expm1(before.data) * popularity[before.indices])
    sizes, totals = (np.asarray(matrix.sum(axis=1), dtype=np.float64).ravel() for matrix in (chosen, gained))
    shares_now = np.maximum(shares[told.indices] + values_of_product(gained, members, told), np.finfo(np.float32).tiny)
    expected = (sizes / (1 + totals))[rows] * shares_now
    return _with_values(told, _lifts(told.data / together, expected / together, groups.columns[rows]))


def _likeliest_sum(
    chosen: sp.csr_matrix, popularity: NDArray[np.float64], before: sp.csr_matrix, further: sp.csr_matrix
) -> sp.csr_matrix:
    """(n_groups, n_items) lifts, and so much of further ones as makes the events of the groups likeliest."""
    sizes = np.asarray(chosen.sum(axis=1)).ravel()

    def log_likelihood(lifts: sp.csr_matrix) -> float:
        gained = _with_values(lifts, np.expm1(lifts.data) * popularity[lifts.indices])
        totals = np.maximum(1 + np.asarray(gained.sum(axis=1), dtype=np.float64).ravel(), _TINY)
        return float(chosen.multiply(lifts).sum()) - float(sizes @ np.log(totals))

    return max((sp.csr_matrix(before + part * further) for part in _PARTS_OF_SUMS), key=log_likelihood)


def _product(left: sp.csr_matrix, right: sp.csr_matrix, most: int) -> sp.csr_matrix:
    """`left @ right`; if its rows may have more entries than `most`, the largest ones above 0."""
    if right.shape[1] <= most:
        return sp.csr_matrix(left @ right)
    return top_k_product(left, right, most, lambda rows, columns, values: values)


def _square_sum(matrix: sp.csr_matrix) -> float:
    return float((matrix.data.astype(np.float64) ** 2).sum())


def _without_little(lifts: sp.csr_matrix) -> sp.csr_matrix:
    kept = _with_values(lifts, np.where(np.abs(lifts.data) < _LITTLE, 0, lifts.data))
    kept.eliminate_zeros()
    return kept


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
    pairs, places = np.unique(numbers, return_inverse=True)
    sizes = np.bincount(places, np.asarray(chosen.sum(axis=1)).ravel()[users], minlength=len(pairs))
    largest = np.argsort(-sizes, kind="stable")
    before = np.cumsum(sizes[largest]) - sizes[largest]  # so that the largest one is kept, however large
    kept = np.sort(largest[before < _MOST_EVENTS_OF_PAIRS])
    row_of = np.full(len(pairs), -1)
    row_of[kept] = np.arange(len(kept))
    among = row_of[places] >= 0
    shape = (len(kept), chosen.shape[0])
    members = sp.csr_matrix((np.ones(int(among.sum())), (row_of[places[among]], users[among])), shape=shape)
    return pairs[kept], sizes[kept].astype(np.float64), members


def _totals(
    lifts: sp.csr_matrix, popularity: NDArray[np.float64], first: NDArray[np.int64], second: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(n_pairs,) what the shares of all items that are expected of a pair sum to, before they are scaled to 1.

    That is the sum of p f g over all items, where p is the popularity and f and g are the exponentials of the lifts of
    the pair's groups `first` and `second` (n_pairs,), 1 where a group has no lift.
    """
    over = _with_values(lifts, np.expm1(lifts.data))
    shares = sp.csr_matrix(over.multiply(popularity))
    gained = np.asarray(shares.sum(axis=1)).ravel()
    n_groups = lifts.shape[0]
    at = sp.csr_matrix((np.ones(len(first)), (first, second)), shape=(n_groups, n_groups))
    return np.asarray(1 + gained[first] + gained[second] + values_of_product(shares, over.T.tocsr(), at))


def _lifts(events: NDArray[np.float64], expected: NDArray[np.float64], kinds: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n,) lifts, fitted for each kind (a column, or two) by itself: one kind may tell much, another nothing."""
    lifts = np.empty(len(events))
    for kind in np.unique(kinds):
        of_kind = kinds == kind
        lifts[of_kind] = _lift(events[of_kind], expected[of_kind])
    return lifts


def _lift(events: NDArray[np.float64], expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) lifts log((events + a) / (expected + a)), with the prior a that makes the events likeliest.

    How many times as often as expected groups choose items is drawn from a gamma distribution of mean 1 and shape a,
    and events are drawn by Poisson's (DuMouchel, The American Statistician 53, 1999, with one gamma distribution).
    """

    def log_likelihood(a: float) -> float:
        found = gammaln(events + a) - gammaln(a) - (events + a) * np.log(expected + a)
        return float(found.sum()) + len(events) * a * math.log(a)

    prior = max(_PRIORS, key=log_likelihood)
    return np.asarray(np.log((events + prior) / (expected + prior)))


def _telling(chosen: sp.csr_matrix, popularity: NDArray[np.float64]) -> sp.csr_matrix:
    """The events of groups (n_groups, n_items), with an entry of nearly 0 where there are none although the popularity
    of the item lets some be expected."""
    best = np.argsort(-popularity, kind="stable")
    sizes = np.asarray(chosen.sum(axis=1)).ravel()
    needed = np.divide(_EXPECTED, sizes, out=np.full(len(sizes), np.inf), where=sizes > 0)
    counts = np.searchsorted(-popularity[best], -needed, side="right")
    ends = offsets_of(counts)
    items = best[np.arange(ends[-1]) - np.repeat(ends[:-1], counts)]
    nearly = np.full(len(items), _TINY)
    expected = sp.csr_matrix((nearly, items, ends), shape=chosen.shape)
    told = sp.csr_matrix(chosen + expected)
    told.sort_indices()
    return told


def _with_values(places: sp.csr_matrix, values: NDArray[np.float64]) -> sp.csr_matrix:
    """A matrix with the same entries and other values."""
    return sp.csr_matrix((values.astype(np.float32), places.indices, places.indptr), shape=places.shape)


def _pairs_of_many(groups: Groups, rows: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """What `pairs_of` gives, but with rows in place of places, block by block, so that it needs little memory."""
    users, pairs = [np.zeros(0, dtype=np.int32)], [np.zeros(0, dtype=np.int64)]
    for start in range(0, len(rows), _USERS_OF_A_BLOCK):
        block = rows[start : start + _USERS_OF_A_BLOCK]
        places, found = pairs_of(groups, block)
        users.append(block[places])
        pairs.append(found)
    return np.concatenate(users), np.concatenate(pairs)


def pairs_of(groups: Groups, rows: NDArray[np.int32]) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Each two groups of different columns that a user is in.

    Args:
        rows: (n,) of `groups`, -1 for one that is not there.

    Returns:
        (n_found,) the place of the user in `rows`, increasing, and (n_found,) the pair: its first group * the number of
        groups + its second one.
    """
    columns = groups.columns
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
