"""Loops over events that numpy has no word for, compiled by numba at their first use and kept beside the source (or in
`NUMBA_CACHE_DIR`). All write into arrays that are given; none of them allocates much.
"""

import math

import numpy as np
from numba import njit

from features.codes import (
    COUNT,
    DECAYED,
    EVERYTHING,
    EXAMINATION,
    FIRST,
    PLACE_BITS,
    POSITIVES,
    VALUED,
    VALUES,
    WEIGHTS,
)
from recsys.data.arrays import Floats, Ints
from recsys.data.compiled import Events
from recsys.data.examination import EXAMINATION_EXPONENT


@njit(cache=True, nogil=True)
def fold(
    keys: Ints,
    chosen: Ints,
    events: Ints,
    weights: Floats,
    values: Floats,
    positions: Ints,
    times: Ints,
    sums: Ints,
    states: Ints,
    half_lives: Floats,
    running: Floats,
    known: Floats,
) -> None:
    """Fill running sums and states over a timeline, in one pass.

    Args:
        keys: (n,) of the timeline.
        chosen: (n,) place in the log of each of its events, in the order of time.
        events, weights, values, positions, times: columns of the log.
        sums, states: (n_measures, 2) which events count, and what of them.
        half_lives: (n_states,) microseconds.
        running, known: (n + 1, n_measures), see `Columns`.
    """
    places = (1 << PLACE_BITS) - 1
    totals = np.zeros(len(sums))
    current = np.full(len(states), np.nan)
    item, then = -1, 0
    running[0] = 0.0
    known[0] = np.nan
    for row in range(len(keys)):
        event = chosen[keys[row] & places]
        now, code, weight = times[event], np.int64(events[event]), weights[event]
        if keys[row] >> PLACE_BITS != item:
            item, then = keys[row] >> PLACE_BITS, now
            for column in range(len(states)):
                current[column] = 0.0 if states[column, 1] == DECAYED else np.nan
        for column in range(len(sums)):
            counted, what = sums[column, 0], sums[column, 1]
            if counted in (EVERYTHING, code) or (counted == POSITIVES and weight > 0):
                if what == COUNT:
                    totals[column] += 1.0
                elif what == WEIGHTS:
                    totals[column] += weight
                elif what == VALUES:
                    totals[column] += 0.0 if math.isnan(values[event]) else values[event]
                elif what == VALUED:
                    totals[column] += 0.0 if math.isnan(values[event]) else 1.0
                elif what == EXAMINATION:
                    totals[column] += (1.0 + max(positions[event], 0)) ** -EXAMINATION_EXPONENT
            running[row + 1, column] = totals[column]
        for column in range(len(states)):
            counted, what = states[column, 0], states[column, 1]
            if what == DECAYED and now != then:
                current[column] *= 2.0 ** ((then - now) / half_lives[column])
            if counted in (EVERYTHING, code) or (counted == POSITIVES and weight > 0):
                if what == DECAYED:
                    current[column] += 1.0
                elif what != FIRST or math.isnan(current[column]):
                    current[column] = now
            known[row + 1, column] = current[column]
        then = now


@njit(cache=True, nogil=True)
def search(keys: Ints, key: int, first: int, last: int) -> int:
    """The first place in [first, last) of increasing `keys` that is not below `key`; `last` without one.

    Steps grow from `first` on, so that what is near is found soon.
    """
    step, end = 1, first
    while end < last and keys[end] < key:
        first = end + 1
        end += step
        step <<= 1
    last = min(end, last)
    while first < last:
        middle = (first + last) >> 1
        if keys[middle] < key:
            first = middle + 1
        else:
            last = middle
    return first


@njit(cache=True, nogil=True)
def answer(
    keys: Ints,
    times: Ints,
    running: Floats,
    known: Floats,
    items: Ints,
    rows: Ints,
    now: Ints,
    edges: Ints,
    numbers: Ints,
    sums: Ints,
    states: Ints,
    half_lives: Floats,
    answers: Floats,
) -> None:
    """Add to the answers what a timeline tells.

    Args:
        keys, times: of the timeline.
        running, known: over it, see `Columns`.
        items: (n_pairs,) numbers, best in order.
        rows: (n_pairs,) request of each pair.
        now: (n_requests,) microseconds.
        edges: (n_requests, n_windows) things of all items before each window's begin, increasing in a row; the last one
            is that of the requests themselves.
        numbers: (n, 2) column of the answer, window: how many things.
        sums: (n, 3) column of the answer, window, column of `running`.
        states: (n, 3) column of the answer, what, column of `known`.
        half_lives: (n_states,) microseconds.
        answers: (n_pairs, n_questions).
    """
    n_windows, places = edges.shape[1], (1 << PLACE_BITS) - 1
    found = np.empty(n_windows, dtype=np.int64)
    last = np.empty(n_windows, dtype=np.int64)
    item, start, stop = -1, 0, 0
    for pair in range(len(items)):
        if items[pair] != item:
            begin = stop if items[pair] > item else 0
            item = items[pair]
            start = search(keys, item << PLACE_BITS, begin, len(keys))
            stop = search(keys, (item + 1) << PLACE_BITS, start, len(keys))
            found[:] = start
            last[:] = 0
        if start == stop:
            continue
        row, place = rows[pair], start
        for window in range(n_windows):
            edge = edges[row, window]
            if edge >= last[window]:  # behind where the pair before has been
                place = max(place, found[window])
            place = search(keys, (item << PLACE_BITS) | edge, place, stop)
            found[window], last[window] = place, edge
        if place == start:
            continue
        for number in range(len(numbers)):
            answers[pair, numbers[number, 0]] += place - found[numbers[number, 1]]
        for question in range(len(sums)):
            column = sums[question, 2]
            answers[pair, sums[question, 0]] += running[place, column] - running[found[sums[question, 1]], column]
        for question in range(len(states)):
            own, to, what = known[place, states[question, 2]], states[question, 0], states[question, 1]
            if what == DECAYED:
                age = now[row] - times[keys[place - 1] & places]
                answers[pair, to] += own * 2.0 ** (-age / half_lives[question])
            elif not math.isnan(own):
                age = now[row] - own
                if math.isnan(answers[pair, to]) or (age > answers[pair, to]) == (what == FIRST):
                    answers[pair, to] = age


@njit(cache=True, nogil=True)
def cross(times: Ints, items: Ints, chosen: Ints, lengths: Ints, now: int, edges: Ints, made: Ints, never: int) -> None:
    """Move edges of windows to another moment, and say `never` of the items whose events they pass.

    Args:
        times: (n,) of events, in order.
        items: of the log; `chosen` (n,) are the places of the events in it.
        lengths: (n_windows,) microseconds.
        now: the moment that the windows end at.
        edges: (n_windows,) events before each window's begin, changed in place.
        made: (n_items,) changed in place; items behind its end are not looked at.
    """
    for window in range(len(lengths)):
        edge, begin = edges[window], now - lengths[window]
        while edge < len(times) and times[edge] < begin:
            if items[chosen[edge]] < len(made):
                made[items[chosen[edge]]] = never
            edge += 1
        while edge > 0 and times[edge - 1] >= begin:
            edge -= 1
            if items[chosen[edge]] < len(made):
                made[items[chosen[edge]]] = never
        edges[window] = edge


@njit(cache=True, nogil=True)
def recall(
    known: Floats,
    made: Ints,
    items: Ints,
    now: int,
    ageing: Ints,
    halving: Ints,
    half_lives: Floats,
    day: float,
    values: Floats,
) -> None:
    """Fill `values` (n_columns, n_pairs) with what is known of items (n_pairs,), brought to another moment.

    Args:
        known: (n_items, n_columns) as they were when they were made; `made` (n_items,) is when.
        ageing: columns that count days, of which `day` is one.
        halving: columns that fade, with their `half_lives`.
    """
    for pair in range(len(items)):
        item = items[pair]
        age = np.float32(now - made[item])
        for column in range(known.shape[1]):
            values[column, pair] = known[item, column]
        for column in ageing:
            values[column, pair] += age / np.float32(day)
        for place in range(len(halving)):
            values[halving[place], pair] *= np.exp2(age / np.float32(-half_lives[place]))


@njit(cache=True, nogil=True)
def newest(
    keys: Ints,
    times: Ints,
    chosen: Ints,
    items: Ints,
    events: Ints,
    weights: Floats,
    users: Ints,
    now: Ints,
    limit: int,
) -> Events:
    """The newest `limit` acts of each user (n_requests,), -1 for an unknown one, before `now` (n_requests,).

    Args:
        keys, times: of the timeline of users.
        chosen: (n,) place in the log of each of its events, in the order of time.
        items, events, weights: columns of the log.
    """
    places, starts = (1 << PLACE_BITS) - 1, np.zeros(len(users), dtype=np.int64)
    offsets = np.zeros(len(users) + 1, dtype=np.int64)
    for request in range(len(users)):
        if users[request] >= 0:
            first = np.int64(users[request]) << PLACE_BITS
            start = np.searchsorted(keys, first)
            stop = np.searchsorted(keys, first | np.searchsorted(times, now[request]))
            starts[request] = max(start, stop - limit)
            offsets[request + 1] = stop - starts[request]
        offsets[request + 1] += offsets[request]
    n = offsets[-1]
    found = np.empty(n, dtype=items.dtype), np.empty(n, dtype=events.dtype)
    moments, worth = np.empty(n, dtype=times.dtype), np.empty(n, dtype=weights.dtype)
    for request in range(len(users)):
        for event in range(offsets[request], offsets[request + 1]):
            place = keys[starts[request] + event - offsets[request]] & places
            own = chosen[place]
            found[0][event], found[1][event] = items[own], events[own]
            moments[event], worth[event] = times[place], weights[own]
    return offsets, found[0], found[1], moments, worth


@njit(cache=True, nogil=True)
def form(
    answers: Floats, above: Ints, below: Ints, factors: Floats, plus: Floats, strengths: Floats, values: Floats
) -> None:
    """Fill `values` (n_pairs, n_columns) with (answer above * factor + plus) / (answer below + strength).

    Args:
        answers: (n_pairs, n_questions).
        above, below: (n_columns,) columns of the answers; -1 below for nothing to divide by. What is divided by an
            answer of 0 is NaN.
    """
    for pair in range(len(answers)):
        for column in range(len(above)):
            value = answers[pair, above[column]] * factors[column] + plus[column]
            if below[column] >= 0:
                counted = answers[pair, below[column]]
                value = value / (counted + strengths[column]) if counted > 0 else np.nan
            values[pair, column] = value
