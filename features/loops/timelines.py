"""Loops over the events of items."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.loops.codes import (
    COUNT,
    DECAYED,
    EVERYTHING,
    FIRST,
    INDEX_BITS,
    POSITIVES,
    VALUED,
    VALUES,
    WEIGHTS,
)
from recsys.arrays.jit import jit
from recsys.arrays.types import Floats, Ints
from recsys.data.requests.list_positions import EXAMINATION_EXPONENT


class LogColumns(NamedTuple):
    """Columns of a log that measures look at, (n_events,) each."""

    events: NDArray[np.int8]
    weights: NDArray[np.float32]
    values: NDArray[np.float32]
    positions: NDArray[np.int16]
    times: NDArray[np.int64]


class MeasureCodes(NamedTuple):
    """Measures, as `fill_running_columns` reads them.

    Attributes:
        sums, states: (n_sums, 2) and (n_states, 2) which events count, and what of them.
        half_lives: (n_states,) microseconds.
    """

    sums: NDArray[np.int64]
    states: NDArray[np.int64]
    half_lives: NDArray[np.float64]


@jit()
def fill_running_columns(
    keys: Ints, chosen: Ints, log: LogColumns, measures: MeasureCodes, running_sums: Floats, running_states: Floats
) -> None:
    """Fill running sums and states over a timeline, in one pass.

    Args:
        keys: (n,) of the timeline.
        chosen: (n,) index in the log of each of its events, in the order of time.
        running_sums, running_states: (n + 1, n_measures), see `RunningColumns`.
    """
    events, weights, values, positions, times = log
    sum_codes, state_codes, half_lives = measures
    mask = (1 << INDEX_BITS) - 1
    totals = np.zeros(len(sum_codes))
    current = np.full(len(state_codes), np.nan)
    item, then = -1, 0
    running_sums[0] = 0.0
    running_states[0] = np.nan
    for row in range(len(keys)):
        event = chosen[keys[row] & mask]
        now, code, weight = times[event], np.int64(events[event]), weights[event]
        if keys[row] >> INDEX_BITS != item:
            item, then = keys[row] >> INDEX_BITS, now
            for column in range(len(state_codes)):
                current[column] = 0.0 if state_codes[column, 1] == DECAYED else np.nan
        for column in range(len(sum_codes)):
            counted, statistic = sum_codes[column, 0], sum_codes[column, 1]
            if counts(counted, code, weight):
                totals[column] += increment(statistic, weight, values[event], positions[event])
            running_sums[row + 1, column] = totals[column]
        for column in range(len(state_codes)):
            counted, statistic = state_codes[column, 0], state_codes[column, 1]
            if statistic == DECAYED and now != then:
                current[column] *= 2.0 ** ((then - now) / half_lives[column])
            if counts(counted, code, weight):
                if statistic == DECAYED:
                    current[column] += 1.0
                elif statistic != FIRST or math.isnan(current[column]):
                    current[column] = now
            running_states[row + 1, column] = current[column]
        then = now


@jit()
def counts(counted: int, event: np.int64, weight: float) -> bool:
    """Whether an event of this name and weight is among those that a measure counts, see `features.loops.codes`."""
    return counted in (EVERYTHING, event) or (counted == POSITIVES and weight > 0)


@jit()
def increment(statistic: int, weight: float, value: float, position: int) -> float:
    """How much an event adds to a sum; a value that is NaN adds nothing."""
    if statistic == COUNT:
        return 1.0
    if statistic == WEIGHTS:
        return float(weight)
    if statistic == VALUES:
        return 0.0 if math.isnan(value) else float(value)
    if statistic == VALUED:
        return 0.0 if math.isnan(value) else 1.0
    return float((1.0 + max(position, 0)) ** -EXAMINATION_EXPONENT)  # EXAMINATION


@jit()
def galloping_search(keys: Ints, key: int, first: int, last: int) -> int:
    """The first index in [first, last) at which increasing `keys` are not below `key`; `last` if there is none.

    Steps double from `first` on, so that near indices are found quickly (Bentley and Yao, An almost optimal algorithm
    for unbounded searching, 1976).
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


class TimelineView(NamedTuple):
    """A timeline and the questions about it, in the form that `add_answers` reads.

    Attributes:
        keys, times: of the timeline.
        running_sums, running_states: over it, see `RunningColumns`.
        count_questions: (n, 2) column of the answer, window: how many events.
        sum_questions: (n, 3) column of the answer, window, column of `running_sums`.
        state_questions: (n, 3) column of the answer, statistic, column of `running_states`.
        half_lives: (n_states,) microseconds.
    """

    keys: NDArray[np.int64]
    times: NDArray[np.int64]
    running_sums: NDArray[np.float64]
    running_states: NDArray[np.float64]
    count_questions: NDArray[np.int64]
    sum_questions: NDArray[np.int64]
    state_questions: NDArray[np.int64]
    half_lives: NDArray[np.float64]


@jit()
def add_answers(view: TimelineView, items: Ints, rows: Ints, now: Ints, edges: Ints, answers: Floats) -> None:
    """Add to the answers those of one timeline, by a search for every window of every pair.

    Args:
        items: (n_pairs,) numbers; the search is quickest where they do not decrease.
        rows: (n_pairs,) request of each pair.
        now: (n_requests,) microseconds.
        edges: (n_requests, n_windows) how many events of all items lie before the beginning of each window, increasing
            within a row; the last one is that of the requests themselves.
        answers: (n_pairs, n_questions).
    """
    keys, times, running_sums, running_states, count_questions, sum_questions, state_questions, half_lives = view
    n_windows, mask = edges.shape[1], (1 << INDEX_BITS) - 1
    found = np.empty(n_windows, dtype=np.int64)
    last = np.empty(n_windows, dtype=np.int64)
    item, start, stop = -1, 0, 0
    for pair in range(len(items)):
        if items[pair] != item:
            begin = stop if items[pair] > item else 0
            item = items[pair]
            start = galloping_search(keys, item << INDEX_BITS, begin, len(keys))
            stop = galloping_search(keys, (item + 1) << INDEX_BITS, start, len(keys))
            found[:] = start
            last[:] = 0
        if start == stop:
            continue
        row, index = rows[pair], start
        for window in range(n_windows):
            edge = edges[row, window]
            if edge >= last[window]:  # behind where the pair before has been
                index = max(index, found[window])
            index = galloping_search(keys, (item << INDEX_BITS) | edge, index, stop)
            found[window], last[window] = index, edge
        if index == start:
            continue
        for number in range(len(count_questions)):
            answers[pair, count_questions[number, 0]] += index - found[count_questions[number, 1]]
        for question in range(len(sum_questions)):
            to, column = sum_questions[question, 0], sum_questions[question, 2]
            first = found[sum_questions[question, 1]]
            answers[pair, to] += running_sums[index, column] - running_sums[first, column]
        for question in range(len(state_questions)):
            to, statistic = state_questions[question, 0], state_questions[question, 1]
            state = running_states[index, state_questions[question, 2]]
            if statistic == DECAYED:
                age = now[row] - times[keys[index - 1] & mask]
                answers[pair, to] += state * 2.0 ** (-age / half_lives[question])
            elif not math.isnan(state):
                age = now[row] - state
                if math.isnan(answers[pair, to]) or (age > answers[pair, to]) == (statistic == FIRST):
                    answers[pair, to] = age


@jit()
def add_counts(
    event_items: Ints,
    times: Ints,
    items: Ints,
    rows: Ints,
    now: Ints,
    lengths: Ints,
    count_questions: Ints,
    seen: Ints,
    answers: Floats,
) -> None:
    """Add to the answers how many events there were, by one sweep over all events for each window: its start moves on
    with the requests, and events that it passes are counted by item. Nothing need be sorted.

    Args:
        event_items, times: (n_events,) in the order of time.
        items, rows: (n_pairs,) item and request of each pair, requests in the order of time.
        now: (n_requests,) microseconds.
        lengths: (n_lengths,) microseconds of the last windows; the very last one, 0, ends at the request. Windows
            before these begin before all events.
        count_questions: (n, 2) column of the answer, window.
        seen: (n_windows, n_items) zeros.
        answers: (n_pairs, n_questions).
    """
    at, request, last = np.zeros(len(lengths), dtype=np.int64), -1, len(seen) - 1
    for pair in range(len(items)):
        item = items[pair]
        if rows[pair] != request:
            request = rows[pair]
            for index in range(len(lengths)):
                own = seen[len(seen) - len(lengths) + index]
                edge = galloping_search(times, now[request] - lengths[index], at[index], len(times))
                for event in range(at[index], edge):
                    own[event_items[event]] += 1
                at[index] = edge
        for number in range(len(count_questions)):
            answers[pair, count_questions[number, 0]] += seen[last, item] - seen[count_questions[number, 1], item]
