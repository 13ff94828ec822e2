"""The loops that numpy has no word for, compiled by numba at their first use and kept beside the source (or in
`NUMBA_CACHE_DIR`). All write into arrays that are given; none of them allocates much.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

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
from recsys.data.examination import EXAMINATION_EXPONENT

Ints = NDArray[np.integer]
Floats = NDArray[np.floating]


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
def match(offsets: Ints, own: Ints, ages: Floats, rows: Ints, codes: Ints, newest: int, found: Floats) -> None:
    """Compare candidates with the events of the history by a code.

    Args:
        offsets: (n_requests + 1,) where each history starts.
        own, ages: (n_events,) code of each event, below 0 for none; age in any unit.
        rows, codes: (n_pairs,) request and code of each candidate.
        newest: look at so many newest events only.
        found: (4, n_pairs) filled with the number of events with the candidate's code; the share of them, NaN without a
            code or events; and of the newest one: the number of events since, the age, NaN without one.
    """
    for pair in range(len(rows)):
        last = offsets[rows[pair] + 1]
        first = max(offsets[rows[pair]], last - newest)
        code, count, place = codes[pair], 0, -1
        if code >= 0:
            for event in range(first, last):
                if own[event] == code:
                    count += 1
                    place = event
        found[0, pair] = count
        found[1, pair] = count / (last - first) if code >= 0 and last > first else np.nan
        found[2, pair] = last - 1 - place if count else np.nan
        found[3, pair] = ages[place] if count else np.nan


@njit(cache=True, nogil=True)
def describe(offsets: Ints, weights: Floats, ages: Floats, found: Floats) -> None:
    """Fill `found` (4, n_requests): length of each history, share of signs of interest, ages of last and first event.

    Args:
        offsets: (n_requests + 1,) where each history starts.
        weights, ages: (n_events,), in time order within a history. What an empty history has not is NaN.
    """
    for request in range(len(offsets) - 1):
        first, last = offsets[request], offsets[request + 1]
        positive = 0
        for event in range(first, last):
            positive += weights[event] > 0
        found[0, request] = last - first
        found[1, request] = positive / (last - first) if last > first else np.nan
        found[2, request] = ages[last - 1] if last > first else np.nan
        found[3, request] = ages[first] if last > first else np.nan


@njit(cache=True, nogil=True)
def link(
    indptr: Ints,
    indices: Ints,
    data: Floats,
    offsets: Ints,
    history: Ints,
    bounds: Ints,
    candidates: Ints,
    table: Floats,
) -> None:
    """Fill `table` (n_events, n_pairs), newest event first, with the links from items of a history to the candidates.

    Args:
        indptr, indices, data: links (n_items, n_items), CSR.
        offsets, history: histories; at most n_events each.
        bounds: (n_requests + 1,) where each request's pairs start.
        candidates: (n_pairs,) items, increasing within a request.
    """
    for request in range(len(offsets) - 1):
        first, last = bounds[request], bounds[request + 1]
        if first == last:
            continue
        for event in range(offsets[request], offsets[request + 1]):
            row = offsets[request + 1] - 1 - event
            for entry in range(indptr[history[event]], indptr[history[event] + 1]):
                place = search(candidates, indices[entry], first, last)
                if place < last and candidates[place] == indices[entry]:
                    table[row, place] = data[entry]


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def compare(vectors: Floats, offsets: Ints, history: Ints, bounds: Ints, candidates: Ints, table: Floats) -> None:
    """Fill `table` (n_events, n_pairs), newest event first, with dot products of the vectors (n_items, dim) of items of
    a history and of the candidates; the rest as for `link`. No vector is copied.
    """
    for request in range(len(offsets) - 1):
        for place in range(bounds[request], bounds[request + 1]):
            for event in range(offsets[request], offsets[request + 1]):
                product = np.float32(0)
                for dimension in range(vectors.shape[1]):
                    product += vectors[history[event], dimension] * vectors[candidates[place], dimension]
                table[offsets[request + 1] - 1 - event, place] = product


@njit(cache=True, nogil=True)
def aggregate(table: Floats, lengths: Ints, fading: float, found: Floats) -> None:
    """Fill `found` (6, n_pairs) with last, max, min, mean, decayed mean and place of the maximum.

    Args:
        table: (n_events, n_pairs) affinities, newest event first.
        lengths: (n_pairs,) events of each history; nothing is filled where there is none.
    """
    for pair in range(len(lengths)):
        if lengths[pair] == 0:
            continue
        high = low = total = faded = table[0, pair]
        weight, weights, place = 1.0, 1.0, 0
        for event in range(1, lengths[pair]):
            value = table[event, pair]
            weight *= fading
            weights += weight
            total += value
            faded += weight * value
            if value > high:
                high, place = value, event
            low = min(low, value)
        found[0, pair], found[1, pair], found[2, pair] = table[0, pair], high, low
        found[3, pair], found[4, pair], found[5, pair] = total / lengths[pair], faded / weights, place


@njit(cache=True, nogil=True)
def share_tags(
    indptr: Ints,
    indices: Ints,
    n_tags: int,
    offsets: Ints,
    history: Ints,
    bounds: Ints,
    candidates: Ints,
    shares: Floats,
) -> None:
    """Fill `shares` (n_pairs,) with the mean over a candidate's tags of the share of the history that has the tag.

    Args:
        indptr, indices: (n_items, n_tags) CSR.
        offsets, history: histories.
        bounds: (n_requests + 1,) where each request's pairs start.
        candidates: (n_pairs,) items. Without tags, or without a history, nothing is filled.
    """
    counts = np.zeros(n_tags, dtype=np.int64)
    for request in range(len(offsets) - 1):
        events = history[offsets[request] : offsets[request + 1]]
        if len(events) == 0:
            continue
        for item in events:
            for entry in range(indptr[item], indptr[item + 1]):
                counts[indices[entry]] += 1
        for pair in range(bounds[request], bounds[request + 1]):
            first, last = indptr[candidates[pair]], indptr[candidates[pair] + 1]
            if first < last:
                total = 0
                for entry in range(first, last):
                    total += counts[indices[entry]]
                shares[pair] = total / ((last - first) * len(events))
        for item in events:
            for entry in range(indptr[item], indptr[item + 1]):
                counts[indices[entry]] = 0


@njit(cache=True, nogil=True)
def place(scores: Floats, order: Ints, bounds: Ints, ranks: Floats, shares: Floats) -> None:
    """Fill `ranks` and `shares` (n_sources, n_pairs): the place in the request, and the part of its largest score.

    Args:
        scores: (n_sources, n_pairs).
        order: (n_sources, n_pairs) pairs of each request, best first.
        bounds: (n_requests + 1,) where each request's pairs start.
    """
    for source in range(len(scores)):
        for request in range(len(bounds) - 1):
            largest = np.float32(0)
            for pair in range(bounds[request], bounds[request + 1]):
                ranks[source, order[source, pair]] = pair - bounds[request]
                largest = max(largest, abs(scores[source, pair]))
            for pair in range(bounds[request], bounds[request + 1]):
                shares[source, pair] = scores[source, pair] / largest if largest > 0 else np.nan


@njit(cache=True, nogil=True)
def spread(offsets: Ints, own: Ints, n_codes: int, distinct: Floats, entropy: Floats) -> None:
    """Fill `distinct` and `entropy` (n_requests,): how many codes a history has, and their Shannon entropy in bits.

    Args:
        offsets: (n_requests + 1,) where each history starts.
        own: (n_events,) code of each event; one below 0 does not count.
        n_codes: codes are below it.
    """
    counts = np.zeros(n_codes, dtype=np.int64)
    for request in range(len(offsets) - 1):
        events = own[offsets[request] : offsets[request + 1]]
        total = 0
        for code in events:
            if code >= 0:
                counts[code] += 1
                total += 1
        different, bits = 0, 0.0
        for code in events:
            if code >= 0 and counts[code]:
                share = counts[code] / total
                different += 1
                bits -= share * math.log2(share)
                counts[code] = 0
        distinct[request] = different
        entropy[request] = bits if total else np.nan


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
