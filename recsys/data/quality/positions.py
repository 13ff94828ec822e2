"""Warnings about positions in lists: where they begin, and how far they may decide what is chosen."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from recsys.data.log.interactions import InteractionLog
from recsys.significance import SIGNIFICANT

_FIRST = 3
"""Positions at the head of a list, which are compared with those below."""

_TIMES_AS_OFTEN = 1.5
"""If the same items are chosen more than this many times as often at the head, the position may decide much."""

_ENOUGH = 5_000_000
"""Newest impressions that are looked at."""


def positions_from_one(log: InteractionLog) -> Iterator[str]:
    """Lists without a first position."""
    positions = log.positions[log.is_impression & (log.positions >= 0)]
    if len(positions) and positions.min() > 0:
        yield "no impression has position 0, the first of a list; if 1 is your first position, subtract 1 everywhere"


def position_bias(log: InteractionLog) -> Iterator[str]:
    """Choices that may follow the position more than what is wanted, in a training that does not account for that."""
    if not log.is_impression.any():
        if len(np.unique(log.positions[(log.weights > 0) & (log.positions >= 0)])) > 1:
            yield (
                "positive events name their position, and no impression is logged: what stands first is chosen more "
                "often because it stands first, and nothing tells that from what is wanted; log what is shown as "
                "impressions with request_id and position, then --set ranker.debias=true can"
            )
        return
    ratio = chosen_at_the_head(log)
    if ratio > _TIMES_AS_OFTEN:
        yield (
            f"the same items are chosen {ratio:.1f} times as often among the first {_FIRST} positions of a list as "
            "further down; if that is because of the position, and not because lists begin with what their user "
            "likes, --set ranker.debias=true learns what is wanted apart from it (docs/data.md, Lists that were shown)"
        )


def chosen_at_the_head(log: InteractionLog) -> float:
    """How many times as often the same items are chosen at the head of a list as further down; 1 where that may be
    chance, or is not known.

    Shown items with a position and the id of their list are compared, each item with itself (the rate ratio of Mantel
    and Haenszel, 1959, and their test), because better items may stand first.
    """
    shown = np.flatnonzero(log.is_impression & (log.positions >= 0) & (log.requests >= 0))[-_ENOUGH:]
    wanted = np.flatnonzero((log.weights > 0) & (log.requests >= 0))
    if not len(shown) or not len(wanted):
        return 1.0
    keys = log.requests.astype(np.int64) * log.n_items + log.items
    chosen, at_head, items = np.isin(keys[shown], keys[wanted]), log.positions[shown] < _FIRST, log.items[shown]

    def count(of: NDArray[np.bool_]) -> NDArray[np.float64]:
        return np.bincount(items[of], minlength=log.n_items).astype(np.float64)

    head, below = count(at_head), count(~at_head)
    head_chosen, below_chosen = count(at_head & chosen), count(~at_head & chosen)
    either, n = head_chosen + below_chosen, np.maximum(head + below, 2.0)
    # The number chosen at the head, if the position did not matter (hypergeometric).
    expected = (either * head / n).sum()
    deviation = np.sqrt((either * (n - either) * head * below / (n * n * (n - 1.0))).sum())
    at_chance = (below_chosen * head / n).sum()
    if not at_chance or head_chosen.sum() - expected <= SIGNIFICANT * deviation:
        return 1.0
    return float((head_chosen * below / n).sum() / at_chance)
