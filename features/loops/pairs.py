"""Loops over pairs of a request and a candidate.

In all of them `offsets` (n_requests + 1,) says where each history starts, `history` (n_events,) are its items, oldest
first; `bounds` (n_requests + 1,) where each request's pairs start, `candidates` (n_pairs,) are their items.
"""

import math

import numpy as np

from features.loops.codes import (
    ACTS,
    DISTINCT,
    ENTROPY,
    HOUR,
    LENGTH,
    N_CODES,
    POSITIVE_SHARE,
    SINCE_FIRST,
    SINCE_LAST,
    WEEKDAY,
)
from recsys.arrays.jit import jit
from recsys.arrays.types import Floats, Ints
from recsys.data.log.interactions import NO_TIME
from recsys.moments import DAY


@jit()
def fill_request_values(values: Floats, bounds: Ints, wanted: Ints, table: Floats) -> None:
    """Fill columns of a table (n_pairs, n_features) with what all pairs of a request have in common.

    Args:
        values: (n_values, n_requests).
        wanted: (n, 2) which of the values, and which column.
    """
    for request in range(len(bounds) - 1):
        for pair in range(bounds[request], bounds[request + 1]):
            for index in range(len(wanted)):
                table[pair, wanted[index, 1]] = values[wanted[index, 0], request]


@jit()
def fill_item_values(numbers: Floats, candidates: Ints, wanted: Ints, table: Floats) -> None:
    """Fill columns of a table (n_pairs, n_features) with numbers (n_items, n) of the candidates.

    Args:
        wanted: (n, 2) which of the numbers, and which column.
    """
    for pair in range(len(candidates)):
        for index in range(len(wanted)):
            table[pair, wanted[index, 1]] = numbers[candidates[pair], wanted[index, 0]]


@jit()
def fill_formulas(
    answers: Floats,
    above: Ints,
    below: Ints,
    factors: Floats,
    plus: Floats,
    strengths: Floats,
    to: Ints,
    table: Floats,
) -> None:
    """Fill columns `to` (n_columns,) of `table` (n_pairs, n_features) with (answer above * factor + plus) / (answer
    below + strength).

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
            table[pair, to[column]] = value


@jit()
def days_between(time: int, now: int) -> float:
    """Days from a time to another one; NaN where the time is unknown."""
    return np.nan if time == NO_TIME else (now - time) / DAY


@jit()
def fill_ages(created: Floats, now: Ints, bounds: Ints, candidates: Ints, unit: float, found: Floats) -> None:
    """Fill `found` (n_pairs,) with the time from `created` (n_items,) to `now` (n_requests,), NaN where it is below 0.

    Args:
        unit: what the answer counts, in the unit of the moments.
    """
    for request in range(len(bounds) - 1):
        for pair in range(bounds[request], bounds[request + 1]):
            passed = now[request] - created[candidates[pair]]
            found[pair] = passed / unit if passed >= 0 else np.nan


@jit()
def describe_requests(
    codes: Ints, offsets: Ints, history: Ints, weights: Floats, times: Ints, now: Ints, windows: Ints, found: Floats
) -> None:
    """Fill `found` (ACTS + n_windows, n_requests) with what requests and their histories are like: the length of the
    history; the share of positive events; days since the last and the first event; hour of the day and day of the
    week, UTC; for each code the number of different ones, and their Shannon entropy in bits; for each window the number
    of events. NaN for what an empty history does not have.

    Args:
        codes: (n_items, N_CODES) of each item; one below 0 does not count.
        weights, times: (n_events,), in time order within a history; `now` is (n_requests,).
        windows: (n_windows,) microseconds. An unknown time is before any.
    """
    for request in range(len(offsets) - 1):
        first, last, moment = offsets[request], offsets[request + 1], now[request]
        positive = 0
        for event in range(first, last):
            positive += weights[event] > 0
        found[LENGTH, request] = last - first
        found[POSITIVE_SHARE, request] = positive / (last - first) if last > first else np.nan
        found[SINCE_LAST, request] = days_between(times[last - 1], moment) if last > first else np.nan
        found[SINCE_FIRST, request] = days_between(times[first], moment) if last > first else np.nan
        found[HOUR, request] = moment % DAY / (DAY / 24)
        found[WEEKDAY, request] = (moment // DAY + 3) % 7  # 1970-01-01 was a Thursday
        own = np.empty(last - first, dtype=np.int64)
        for code in range(N_CODES):
            for event in range(first, last):
                own[event - first] = codes[history[event], code]
            found[DISTINCT + code, request], found[ENTROPY + code, request] = distinct_and_entropy(own)
        for window in range(len(windows)):
            acts = 0
            for event in range(first, last):
                acts += times[event] >= moment - windows[window]
            found[ACTS + window, request] = acts


@jit()
def distinct_and_entropy(codes: Ints) -> tuple[int, float]:
    """How many different codes there are among `codes` (n,), and their Shannon entropy in bits; below 0 is no code.

    The array is put in order."""
    codes.sort()
    index = np.searchsorted(codes, 0)
    total, different, bits = len(codes) - index, 0, 0.0
    while index < len(codes):
        start = index
        while index < len(codes) and codes[index] == codes[start]:
            index += 1
        share = (index - start) / total
        different += 1
        bits -= share * math.log2(share)
    return different, bits if total else np.nan


@jit()
def fill_price_ratios(
    prices: Floats, offsets: Ints, history: Ints, bounds: Ints, candidates: Ints, wanted: Ints, table: Floats
) -> None:
    """Fill columns of `table` (n_pairs, n_features) with the price of each candidate over the mean price of the
    history, or over that of its newest event; NaN where either is missing, or the divisor is not above 0.

    Args:
        prices: (n_items,) NaN where missing.
        wanted: (n, 2) 0 for the mean, 1 for the newest; which column.
    """
    for request in range(len(offsets) - 1):
        total, known, last = 0.0, 0, np.nan
        for event in range(offsets[request], offsets[request + 1]):
            last = prices[history[event]]
            if not math.isnan(last):
                total += last
                known += 1
        usual = (total / known if known else np.nan, last)
        for pair in range(bounds[request], bounds[request + 1]):
            price = prices[candidates[pair]]
            for index in range(len(wanted)):
                below = usual[wanted[index, 0]]
                table[pair, wanted[index, 1]] = price / below if below > 0 else np.nan


@jit()
def fill_tag_shares(
    indptr: Ints,
    indices: Ints,
    n_tags: int,
    offsets: Ints,
    history: Ints,
    weights: Floats,
    bounds: Ints,
    candidates: Ints,
    shares: Floats,
) -> None:
    """Fill `shares` (n_pairs,) with the mean over a candidate's tags of the share of the history that has the tag.

    Args:
        indptr, indices: (n_items, n_tags) CSR. Without tags, or without a history that counts, it is NaN.
        weights: (n_events,) how much each event of the history counts.
    """
    counts, spans = np.zeros(n_tags), np.empty((len(candidates), 2), dtype=np.int64)
    for pair in range(len(candidates)):  # first, to wait for many of them at a time
        spans[pair] = indptr[candidates[pair]], indptr[candidates[pair] + 1]
    for request in range(len(offsets) - 1):
        events, everything = history[offsets[request] : offsets[request + 1]], 0.0
        for event in range(offsets[request], offsets[request + 1]):
            everything += weights[event]
            for entry in range(indptr[history[event]], indptr[history[event] + 1]):
                counts[indices[entry]] += weights[event]
        for pair in range(bounds[request], bounds[request + 1]):
            (first, last), total = spans[pair], 0.0
            for entry in range(first, last):
                total += counts[indices[entry]]
            divisor = (last - first) * everything
            shares[pair] = total / divisor if divisor > 0 else np.nan
        for item in events:
            for entry in range(indptr[item], indptr[item + 1]):
                counts[indices[entry]] = 0
