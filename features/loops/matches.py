"""Loops that look for a candidate's code in the history."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.loops.codes import (
    BASKET_SHARE,
    DUE,
    EVENTS_SINCE,
    FADED_BASKETS,
    FADED_DAYS,
    MATCH_SHARE,
    MATCHES,
    N_STATISTICS,
    TIME_SINCE,
    WEIGHT,
    WEIGHT_SHARE,
)
from features.loops.pairs import days_between
from recsys.arrays.jit import jit
from recsys.arrays.types import Floats, Ints
from recsys.data.log.interactions import NO_TIME
from recsys.retrieval.sort_keys import INDEX_MASK

_HALF_AFTER_DAYS = 30.0
_HALF_AFTER_BASKETS = 3.0


class Past(NamedTuple):
    """What users did before their requests.

    Attributes:
        offsets: (n_requests + 1,) where each history starts.
        items, times, weights: (n_events,) as in `HistoryBatch`.
        baskets: (n_events,) numbers without a gap, increasing.
        now: (n_requests,) microseconds.
    """

    offsets: NDArray[np.int64]
    items: NDArray[np.int32]
    times: NDArray[np.int64]
    weights: NDArray[np.float32]
    baskets: NDArray[np.int64]
    now: NDArray[np.int64]


@jit()
def fill_matches(
    codes: Ints, comparisons: Ints, past: Past, bounds: Ints, candidates: Ints, wanted: Ints, table: Floats
) -> None:
    """Compare candidates with the events of the history by codes: the same item, category or brand.

    Args:
        codes: (n_items, n_codes) of each item, below 0 for none.
        comparisons: (n_comparisons, 2) which code, and how many of the newest events to look at.
        bounds, candidates: as in `features.loops.pairs`.
        wanted: (n, 3) which of the comparisons, in order; which statistic, see `features.loops.codes`; and to which
            column of `table` (n_pairs, n_features). Shares are NaN for a candidate without the code and for an empty
            history; statistics of the newest match are NaN where there is no match.
    """
    offsets, history, times, weights, baskets, now = past
    values = np.empty(N_STATISTICS, dtype=np.float32)
    for request in range(len(offsets) - 1):
        last, end_wanted = offsets[request + 1], 0
        own_codes = codes[candidates[bounds[request] : bounds[request + 1]]]  # at once, to wait for many at a time
        for comparison in range(len(comparisons)):
            first_wanted, of_weights, of_baskets = end_wanted, False, False
            while end_wanted < len(wanted) and wanted[end_wanted, 0] == comparison:
                of_weights |= wanted[end_wanted, 1] == WEIGHT_SHARE
                of_baskets |= wanted[end_wanted, 1] >= BASKET_SHARE
                end_wanted += 1
            column = comparisons[comparison, 0]
            first = max(offsets[request], last - comparisons[comparison, 1])
            keys = events_by_code(codes, column, history, first, last)
            sums = sums_of(weights, keys) if of_weights else np.zeros(0)
            n_baskets = baskets[last - 1] - baskets[first] + 1 if last > first else 0
            for pair in range(bounds[request], bounds[request + 1]):
                code = np.int64(own_codes[pair - bounds[request], column])
                has_code = bool(code >= 0)
                begin, end = matches_of(keys, int(code))
                matches = keys[begin:end]
                describe_events(matches, len(keys) if has_code else 0, last, times, weights, now[request], values)
                if of_weights:
                    matched = sums[end] - sums[begin]
                    values[WEIGHT_SHARE] = matched / sums[-1] if has_code and sums[-1] > 0 else np.nan
                if of_baskets:
                    describe_baskets(matches, n_baskets if has_code else 0, times, baskets, values)
                    fill_faded(matches, last, times, baskets, now[request], values)
                for index in range(first_wanted, end_wanted):
                    table[pair, wanted[index, 2]] = values[wanted[index, 1]]


@jit()
def fill_days_since(
    codes: Ints, past: Past, events: Ints, bounds: Ints, candidates: Ints, wanted: Ints, table: Floats
) -> None:
    """Fill columns with the days since the user's newest event of some name on the candidate; NaN without one.

    Args:
        codes: (n_items, n_codes), of which the first is the item's own.
        events: (n_events,) number of each event's name.
        bounds, candidates: as in `features.loops.pairs`.
        wanted: (n, 2) the number of a name, and the column of `table` (n_pairs, n_features).
    """
    offsets, history, times, _, _, now = past
    for request in range(len(offsets) - 1):
        keys = events_by_code(codes, 0, history, offsets[request], offsets[request + 1])
        for pair in range(bounds[request], bounds[request + 1]):
            begin, end = matches_of(keys, int(candidates[pair]))
            for index in range(len(wanted)):
                found = NO_TIME
                for match in range(end - 1, begin - 1, -1):
                    event = keys[match] & INDEX_MASK
                    if events[event] == wanted[index, 0]:
                        found = times[event]
                        break
                table[pair, wanted[index, 1]] = days_between(found, now[request])


@jit()
def events_by_code(codes: Ints, column: int, history: Ints, first: int, last: int) -> Ints:
    """(n,) the events in [first, last) by the code of their item, then by time, as keys code << 32 | event.

    Args:
        column: which of the `codes` (n_items, n_codes).
    """
    keys = np.empty(last - first, dtype=np.int64)
    for event in range(first, last):
        keys[event - first] = np.int64(codes[history[event], column]) << 32 | event
    keys.sort()
    return keys


@jit()
def sums_of(weights: Floats, keys: Ints) -> Floats:
    """(n + 1,) summed weights of the events before each index of `keys` (n,)."""
    sums = np.zeros(len(keys) + 1)
    for index in range(len(keys)):
        sums[index + 1] = sums[index] + weights[keys[index] & INDEX_MASK]
    return sums


@jit()
def matches_of(keys: Ints, code: int) -> tuple[int, int]:
    """Where the keys of `events_by_code` with a code begin and end; the same index twice if there are none."""
    begin = int(np.searchsorted(keys, code << 32))
    has_match = code >= 0 and begin < len(keys) and keys[begin] >> 32 == code
    end = begin + int(np.searchsorted(keys[begin:], (code + 1) << 32)) if has_match else begin
    return begin, end


@jit()
def describe_events(
    matches: Ints, n_events: int, last: int, times: Ints, weights: Floats, now: int, values: Floats
) -> None:
    """Fill `values` with the statistics of the events that match.

    Args:
        matches: (n,) their keys, see `events_by_code`.
        n_events: how many were looked at; 0 for a candidate without the code.
        last: where the history ends.
    """
    n_matches = len(matches)
    newest = matches[n_matches - 1] & INDEX_MASK if n_matches else 0
    values[MATCHES] = n_matches
    values[MATCH_SHARE] = n_matches / n_events if n_events else np.nan
    values[EVENTS_SINCE] = last - 1 - newest if n_matches else np.nan
    values[TIME_SINCE] = days_between(times[newest] if n_matches else NO_TIME, now)
    values[WEIGHT] = weights[newest] if n_matches else np.nan


@jit()
def describe_baskets(matches: Ints, n_baskets: int, times: Ints, baskets: Ints, values: Floats) -> None:
    """Fill `values` with the statistics of the baskets of these events, after `describe_events`.

    Args:
        n_baskets: of all events that were looked at; 0 for a candidate without the code.
    """
    n_matching = 1 if len(matches) else 0
    for index in range(1, len(matches)):
        n_matching += baskets[matches[index] & INDEX_MASK] != baskets[matches[index - 1] & INDEX_MASK]
    values[BASKET_SHARE] = n_matching / n_baskets if n_baskets else np.nan
    oldest_to_newest = (
        days_between(times[matches[0] & INDEX_MASK], times[matches[-1] & INDEX_MASK]) if n_matching > 1 else np.nan
    )
    values[DUE] = values[TIME_SINCE] * (n_matching - 1) / oldest_to_newest if oldest_to_newest > 0 else np.nan


@jit()
def fill_faded(matches: Ints, last: int, times: Ints, baskets: Ints, now: int, values: Floats) -> None:
    """Fill `values` with the number of these events, each of which counts half after some time, or some baskets.

    Args:
        matches: (n,) their keys, see `events_by_code`.
        last: where the history ends.
    """
    by_days, by_baskets = 0.0, 0.0
    for key in matches:
        event = key & INDEX_MASK
        by_days += 0.5 ** (days_between(times[event], now) / _HALF_AFTER_DAYS)
        by_baskets += 0.5 ** ((baskets[last - 1] - baskets[event]) / _HALF_AFTER_BASKETS)
    values[FADED_DAYS], values[FADED_BASKETS] = by_days, by_baskets


@jit()
def fill_label_dues(
    indptr: Ints, indices: Ints, n_values: int, past: Past, bounds: Ints, candidates: Ints, dues: Floats
) -> None:
    """Fill `dues` (n_pairs,) with the time since the newest basket with a value of the candidate, over the mean time
    between two such baskets; the mean of these over the candidate's values. NaN without a value in two baskets, or if
    their times are unknown.

    Args:
        indptr, indices: (n_items, n_values) CSR.
        bounds, candidates: as in `features.loops.pairs`.
    """
    offsets, history, times, _, baskets, now = past
    counts, oldest, newest = np.zeros((3, n_values), dtype=np.int64)
    for request in range(len(offsets) - 1):
        for event in range(offsets[request], offsets[request + 1]):
            for entry in range(indptr[history[event]], indptr[history[event] + 1]):
                value = indices[entry]
                if counts[value] == 0:
                    oldest[value] = event
                counts[value] += counts[value] == 0 or baskets[event] != baskets[newest[value]]
                newest[value] = event
        for pair in range(bounds[request], bounds[request + 1]):
            total, known = 0.0, 0
            for entry in range(indptr[candidates[pair]], indptr[candidates[pair] + 1]):
                value = indices[entry]
                if counts[value] > 1:
                    between = days_between(times[oldest[value]], times[newest[value]])
                    if between > 0:
                        total += days_between(times[newest[value]], now[request]) * (counts[value] - 1) / between
                        known += 1
            dues[pair] = total / known if known else np.nan
        for event in range(offsets[request], offsets[request + 1]):
            for entry in range(indptr[history[event]], indptr[history[event] + 1]):
                counts[indices[entry]] = 0
