"""Transitions: which items follow an item soon after, in the order of each user's events."""

from typing import Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys.cf.links import ItemLinks
from recsys.cf.product import top_k_product
from recsys.cf.users import NEWEST_EVENTS
from recsys.config import CfConfig
from recsys.data.log.history import basket_starts
from recsys.data.log.interactions import InteractionLog

_BACKWARD = 0.5
"""Weight of a step in the opposite direction, from the item that followed to the one before."""

_SHRINKAGE = 20.0
"""Added to the divisor: one user who went from one rare item to another is no evidence yet."""


class Transitions(ItemLinks):
    """Item -> items of the following baskets of the same user; a basket counts 1 / distance, split among its items.

    A basket is all positive events of a user at one time: they have no order, so they count for each other both ways,
    at distance 1. Where every event has a time of its own, a basket is an event. An item that comes back in a later
    basket follows itself: the diagonal holds repeat purchases. Sums are divided by sqrt(count * count) + shrinkage.
    """

    name = "transitions"

    @classmethod
    def fit(cls, log: InteractionLog, config: CfConfig, seed: int = 0, earlier: Self | None = None) -> Self:
        """See `LogModel`."""
        owners, baskets = _baskets(log.positive())
        shares = sp.csr_matrix(baskets.multiply((1.0 / np.diff(baskets.indptr)).astype(np.float32)[:, None]))
        origins, targets = [baskets], [shares]
        for distance in range(1, config.transition_horizon + 1):
            first = np.flatnonzero(owners[distance:] == owners[:-distance])
            second = first + distance
            origins += [baskets[first] * (1.0 / distance), baskets[second] * (_BACKWARD / distance)]
            targets += [shares[second], shares[first]]
        norms: NDArray[np.float32] = np.sqrt(np.asarray(baskets.sum(axis=0), dtype=np.float32).ravel())
        with_itself: NDArray[np.float32] = np.asarray(shares.sum(axis=0), dtype=np.float32).ravel()

        def normalised(
            rows: NDArray[np.intp], columns: NDArray[np.intp], sums: NDArray[np.float32]
        ) -> NDArray[np.float32]:
            # In its own basket an item does not follow itself.
            follows = sums - np.where(rows == columns, with_itself[rows], np.float32(0))
            values: NDArray[np.float32] = follows / (norms[rows] * norms[columns] + np.float32(_SHRINKAGE))
            return values

        left, right = sp.vstack(origins, format="csr").T.tocsr(), sp.vstack(targets, format="csr")
        return cls.between(top_k_product(left, right, config.neighbours, normalised), log)


def _baskets(log: InteractionLog) -> tuple[NDArray[np.int32], sp.csr_matrix]:
    """Owner of each basket, and (n_baskets, n_items) 1 where a basket holds an item; by user, oldest first."""
    order = np.argsort(log.users, kind="stable")
    users, items = log.users[order], log.items[order]
    starts = basket_starts(users, log.times[order])
    numbers = np.cumsum(starts) - 1
    index = np.arange(len(log)) - np.flatnonzero(starts)[numbers]
    held = index < NEWEST_EVENTS
    ones = np.ones(int(held.sum()), dtype=np.float32)
    matrix = sp.csr_matrix((ones, (numbers[held], items[held])), shape=(int(starts.sum()), log.n_items))
    matrix.data[:] = 1.0
    return users[starts], matrix
