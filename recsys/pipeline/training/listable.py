"""Whether a ranker's window can teach one: asked before the models learn for hours."""

import numpy as np

from recsys.data.dataset import Dataset
from recsys.data.interactions import InteractionLog
from recsys.data.moments import day_of
from recsys.errors import DataError


def check_listable(dataset: Dataset, start: int, end: int) -> None:
    """See that some item that was wanted in the window [start, end) could be listed at that moment.

    Raises:
        DataError: none of them existed then, so that no request has an answer to learn from, or no item is available.
    """
    if not dataset.catalogue.available.any():
        raise DataError(
            "none of the items is available (column available), so no list could hold any; correct the items"
        )
    wanted = dataset.log.positive().between(start, end)
    created = dataset.catalogue.frame["created_at"].dt.timestamp("us").gather(wanted.items)
    if (created > wanted.times).fill_null(False).all():
        n_items = len(np.unique(wanted.items))
        raise DataError(
            f"none of the {n_items} items wanted from {day_of(start)} to {day_of(end)} (the ranker's window) could be "
            "listed then: all were created later (column created_at); correct the items"
        )


def check_places(window: InteractionLog) -> None:
    """See that the log of the ranker's window tells the places of what was shown, which `ranker.debias` learns from.

    Raises:
        DataError: it tells none.
    """
    if not (window.is_impression & (window.positions >= 0)).any():
        raise DataError(
            "ranker.debias needs impressions with positions, and the ranker's window has none; leave it off"
        )
