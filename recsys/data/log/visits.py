"""Visits: what a user does with an item, with less than an hour from each act to the next."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.data.log.interactions import InteractionLog
from recsys.moments import SECOND

VISIT = 3_600 * SECOND
"""What a user does with an item so soon after the act before is the same visit to it."""


class Visits(NamedTuple):
    """The acts of a log, impressions aside, by user, item and time. All arrays are (n_acts,)."""

    acts: NDArray[np.intp]
    """which event of the log each is"""
    is_known: NDArray[np.bool_]
    """whether its user has acted on the item before"""
    begins: NDArray[np.bool_]
    """whether it is the first act of a visit"""


def visits_of(log: InteractionLog) -> Visits:
    """Put the acts of a log in the order of their visits."""
    acts = np.flatnonzero(~log.is_impression)
    acts = acts[np.lexsort((log.items[acts], log.users[acts]))]  # stable: in the order of time within each pair
    users, items, times = log.users[acts], log.items[acts], log.times[acts]
    is_known = np.zeros(len(acts), dtype=bool)
    is_known[1:] = (users[1:] == users[:-1]) & (items[1:] == items[:-1])
    begins = ~is_known
    begins[1:] |= np.diff(times) >= VISIT
    return Visits(acts, is_known, begins)
