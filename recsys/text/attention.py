"""Which past events matter: a logit for each, from its place in the history, its age, its kind and its worth."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.data.history import HistoryBatch

AGES = 26
"""Rows of the age table: 0 for an unknown age, then one for each doubling from a minute to some thirty years."""


@dataclass(frozen=True)
class ReadEvents:
    """The events that the model reads: the newest positive ones of each history. All arrays are (n_read,).

    Attributes:
        chosen: rows of the events in the batch they come from.
        rows: the request of each event.
        items: item numbers.
        places: 0 for the newest one.
        ages: row of the age table.
        kinds: row of the event table: 0 unknown, else the number of the event's name + 1.
        worth: logarithm of 1 + the event's weight.
    """

    chosen: NDArray[np.int64]
    rows: NDArray[np.int64]
    items: NDArray[np.int64]
    places: NDArray[np.int64]
    ages: NDArray[np.int64]
    kinds: NDArray[np.int64]
    worth: NDArray[np.float32]


def read(histories: HistoryBatch, max_history: int, n_kinds: int) -> ReadEvents:
    """Take the newest `max_history` positive events of each history; kinds from `n_kinds` on count as unknown."""
    chosen = np.flatnonzero(histories.weights > 0)
    rows = histories.rows[chosen]
    stops = np.searchsorted(rows, rows, side="right")
    places = stops - 1 - np.arange(len(rows))
    newest = places < max_history
    chosen, rows, places = chosen[newest], rows[newest], places[newest]
    minutes = np.maximum(histories.ages[chosen] / 60.0, 1.0)
    known = ~np.isnan(minutes)
    ages = np.zeros(len(rows), dtype=np.int64)
    ages[known] = np.minimum(1 + np.log2(minutes[known]).astype(np.int64), AGES - 1)
    kinds = histories.events[chosen].astype(np.int64) + 1
    kinds[kinds >= n_kinds] = 0
    items = histories.items[chosen].astype(np.int64)
    return ReadEvents(chosen, rows, items, places, ages, kinds, np.log1p(histories.weights[chosen]))


def event_logits(
    events: ReadEvents, item_logits: NDArray[np.float32], parameters: Mapping[str, NDArray[np.float32]]
) -> NDArray[np.float32]:
    """(n_read,) attention logit of each event; `item_logits` (n_items,) is what the item itself adds."""
    logits: NDArray[np.float32] = (
        item_logits[events.items]
        + parameters["place_logits"][events.places]
        + parameters["age_logits"][events.ages]
        + parameters["event_logits"][events.kinds]
        + parameters["worth"] * events.worth
    )
    return logits


def shares(logits: NDArray[np.float32], rows: NDArray[np.int64], n_rows: int) -> NDArray[np.float32]:
    """Softmax of the logits within each row."""
    largest = np.full(n_rows, -np.inf, dtype=np.float32)
    np.maximum.at(largest, rows, logits)
    powers = np.exp(logits - largest[rows])
    totals = np.bincount(rows, powers, minlength=n_rows)
    within: NDArray[np.float32] = (powers / totals[rows]).astype(np.float32)
    return within
