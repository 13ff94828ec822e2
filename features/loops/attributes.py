"""Loops that compare candidates with the history by an attribute of the items. Their arguments are those of
`features.loops.pairs`."""

import math

import numpy as np

from recsys.arrays.jit import jit
from recsys.arrays.types import Floats, Ints

_NEWEST = 20
"""Events of a history that a distance is measured from."""

_NEWEST_OF_STEPS = 5
"""The same of a step up or down, which is measured from where the user is now, not from where the user has been."""


@jit()
def fill_named_shares(
    indptr: Ints, indices: Ints, offsets: Ints, history: Ints, bounds: Ints, candidates: Ints, shares: Floats
) -> None:
    """Fill `shares` (n_pairs,) with the share of the items that a candidate names that are in the history.

    Args:
        indptr, indices: (n_items, n_items) CSR. Without a name it is NaN.
    """
    met = np.zeros(len(indptr) - 1, dtype=np.bool_)
    for request in range(len(offsets) - 1):
        events = history[offsets[request] : offsets[request + 1]]
        for item in events:
            met[item] = True
        for pair in range(bounds[request], bounds[request + 1]):
            first, last, had = indptr[candidates[pair]], indptr[candidates[pair] + 1], 0
            for entry in range(first, last):
                had += met[indices[entry]]
            shares[pair] = had / (last - first) if last > first else np.nan
        for item in events:
            met[item] = False


@jit()
def fill_distances(
    quantiles: Floats, offsets: Ints, history: Ints, bounds: Ints, candidates: Ints, distances: Floats
) -> None:
    """Fill `distances` (n_pairs,) with the mean distance of each candidate from the newest events of the history.

    Args:
        quantiles: (n_items,) NaN where missing; what is missing in the history does not count.
    """
    for request in range(len(offsets) - 1):
        for pair in range(bounds[request], bounds[request + 1]):
            own, total, known = quantiles[candidates[pair]], 0.0, 0
            for event in range(max(offsets[request], offsets[request + 1] - _NEWEST), offsets[request + 1]):
                between = abs(quantiles[history[event]] - own)
                if not math.isnan(between):
                    total += between
                    known += 1
            distances[pair] = total / known if known else np.nan


@jit()
def fill_quantity_steps(
    quantiles: Floats, offsets: Ints, history: Ints, bounds: Ints, candidates: Ints, steps: Floats
) -> None:
    """Fill `steps` (n_pairs,) with how far each candidate is above the mean of the newest events of the history.

    Args:
        quantiles: (n_items,) NaN where missing; what is missing in the history does not count.
    """
    for request in range(len(offsets) - 1):
        total, known, event = 0.0, 0, offsets[request + 1] - 1
        while event >= offsets[request] and known < _NEWEST_OF_STEPS:
            quantile = quantiles[history[event]]
            if not math.isnan(quantile):
                total += quantile
                known += 1
            event -= 1
        for pair in range(bounds[request], bounds[request + 1]):
            steps[pair] = quantiles[candidates[pair]] - total / known if known else np.nan


@jit()
def fill_steps(
    lines: Ints,
    positions: Ints,
    n_lines: int,
    offsets: Ints,
    history: Ints,
    bounds: Ints,
    candidates: Ints,
    steps: Floats,
) -> None:
    """Fill `steps` (n_pairs,) with how far each candidate stands behind the furthest item of the history in its line.

    Args:
        lines, positions: (n_items,) the line of each item, and its position there; a line of -1 is none. Without an
            item of the line in the history it is NaN.
    """
    furthest = np.full(n_lines, -1, dtype=np.int64)
    for request in range(len(offsets) - 1):
        events = history[offsets[request] : offsets[request + 1]]
        for item in events:
            if lines[item] >= 0:
                furthest[lines[item]] = max(furthest[lines[item]], positions[item])
        for pair in range(bounds[request], bounds[request + 1]):
            line = lines[candidates[pair]]
            reached = furthest[line] if line >= 0 else -1
            steps[pair] = positions[candidates[pair]] - reached if reached >= 0 else np.nan
        for item in events:
            if lines[item] >= 0:
                furthest[lines[item]] = -1
