"""Which events belong together in time, and how much the newest of a history count."""

import numpy as np
from numpy.typing import NDArray

from recsys.data.history import HistoryBatch
from recsys.data.interactions import NO_TIME


def basket_starts(owners: NDArray[np.integer], times: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n_events,) True where an event opens a new basket: another owner or another time than the event before.

    Events of one owner at the same time have no order among them, they are one basket. Unknown times (`NO_TIME`) are
    never equal: the order of such a history is all that is known, and it is kept.
    """
    starts = np.ones(len(times), dtype=bool)
    starts[1:] = (owners[1:] != owners[:-1]) | (times[1:] != times[:-1]) | (times[1:] == NO_TIME)
    return starts


def recency_weights(histories: HistoryBatch) -> NDArray[np.float32]:
    """(n_events,) weight / sqrt(1 + baskets after the event): the newest of a history count most."""
    baskets = np.cumsum(basket_starts(histories.rows, histories.times))
    last = baskets[histories.offsets[1:][histories.rows] - 1]
    weights: NDArray[np.float32] = (histories.weights / np.sqrt(1.0 + last - baskets)).astype(np.float32)
    return weights
