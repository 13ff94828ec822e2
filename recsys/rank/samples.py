"""Which rows a ranker learns from and which ones judge it: sampled, split by time, given positions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recsys.arrays.ragged import indices_within
from recsys.config import RankerConfig
from recsys.errors import DataError
from recsys.rank.rows import RankerRows

HELD_OUT = 0.2
"""Newest share of the requests: held out at first, to decide how many trees are kept, and to calibrate the scores."""


@dataclass(frozen=True)
class LearningRows:
    """The rows of one or more windows that a ranker needs, which are about half of them.

    Attributes:
        older: of the older requests, only the rows that a ranker is fitted on.
        newest: all rows of the newest share of the requests.
    """

    older: RankerRows
    newest: RankerRows

    @classmethod
    def of(cls, *windows: RankerRows, config: RankerConfig, seed: int, newest: float = HELD_OUT) -> "LearningRows":
        """Choose from the windows one by one, because a copy of all would take much memory.

        Args:
            windows: in time order.
            seed: of the draw among negative rows, see `to_learn_from`.
        """
        start, generator = _start_of(windows, newest), np.random.default_rng(seed)
        older = (to_learn_from(rows, config, generator, rows.times < start) for rows in windows)
        return cls(
            RankerRows.joined([replace(rows, missed=rows.missed[rows.missed < start]) for rows in older]),
            RankerRows.joined([_since(rows, start) for rows in windows]),
        )


def sampled(
    rows: RankerRows,
    negatives: int,
    seed: int | np.random.Generator,
    first: NDArray[np.bool_] | None = None,
    requests: NDArray[np.bool_] | None = None,
) -> RankerRows:
    """At most `negatives` negative rows (gain 0) a request, drawn evenly; all positive ones.

    Args:
        first: (n_rows,) negative rows that are taken before any other.
        requests: (n_requests,) those that are kept; None: all.
    """
    draw = np.random.default_rng(seed).random(len(rows.gains))
    if first is not None:
        draw[first] -= 1.0
    draw[rows.positive] = -2.0
    of = rows.requests
    order = np.lexsort((draw, of))
    n_positive = np.bincount(of, weights=rows.positive, minlength=rows.n_requests).astype(np.int64)
    chosen = np.zeros(len(draw), dtype=bool)
    chosen[order[indices_within(of) < np.repeat(n_positive + negatives, rows.sizes)]] = True
    return rows.select(chosen, np.ones(rows.n_requests, dtype=bool) if requests is None else requests)


def to_learn_from(
    rows: RankerRows,
    config: RankerConfig,
    seed: int | np.random.Generator,
    requests: NDArray[np.bool_] | None = None,
) -> RankerRows:
    """The rows that a ranker is fitted on, of all requests or of the chosen ones (n_requests,).

    With `config.debias`, what was shown at a known position is taken before other negative rows.
    """
    return sampled(rows, config.negatives, seed, rows.at_known_positions if config.debias else None, requests)


def split(rows: RankerRows, newest: float = HELD_OUT) -> tuple[RankerRows, RankerRows]:
    """The older requests, and the newest share of them by time; equal times stay together."""
    start = _start_of([rows], newest)
    is_older = rows.times < start
    older = rows.select(np.repeat(is_older, rows.sizes), is_older)
    return replace(older, missed=rows.missed[rows.missed < start]), _since(rows, start)


def with_positions(rows: RankerRows, seed: int) -> RankerRows:
    """The requests in which something wanted was shown at a known position, with a position for every row.

    Clicks outside the list are left out, since no position explains them. A candidate that was not shown gets the
    position of a shown item of its request, drawn evenly. So it teaches nothing about positions, but does teach how
    candidates differ from what is shown: without such rows the ranker could not rank items that no list ever held.

    Raises:
        DataError: the log has no positions.
    """
    if rows.positions is None or not rows.at_known_positions.any():
        raise DataError("ranker.debias needs impressions with positions in the log; leave it off without them")
    has_click = np.zeros(rows.n_requests, dtype=bool)
    has_click[rows.requests[rows.at_known_positions & rows.positive]] = True
    rows = rows.keep((rows.at_known_positions | ~rows.positive) & np.repeat(has_click, rows.sizes))
    known, positions = rows.at_known_positions, np.array(rows.positions)
    n_shown = np.bincount(rows.requests[known], minlength=rows.n_requests)
    first, of = np.cumsum(n_shown) - n_shown, rows.requests[~known]
    drawn = (np.random.default_rng(seed).random(len(of)) * n_shown[of]).astype(np.int64)
    positions[~known] = positions[known][first[of] + drawn]
    return replace(rows, positions=positions)


def _start_of(windows: Sequence[RankerRows], newest: float) -> int:
    """Microseconds at which the newest share of the requests begins; equal times stay together."""
    times = np.concatenate([rows.times for rows in windows])
    start = int(np.quantile(times, 1.0 - newest, method="higher")) if len(times) else 0
    if len(times) and start == times.min():  # most have the first moment: then only later ones are newer
        start = int(np.min(times, where=times > start, initial=np.iinfo(np.int64).max))
    return start


def _since(rows: RankerRows, start: int) -> RankerRows:
    """The requests from a moment on."""
    is_newer = rows.times >= start
    newer = rows.select(np.repeat(is_newer, rows.sizes), is_newer)
    return replace(newer, missed=rows.missed[rows.missed >= start])
