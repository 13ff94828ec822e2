"""Lifts: how many times as often as expected a group of users chooses an item."""

import math

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.special import gammaln

from recsys.arrays.ragged import indices_within, offsets_of, rows_of_entries
from recsys.data.groups.membership import Groups

_PRIORS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 1000.0)
"""Events that may be added to both the observed and the expected ones of a group with an item."""

_LITTLE = 0.1
"""Lifts of pairs of groups, and of values, that are nearer to 0 than this are left out. Those of one or two events are
so small, and most have no more events."""

_EXPECTED = 0.25
"""If at least this many events of a group with an item are expected, it means something that there are none."""

TINY = float(np.finfo(np.float64).tiny)
"""Stands in for 0: for no events where a matrix must keep the entry, and in divisors."""


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
    """(n_groups, n_items) lifts of items beyond what their popularity and the lift of their kind lead to expect.

    Args:
        chosen, popularity: see `lifts_of_groups`.
        kinds: (n_items,) number of the kind of each item, such as a category; -1 without one.
        of_kinds: (n_groups, n_kinds + 1) lifts of the kinds, the last one of items without one.
    """
    events = with_informative_zeros(chosen, popularity)
    sizes = np.asarray(chosen.sum(axis=1)).ravel()
    rows = rows_of_entries(events.indptr)
    expected = sizes[rows] * popularity[events.indices] * np.exp(of_kinds[rows, kinds[events.indices]])
    return with_values(events, fitted_lifts(events.data, expected, groups.columns[rows]))


def fitted_lifts(
    events: NDArray[np.float64], expected: NDArray[np.float64], kinds: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(n,) lifts log((events + a) / (expected + a)), with the priors a of `fitted_priors`."""
    priors = fitted_priors(events, expected, kinds)
    return np.asarray(np.log((events + priors) / (expected + priors)))


def fitted_priors(
    events: NDArray[np.float64], expected: NDArray[np.float64], kinds: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(n,) priors of lifts, fitted separately for each kind (a column, or a pair of columns), because one kind may be
    informative, and another be noise.

    How many times as often as expected groups choose items is drawn from a gamma distribution of mean 1 and shape a,
    and events are drawn by Poisson's (DuMouchel, The American Statistician 53, 1999, with one gamma distribution).
    """
    priors = np.empty(len(events))
    for kind in np.unique(kinds):
        of_kind = kinds == kind
        priors[of_kind] = _likeliest_prior(events[of_kind], expected[of_kind])
    return priors


def _likeliest_prior(events: NDArray[np.float64], expected: NDArray[np.float64]) -> float:
    def log_likelihood(a: float) -> float:
        found = gammaln(events + a) - gammaln(a) - (events + a) * np.log(expected + a)
        return float(found.sum()) + len(events) * a * math.log(a)

    return max(_PRIORS, key=log_likelihood)


def with_informative_zeros(chosen: sp.csr_matrix, popularity: NDArray[np.float64]) -> sp.csr_matrix:
    """The events of groups (n_groups, n_items), with an entry of nearly 0 where there are none although some were to be
    expected by the popularity of the item."""
    best = np.argsort(-popularity, kind="stable")
    sizes = np.asarray(chosen.sum(axis=1)).ravel()
    needed = np.divide(_EXPECTED, sizes, out=np.full(len(sizes), np.inf), where=sizes > 0)
    counts = np.searchsorted(-popularity[best], -needed, side="right")
    ends = offsets_of(counts)
    items = best[indices_within(rows_of_entries(ends))]
    nearly = np.full(len(items), TINY)
    expected = sp.csr_matrix((nearly, items, ends), shape=chosen.shape)
    events = sp.csr_matrix(chosen + expected)
    events.sort_indices()
    return events


def with_values(matrix: sp.csr_matrix, values: NDArray[np.float64]) -> sp.csr_matrix:
    """A matrix with the same entries and other values."""
    return sp.csr_matrix((values.astype(np.float32), matrix.indices, matrix.indptr), shape=matrix.shape)


def without_negligible(lifts: sp.csr_matrix) -> sp.csr_matrix:
    """The lifts that are at least `_LITTLE` from 0."""
    kept = with_values(lifts, np.where(np.abs(lifts.data) < _LITTLE, 0, lifts.data))
    kept.eliminate_zeros()
    return kept
