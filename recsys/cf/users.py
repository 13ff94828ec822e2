"""The log as a matrix of users and items."""

import numpy as np
import scipy.sparse as sp

from recsys.data.log.interactions import InteractionLog

NEWEST_EVENTS = 200
"""Newest events of a user of which pairs of items are made: the number of pairs grows with the square of this."""


def items_of_users(log: InteractionLog) -> sp.csr_matrix:
    """(n_users, n_items) float32: 1 for all that a user ever chose."""
    log = log.positive()
    ones = np.ones(len(log), dtype=np.float32)
    matrix = sp.csr_matrix((ones, (log.users, log.items)), shape=(log.n_users, log.n_items))
    matrix.sum_duplicates()
    matrix.data[:] = 1.0
    return matrix


def newest_items_of_users(log: InteractionLog) -> sp.csr_matrix:
    """(n_users, n_items) float32: 1 where an item is among the newest positive events of a user."""
    return items_of_users(newest_per_user(log.positive(), NEWEST_EVENTS))


def weights_of_users(log: InteractionLog) -> sp.csr_matrix:
    """(n_users, n_items) float32: summed weights of the positive events."""
    log = log.positive()
    matrix = sp.csr_matrix((log.weights, (log.users, log.items)), shape=(log.n_users, log.n_items))
    matrix.sum_duplicates()
    return matrix


def newest_per_user(log: InteractionLog, n: int) -> InteractionLog:
    """The newest `n` events of each user."""
    order = np.argsort(log.users, kind="stable")
    ends = np.cumsum(np.bincount(log.users, minlength=log.n_users))
    from_end = ends[log.users[order]] - 1 - np.arange(len(log))
    kept = np.zeros(len(log), dtype=bool)
    kept[order[from_end < n]] = True
    return log.select(kept)
