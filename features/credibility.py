"""How much groups of items differ in how wanted they are, and how far the rate of each group can be believed.

A group's rate is drawn towards that of all items: the less the group was exposed, and the less groups differ beyond the
differences of single items, the further (Bühlmann and Straub, Glaubwürdigkeit für Schadensätze, 1970).
"""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

_USUAL_ITEMS = 2.0
"""Exposure that is added to each group at least, in that of typical items: with few groups, how much they differ is too
uncertain to add less."""


def credible_rates(
    members: sp.csr_matrix, wanted: NDArray[np.float64], exposures: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n_groups,) how many times as often as a typical item those of each group are wanted while they are there.

    Args:
        members: (n_items, n_groups) 1 where an item is in a group.
        wanted: (n_items,) how much each item was wanted; not 0 for all.
        exposures: (n_items,) how long each item was there to be wanted; if it is 0 for all, all rates are 1.
    """
    is_there = exposures > 0
    if not is_there.any():
        return np.ones(members.shape[1])
    expected = exposures * (wanted.sum() / exposures.sum())
    in_group, out_of, n_items = members.T @ expected, members.T @ wanted, members.T @ is_there.astype(np.float64)
    rates = np.divide(out_of, in_group, out=np.ones_like(in_group), where=in_group > 0)
    own = np.divide(wanted, expected, out=np.ones_like(expected), where=is_there)
    within = _variance_within(members, expected, own, rates, n_items)
    between = _variance_between(in_group, rates, n_items, within)
    if between <= 0:  # groups differ no more than single items make them
        return np.ones_like(in_group)
    added = max(within / between, _USUAL_ITEMS * expected.sum() / np.count_nonzero(is_there))
    return np.asarray((out_of + added) / (in_group + added))


def _variance_within(
    members: sp.csr_matrix,
    expected: NDArray[np.float64],
    own: NDArray[np.float64],
    rates: NDArray[np.float64],
    n_items: NDArray[np.float64],
) -> float:
    """Of the rates of the items of a group, by how much they were expected to be wanted.

    Args:
        expected, own: (n_items,) how much each item was expected to be wanted; its rate.
        rates, n_items: (n_groups,) the rate of each group, and its items that were there.
    """
    pairs = members.tocoo()
    squares = np.sum(expected[pairs.row] * (own[pairs.row] - rates[pairs.col]) ** 2)
    return float(squares / max(np.sum(np.maximum(n_items - 1, 0)), 1.0))


def _variance_between(
    in_group: NDArray[np.float64], rates: NDArray[np.float64], n_items: NDArray[np.float64], within: float
) -> float:
    """Of the rates of groups, beyond what the differences of single items make of them; below 0 by chance.

    Args:
        in_group, rates, n_items: (n_groups,) how much the items of each were expected to be wanted; see
            `_variance_within`.
    """
    total = max(in_group.sum(), np.finfo(float).tiny)
    mean = np.sum(in_group * rates) / total
    squares = np.sum(in_group * (rates - mean) ** 2) - (np.count_nonzero(n_items) - 1) * within
    return float(squares / max(total - np.sum(in_group**2) / total, np.finfo(float).tiny))
