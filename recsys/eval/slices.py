"""Kinds of requests, to see for whom a ranking works: new items, new users, light and heavy ones, categories."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recsys.data.log.interactions import HARDLY_KNOWN
from recsys.eval.ranking import Targets

_COLD_USER_EVENTS = 3
"""A user with a history of fewer events is cold in a report."""

_MOST_CATEGORIES = 5
_FEWEST_REQUESTS = 30
"""A category that fewer requests want is left out: its figures would be noise."""


def request_slices(
    targets: Targets,
    n_positives: NDArray[np.int64],
    history_lengths: NDArray[np.int64],
) -> dict[str, NDArray[np.bool_]]:
    """Masks over the requests.

    `cold_item`: every target is hardly known (fewer than five positive events) or unknown; `warm_item`: none is.
    A request with targets of both kinds is in neither. `cold_user`: a history of fewer than three events;
    `warm_user`: the others. `light` and `heavy`: the shortest and the longest third of the histories; equal lengths
    are never parted, so the thirds can be uneven or, where all histories are alike, empty.

    Args:
        targets: the wanted items.
        n_positives: (n_items,) positive events of each item that were learned from.
        history_lengths: (n_requests,) events of each history.

    Returns:
        name to (n_requests,) mask.
    """
    known_positives = np.append(n_positives, 0)[targets.items]  # an unknown target, -1, reads the appended 0
    cold = np.bincount(targets.rows[known_positives < HARDLY_KNOWN], minlength=len(targets))
    cold_user = history_lengths < _COLD_USER_EVENTS
    low, high = np.quantile(history_lengths, [1 / 3, 2 / 3]) if len(history_lengths) else (0.0, 0.0)
    return {
        "cold_item": (cold == targets.counts) & (targets.counts > 0),
        "warm_item": (cold == 0) & (targets.counts > 0),
        "cold_user": cold_user,
        "warm_user": ~cold_user,
        "light": history_lengths < low if low == high else history_lengths <= low,
        "heavy": history_lengths > high if low == high else history_lengths >= high,
    }


def category_slices(
    targets: Targets, categories: NDArray[np.int32], names: Sequence[str]
) -> dict[str, NDArray[np.bool_]]:
    """Masks of the requests that want an item of one category, for the five categories that most requests want.

    One that fewer than thirty want is left out.

    Args:
        targets: the wanted items.
        categories: (n_items,) number of the category of each item in `names`, -1 for none.

    Returns:
        `category: NAME` to (n_requests,) mask, most requests first.
    """
    codes = np.append(categories, -1)[targets.items]  # an unknown target, -1, reads the appended -1
    pairs = np.unique(np.stack([codes, targets.rows], axis=1)[codes >= 0], axis=0)
    counts = np.bincount(pairs[:, 0], minlength=len(names))
    masks = {}
    for code in np.argsort(-counts, kind="stable")[:_MOST_CATEGORIES]:
        if counts[code] >= _FEWEST_REQUESTS:
            mask = np.zeros(len(targets), dtype=bool)
            mask[pairs[pairs[:, 0] == code, 1]] = True
            masks[f"category: {names[code]}"] = mask
    return masks
