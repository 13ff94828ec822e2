"""Loops over pairs of a request and a candidate, compiled by numba as those of `features.compiled`.

In all of them `offsets` (n_requests + 1,) says where each history starts, `history` (n_events,) are its items, oldest
first; `bounds` (n_requests + 1,) where each request's pairs start, `candidates` (n_pairs,) are their items.
"""

import math

import numpy as np

from features.codes import (
    ACTS,
    BASKET_SHARE,
    DISTINCT,
    DUE,
    ENTROPY,
    EVENTS_SINCE,
    HOUR,
    LENGTH,
    MATCH_SHARE,
    MATCHES,
    N_CODES,
    POSITIVE_SHARE,
    SINCE_FIRST,
    SINCE_LAST,
    TIME_SINCE,
    WEEKDAY,
)
from recsys.data.arrays import Floats, Ints
from recsys.data.durations import DAY
from recsys.data.interactions import NO_TIME
from recsys.data.jit import jit
from recsys.retrieval.sort_keys import PLACE

_NEWEST = 20
"""Events of a history that a distance is measured from."""


@jit()
def fill_request_values(values: Floats, bounds: Ints, wanted: Ints, table: Floats) -> None:
    """Fill columns of a table (n_pairs, n_features) with what all pairs of a request have in common.

    Args:
        values: (n_values, n_requests).
        wanted: (n, 2) which of the values, and which column.
    """
    for request in range(len(bounds) - 1):
        for pair in range(bounds[request], bounds[request + 1]):
            for place in range(len(wanted)):
                table[pair, wanted[place, 1]] = values[wanted[place, 0], request]


@jit()
def fill_item_values(numbers: Floats, candidates: Ints, wanted: Ints, table: Floats) -> None:
    """Fill columns of a table (n_pairs, n_features) with numbers (n_items, n) of the candidates.

    Args:
        wanted: (n, 2) which of the numbers, and which column.
    """
    for pair in range(len(candidates)):
        for place in range(len(wanted)):
            table[pair, wanted[place, 1]] = numbers[candidates[pair], wanted[place, 0]]


@jit()
def days_between(time: int, now: int) -> float:
    """From a time to another one; NaN where it is unknown."""
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
def fill_matches(
    codes: Ints,
    comparisons: Ints,
    offsets: Ints,
    history: Ints,
    times: Ints,
    baskets: Ints,
    now: Ints,
    bounds: Ints,
    candidates: Ints,
    wanted: Ints,
    table: Floats,
) -> None:
    """Compare candidates with the events of the history by codes: the same item, category or brand.

    Args:
        codes: (n_items, n_codes) of each item, below 0 for none.
        comparisons: (n_comparisons, 2) which code, and how many of the newest events to look at.
        times: (n_events,) microseconds; `now` (n_requests,) as well.
        baskets: (n_events,) numbers without a gap, increasing.
        wanted: (n, 3) which of the comparisons, in order; which statistic, see `features.codes`; and to which column of
            `table` (n_pairs, n_features). Shares of events or baskets are NaN for a candidate without the code and for
            an empty history, what is said of the newest match where there is none.
    """
    values = np.empty(6, dtype=np.float32)
    for request in range(len(offsets) - 1):
        last, end_wanted = offsets[request + 1], 0
        own_codes = codes[candidates[bounds[request] : bounds[request + 1]]]  # at once, to wait for many at a time
        for comparison in range(len(comparisons)):
            first_wanted, of_baskets = end_wanted, False
            while end_wanted < len(wanted) and wanted[end_wanted, 0] == comparison:
                of_baskets |= wanted[end_wanted, 1] >= BASKET_SHARE
                end_wanted += 1
            first = max(offsets[request], last - comparisons[comparison, 1])
            keys = np.empty(last - first, dtype=np.int64)  # by code, then in the order of time
            for event in range(first, last):
                keys[event - first] = np.int64(codes[history[event], comparisons[comparison, 0]]) << 32 | event
            keys.sort()
            n_baskets = baskets[last - 1] - baskets[first] + 1 if last > first else 0
            for pair in range(bounds[request], bounds[request + 1]):
                code = np.int64(own_codes[pair - bounds[request], comparisons[comparison, 0]])
                first_match = np.searchsorted(keys, code << 32)
                has_match = code >= 0 and first_match < len(keys) and keys[first_match] >> 32 == code
                end_match = (
                    first_match + np.searchsorted(keys[first_match:], (code + 1) << 32) if has_match else first_match
                )
                newest_time = times[keys[end_match - 1] & PLACE] if has_match else NO_TIME
                values[MATCHES] = end_match - first_match
                values[MATCH_SHARE] = (end_match - first_match) / len(keys) if code >= 0 and len(keys) else np.nan
                values[EVENTS_SINCE] = last - 1 - (keys[end_match - 1] & PLACE) if has_match else np.nan
                values[TIME_SINCE] = days_between(newest_time, now[request])
                if of_baskets:
                    n_own_baskets = 1 if has_match else 0
                    for place in range(first_match + 1, end_match):
                        n_own_baskets += baskets[keys[place] & PLACE] != baskets[keys[place - 1] & PLACE]
                    values[BASKET_SHARE] = n_own_baskets / n_baskets if code >= 0 and n_baskets else np.nan
                    days_apart = (
                        days_between(times[keys[first_match] & PLACE], newest_time) if n_own_baskets > 1 else np.nan
                    )
                    values[DUE] = values[TIME_SINCE] * (n_own_baskets - 1) / days_apart if days_apart > 0 else np.nan
                for place in range(first_wanted, end_wanted):
                    table[pair, wanted[place, 2]] = values[wanted[place, 1]]


@jit()
def describe_requests(
    codes: Ints, offsets: Ints, history: Ints, weights: Floats, times: Ints, now: Ints, windows: Ints, found: Floats
) -> None:
    """Fill `found` (ACTS + n_windows, n_requests) with what requests and their histories are like, NaN for what an
    empty one has not: its length; the share of signs of interest; days since the last and the first event; hour of the
    day and day of the week, UTC; for each code how many different ones it has; for each their Shannon entropy in bits;
    for each window how many events.

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
    """How many codes (n,) there are, each once, and their Shannon entropy in bits; those below 0 do not count. They are
    put in order."""
    codes.sort()
    place = np.searchsorted(codes, 0)
    total, different, bits = len(codes) - place, 0, 0.0
    while place < len(codes):
        start = place
        while place < len(codes) and codes[place] == codes[start]:
            place += 1
        share = (place - start) / total
        different += 1
        bits -= share * math.log2(share)
    return different, bits if total else np.nan


@jit()
def fill_price_ratios(
    prices: Floats, offsets: Ints, history: Ints, bounds: Ints, candidates: Ints, wanted: Ints, table: Floats
) -> None:
    """Fill columns of `table` (n_pairs, n_features) with the price of each candidate over the mean price of the
    history, or over that of its newest event; NaN where either is missing, or what stands below is not above 0.

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
            for place in range(len(wanted)):
                below = usual[wanted[place, 0]]
                table[pair, wanted[place, 1]] = price / below if below > 0 else np.nan


@jit()
def fill_tag_shares(
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
        indptr, indices: (n_items, n_tags) CSR. Without tags, or without a history, it is NaN.
    """
    counts, spans = np.zeros(n_tags, dtype=np.int64), np.empty((len(candidates), 2), dtype=np.int64)
    for pair in range(len(candidates)):  # first, to wait for many of them at a time
        spans[pair] = indptr[candidates[pair]], indptr[candidates[pair] + 1]
    for request in range(len(offsets) - 1):
        events = history[offsets[request] : offsets[request + 1]]
        for item in events:
            for entry in range(indptr[item], indptr[item + 1]):
                counts[indices[entry]] += 1
        for pair in range(bounds[request], bounds[request + 1]):
            (first, last), total = spans[pair], 0
            for entry in range(first, last):
                total += counts[indices[entry]]
            divisor = (last - first) * len(events)
            shares[pair] = total / divisor if divisor else np.nan
        for item in events:
            for entry in range(indptr[item], indptr[item + 1]):
                counts[indices[entry]] = 0


@jit()
def fill_distances(
    places: Floats, offsets: Ints, history: Ints, bounds: Ints, candidates: Ints, distances: Floats
) -> None:
    """Fill `distances` (n_pairs,) with the mean distance of each candidate from the newest events of the history.

    Args:
        places: (n_items,) NaN where missing; what is missing in the history does not count.
    """
    for request in range(len(offsets) - 1):
        for pair in range(bounds[request], bounds[request + 1]):
            own, total, known = places[candidates[pair]], 0.0, 0
            for event in range(max(offsets[request], offsets[request + 1] - _NEWEST), offsets[request + 1]):
                between = abs(places[history[event]] - own)
                if not math.isnan(between):
                    total += between
                    known += 1
            distances[pair] = total / known if known else np.nan
