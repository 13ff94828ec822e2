"""Whether a ranker's window can teach one: asked before the models learn for hours."""

import numpy as np

from recsys.data.dataset import Dataset
from recsys.data.interactions import InteractionLog
from recsys.data.moments import day_of
from recsys.errors import DataError


def check_listable(dataset: Dataset, start: int, end: int) -> None:
    """See that some item that was wanted in the window [start, end) could be listed at that moment.

    Raises:
        DataError: none of them is available and existed then, so that no request has an answer to learn from.
    """
    wanted = dataset.log.positive().between(start, end)
    available = dataset.catalogue.available[wanted.items]
    created = dataset.catalogue.frame["created_at"].dt.timestamp("us").gather(wanted.items)
    later = (created > wanted.times).fill_null(False).to_numpy()
    if (available & ~later).any():
        return
    items, unavailable, too_late = (
        len(np.unique(wanted.items[chosen])) for chosen in (slice(None), ~available, available & later)
    )
    raise DataError(
        f"none of the {items} items that users wanted from {day_of(start)} to {day_of(end)}, the ranker's window, "
        f"could be listed then: {unavailable} are not available (column available), {too_late} were created after they "
        f"were wanted (column created_at); correct the items"
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
