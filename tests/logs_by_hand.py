"""Logs made by hand: a test gives the columns that it is about."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from recsys.data.ids.vocabulary import Vocabulary
from recsys.data.log.interactions import COLUMNS, InteractionLog

_NOT_GIVEN = {
    "users": 0,
    "items": 0,
    "events": 0,
    "weights": 1.0,
    "values": np.nan,
    "requests": -1,
    "positions": -1,
    "propensities": np.nan,
}


def log_of(
    columns: Mapping[str, ArrayLike], *, users: Sequence[str], names: Sequence[str], n_items: int
) -> InteractionLog:
    """A log of some columns; the others are of one user, item and name, weigh 1 and say nothing.

    Args:
        columns: columns of an `InteractionLog` by name, `times` (in order) among them.
        users, names: ids and event names by number.
    """
    n = len(np.asarray(columns["times"]))
    filled = {name: columns[name] if name in columns else np.full(n, _NOT_GIVEN[name]) for name in COLUMNS}
    arrays = {name: np.asarray(column).astype(COLUMNS[name]) for name, column in filled.items()}
    return InteractionLog(Vocabulary(list(users)), tuple(names), n_items, **arrays)
