"""The fold-in of a history into factors, and a count of users, compiled by numba at their first use and kept beside the
source (or in `NUMBA_CACHE_DIR`)."""

import numpy as np

from recsys.arrays.float16 import copy_as_float32
from recsys.arrays.jit import SUMS_IN_ANY_ORDER, jit
from recsys.arrays.types import Floats, Ints

_SEARCHED = 16
"""A list this many times as long as another one is not read through, but searched for each entry of the short one."""


@jit(fastmath=SUMS_IN_ANY_ORDER)
def fold_in(
    factors: Floats, gram: Floats, alpha: float, offsets: Ints, items: Ints, weights: Floats, users: Floats
) -> None:
    """Fill `users` (n_requests, n_factors): (gram + sum (c - 1) y y') u = sum c y over the items y of each history.

    Args:
        factors: (n_items, n_factors) the y.
        gram: (n_factors, n_factors) symmetric and positive: elimination then needs no other pivots than the diagonal.
        alpha, weights: c - 1 is alpha * weights (n,).
        offsets, items: histories; nothing is filled for an empty one.
    """
    n = len(gram)
    left, right = np.empty((n, n), dtype=np.float32), np.empty(n, dtype=np.float32)
    for request in range(len(offsets) - 1):
        if offsets[request] == offsets[request + 1]:
            continue
        right[:] = 0
        for row in range(n):
            copy_as_float32(gram[row], left[row])
        for entry in range(offsets[request], offsets[request + 1]):
            own, extra = factors[items[entry]], np.float32(alpha * weights[entry])
            for row in range(n):
                scaled, into = extra * own[row], left[row]
                right[row] += scaled + own[row]
                for column in range(n):
                    into[column] += scaled * own[column]
        for pivot in range(n):
            taken = left[pivot]
            for row in range(pivot + 1, n):
                into = left[row]
                share = into[pivot] / taken[pivot]
                right[row] -= share * right[pivot]
                for column in range(n):  # also what is known to be 0: loops of one length are the faster ones
                    into[column] -= share * taken[column]
        for row in range(n - 1, -1, -1):
            for column in range(row + 1, n):
                right[row] -= left[row, column] * right[column]
            right[row] /= left[row, row]
        copy_as_float32(right, users[request])


@jit()
def count_common(offsets: Ints, users: Ints, n_users: int, rows: Ints, columns: Ints, counts: Ints) -> None:
    """Add to `counts` (n_links,) how many users chose both items of each link.

    Args:
        offsets, users: the users of each item, once each and increasing: (n_items + 1,) and (n_choices,).
        rows, columns: the links of each item, and the items at their other ends: (n_items + 1,) and (n_links,).
    """
    seen = np.full(n_users, -1, dtype=np.int32)  # the newest item that each user was seen at
    for item in range(len(rows) - 1):
        own = users[offsets[item] : offsets[item + 1]]
        for user in own:
            seen[user] = item
        for link in range(rows[item], rows[item + 1]):
            others = users[offsets[columns[link]] : offsets[columns[link] + 1]]
            found = 0
            if len(others) > _SEARCHED * len(own):
                for user in own:
                    index = np.searchsorted(others, user)
                    found += index < len(others) and others[index] == user
            else:
                for user in others:
                    found += seen[user] == item
            counts[link] += found
