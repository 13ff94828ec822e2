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
    pairs = members.tocoo()
    within = np.sum(expected[pairs.row] * (own[pairs.row] - rates[pairs.col]) ** 2)
    within /= max(np.sum(np.maximum(n_items - 1, 0)), 1.0)
    total = max(in_group.sum(), np.finfo(float).tiny)
    mean = np.sum(in_group * rates) / total
    n_groups = np.count_nonzero(n_items)
    between = np.sum(in_group * (rates - mean) ** 2) - (n_groups - 1) * within
    between /= max(total - np.sum(in_group**2) / total, np.finfo(float).tiny)
    if between <= 0:  # groups differ no more than single items make them
        return np.ones_like(in_group)
    added = max(within / between, _USUAL_ITEMS * expected.sum() / np.count_nonzero(is_there))
    return np.asarray((out_of + added) / (in_group + added))
