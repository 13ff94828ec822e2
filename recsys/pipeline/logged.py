"""Placements of a window whose propensities were logged, beside what a recommender would have placed there."""

import numpy as np
from numpy.typing import NDArray

from features.feature_set import FeatureSet
from recsys.data.interactions import InteractionLog
from recsys.eval.offpolicy import Logged
from recsys.pipeline.past_requests import PastRequests
from recsys.pipeline.past_scoring import PastScoring
from recsys.pipeline.rankers import Rankers
from recsys.pipeline.ranking import RankedBlock, rank_block


def logged_placements(
    past: PastScoring, features: FeatureSet, rankers: Rankers, window: InteractionLog, most: int, seed: int
) -> Logged | None:
    """Every impression with a request, a position and a propensity; None where the window has none.

    A placement earns 1 when its user showed interest in the item in the same request. A recommender that leaves nothing
    to chance puts one item at each place: its probability there is 1, and that of all others 0. Its list is as long as
    the one that was shown, but no longer than it ranks candidates: behind that it puts nothing.

    Args:
        past: with sources that have not learned from the window.
        window: the events, in the numbers of `past`.
        most: requests that are looked at, drawn by `seed`.
    """
    placed = window.is_impression & np.isfinite(window.propensities) & (window.requests >= 0) & (window.positions >= 0)
    if not placed.any():
        return None
    shown, wanted = window.select(placed), window.positive()
    lists, first, rows = np.unique(_lists(shown), return_index=True, return_inverse=True)
    order = np.argsort(rows, kind="stable")
    at = np.minimum(np.searchsorted(lists, _lists(wanted)), len(lists) - 1)
    told = lists[at] == _lists(wanted)
    keys = rows * np.int64(window.n_items) + shown.items
    earned = np.isin(keys, at[told] * np.int64(window.n_items) + wanted.items[told])
    nothing, none = np.zeros(len(lists) + 1, dtype=np.int64), np.zeros(0, dtype=np.int32)
    offsets = np.concatenate([[0], np.cumsum(np.bincount(rows))]).astype(np.int64)
    # What was placed is looked up through its own number, so that sampling and sorting carry it along.
    requests = PastRequests(
        shown.users[first],
        shown.times[first],
        nothing,
        none,
        none,
        offsets,
        order.astype(np.int32),
        shown.positions[order],
    )
    requests = requests.take(np.argsort(requests.times, kind="stable")).sample(most, seed)
    lengths, most_ranked = np.zeros(len(lists), dtype=np.int64), past.config.candidates.n
    np.maximum.at(lengths, rows, np.minimum(shown.positions.astype(np.int64) + 1, most_ranked))
    target, expected, predicted, places = [], [], [], []
    for part, block in past.blocks(requests):
        asked = lengths[rows[part.shown_items[part.shown_offsets[:-1]]]].tolist()
        ranked = rank_block(past.scoring, features, rankers.full, block, most_ranked, asked)
        chances = rankers.click.probability(ranked.scores).astype(np.float64)
        for row, n in enumerate(asked):
            own = part.shown_items[part.shown_offsets[row] : part.shown_offsets[row + 1]]
            says = _placed(ranked, chances, row, n)
            positions, items = np.minimum(shown.positions[own], n), shown.items[own]
            target.append((says[0][positions] == items).astype(np.float64))
            expected.append(says[1][positions])
            predicted.append(_chance_of(ranked, chances, row, items))
            places.append(own)
    chosen = np.concatenate(places)
    return Logged(
        rewards=earned[chosen].astype(np.float64),
        propensities=shown.propensities[chosen].astype(np.float64),
        target=np.concatenate(target),
        predicted=np.concatenate(predicted),
        expected=np.concatenate(expected),
        requests=rows[chosen].astype(np.int32),
        n_behind=int(np.count_nonzero(shown.positions[chosen] >= most_ranked)),
    )


def _lists(log: InteractionLog) -> NDArray[np.int64]:
    """(n_events,) the list that each event is of: two users may have the same request_id, and not the same list."""
    return log.users * np.int64(2**32) + log.requests


def _placed(
    ranked: RankedBlock, chances: NDArray[np.float64], row: int, n: int
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """(n + 1,) items of the list and their probabilities; -1 and 0 behind its end, and behind place n."""
    pairs = ranked.orders[row][:n]
    items, expected = np.full(n + 1, -1, dtype=np.int32), np.zeros(n + 1)
    items[: len(pairs)], expected[: len(pairs)] = ranked.candidates.items[pairs], chances[pairs]
    return items, expected


def _chance_of(
    ranked: RankedBlock, chances: NDArray[np.float64], row: int, items: NDArray[np.int32]
) -> NDArray[np.float64]:
    """(n,) probabilities of items that are among the candidates of a request; 0 for others."""
    start, stop = np.searchsorted(ranked.candidates.rows, [row, row + 1])
    known = ranked.candidates.items[start:stop]  # increasing
    places = np.minimum(np.searchsorted(known, items), max(len(known) - 1, 0))
    if not len(known):
        return np.zeros(len(items))
    return np.where(known[places] == items, chances[start:stop][places], 0.0)
