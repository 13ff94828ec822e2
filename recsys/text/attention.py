"""Which past events matter: a logit for each, from its position in the history, its age, its kind and its weight."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.data.log.history import HistoryBatch
from recsys.text.compiled import attended_columns

AGES = 26
"""Rows of the age table: 0 for an unknown age, then one for each doubling from a minute to some thirty years."""


@dataclass(frozen=True)
class AttendedEvents:
    """The events that attention looks at: the newest positive ones of each history. All arrays are (n_read,).

    Attributes:
        chosen: rows of the events in the batch they come from.
        rows: the request of each event.
        items: item numbers.
        positions: 0 for the newest one.
        ages: row of the age table.
        kinds: row of the event table: 0 unknown, else the number of the event's name + 1.
        log_weights: logarithm of 1 + the weight of the event.
    """

    chosen: NDArray[np.int64]
    rows: NDArray[np.int64]
    items: NDArray[np.int64]
    positions: NDArray[np.int64]
    ages: NDArray[np.int64]
    kinds: NDArray[np.int64]
    log_weights: NDArray[np.float32]


def attended_events(histories: HistoryBatch, max_history: int, n_kinds: int) -> AttendedEvents:
    """Take the newest `max_history` positive events of each history; kinds from `n_kinds` on count as unknown."""
    columns = histories.offsets, histories.items, histories.events, histories.weights
    return AttendedEvents(*attended_columns(*columns, histories.ages, max_history, n_kinds, AGES))


def event_logits(
    events: AttendedEvents, item_logits: NDArray[np.float32], parameters: Mapping[str, NDArray[np.float32]]
) -> NDArray[np.float32]:
    """(n_read,) attention logit of each event; `item_logits` (n_items,) is what the item itself adds."""
    logits: NDArray[np.float32] = (
        item_logits[events.items]
        + parameters["place_logits"][events.positions]
        + parameters["age_logits"][events.ages]
        + parameters["event_logits"][events.kinds]
        + parameters["worth"] * events.log_weights
    )
    return logits


def softmax_by_row(logits: NDArray[np.float32], rows: NDArray[np.int64], n_rows: int) -> NDArray[np.float32]:
    """(n,) softmax of the logits (n,) within each of the rows 0 to n_rows - 1; `rows` (n,) says where each belongs."""
    largest = np.full(n_rows, -np.inf, dtype=np.float32)
    np.maximum.at(largest, rows, logits)
    powers = np.exp(logits - largest[rows])
    totals = np.bincount(rows, powers, minlength=n_rows)
    within: NDArray[np.float32] = (powers / totals[rows]).astype(np.float32)
    return within
