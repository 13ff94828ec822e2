"""Loops over pairs of a request and a candidate, compiled by numba as those of `features.compiled`.

In all of them `offsets` (n_requests + 1,) says where each history starts, `history` (n_events,) are its items, oldest
first; `bounds` (n_requests + 1,) where each request's pairs start, `candidates` (n_pairs,) are their items.
"""

import math

import numpy as np
from numba import njit

from features.compiled import search
from recsys.data.arrays import Floats, Ints
from recsys.retrieval.compiled import PLACE, falling


@njit(cache=True, nogil=True)
def put(values: Floats, columns: Ints, table: Floats) -> None:
    """Write `values` (n_columns, n_pairs) to some columns of a table (n_pairs, n_features)."""
    for pair in range(len(table)):
        for row in range(len(columns)):
            table[pair, columns[row]] = values[row, pair]


@njit(cache=True, nogil=True)
def rank_keys(scores: Floats, bits: Ints, keys: Ints) -> None:
    """Fill `keys` (n_sources, n_pairs): whole numbers that sort as the scores fall, with the pair in their lowest bits.

    Args:
        scores: (n_sources, n_pairs) float32, and the same as int32 in `bits`.
    """
    for source in range(len(scores)):
        for pair in range(scores.shape[1]):
            own = np.int64(bits[source, pair]) if scores[source, pair] != 0 else np.int64(0)  # -0 is 0
            keys[source, pair] = falling(own) | pair


@njit(cache=True, nogil=True)
def place(scores: Floats, keys: Ints, bounds: Ints, ranks: Floats, shares: Floats, flags: Floats) -> None:
    """Fill three tables (n_sources, n_pairs): the place in the request, the part of its largest score, 1 for a score
    above 0.

    Args:
        scores: (n_sources, n_pairs).
        keys: of `rank_keys`, those of each request sorted.
    """
    for source in range(len(scores)):
        for request in range(len(bounds) - 1):
            largest = np.float32(0)
            for pair in range(bounds[request], bounds[request + 1]):
                ranks[source, keys[source, pair] & PLACE] = pair - bounds[request]
                largest = max(largest, abs(scores[source, pair]))
            for pair in range(bounds[request], bounds[request + 1]):
                shares[source, pair] = scores[source, pair] / largest if largest > 0 else np.nan
                flags[source, pair] = scores[source, pair] > 0


@njit(cache=True, nogil=True)
def age(created: Floats, now: Ints, bounds: Ints, candidates: Ints, unit: float, found: Floats) -> None:
    """Fill `found` (n_pairs,) with the time from `created` (n_items,) to `now` (n_requests,), NaN where it is below 0.

    Args:
        unit: what the answer counts, in the unit of the moments.
    """
    for request in range(len(bounds) - 1):
        for pair in range(bounds[request], bounds[request + 1]):
            passed = now[request] - created[candidates[pair]]
            found[pair] = passed / unit if passed >= 0 else np.nan


@njit(cache=True, nogil=True)
def match(
    codes: Ints,
    offsets: Ints,
    history: Ints,
    ages: Floats,
    bounds: Ints,
    candidates: Ints,
    newest: int,
    found: Floats,
) -> None:
    """Compare candidates with the events of the history by a code.

    Args:
        codes: (n_items,) of each item, below 0 for none.
        ages: (n_events,) in any unit.
        newest: look at so many newest events only.
        found: (4, n_pairs) filled with the number of events with the candidate's code; the share of them, NaN without a
            code or events; and of the newest one: the number of events since, the age, NaN without one.
    """
    for request in range(len(offsets) - 1):
        last = offsets[request + 1]
        first = max(offsets[request], last - newest)
        keys = np.empty(last - first, dtype=np.int64)  # by code, then in the order of time
        for event in range(first, last):
            keys[event - first] = np.int64(codes[history[event]]) << 32 | event
        keys.sort()
        for pair in range(bounds[request], bounds[request + 1]):
            code = np.int64(codes[candidates[pair]])
            start = np.searchsorted(keys, code << 32)
            end = start
            while end < len(keys) and keys[end] >> 32 == code:
                end += 1
            same = end - start if code >= 0 else 0
            found[0, pair] = same
            found[1, pair] = same / len(keys) if code >= 0 and len(keys) else np.nan
            found[2, pair] = last - 1 - (keys[end - 1] & PLACE) if same else np.nan
            found[3, pair] = ages[keys[end - 1] & PLACE] if same else np.nan


@njit(cache=True, nogil=True)
def describe(offsets: Ints, weights: Floats, ages: Floats, found: Floats) -> None:
    """Fill `found` (4, n_requests): length of each history, share of signs of interest, ages of last and first event.

    Args:
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
def count_since(offsets: Ints, times: Ints, begins: Ints, found: Floats) -> None:
    """Fill `found` (n_requests,): events of each history with `times` (n_events,) not before `begins` (n_requests,)."""
    for request in range(len(offsets) - 1):
        found[request] = 0
        for event in range(offsets[request], offsets[request + 1]):
            found[request] += times[event] >= begins[request]


@njit(cache=True, nogil=True)
def spread(codes: Ints, offsets: Ints, history: Ints, distinct: Floats, entropy: Floats) -> None:
    """Fill `distinct` and `entropy` (n_requests,): how many codes a history has, and their Shannon entropy in bits.

    Args:
        codes: (n_items,) of each item; one below 0 does not count.
    """
    for request in range(len(offsets) - 1):
        own = np.sort(codes[history[offsets[request] : offsets[request + 1]]])
        place = np.searchsorted(own, 0)
        total, different, bits = len(own) - place, 0, 0.0
        while place < len(own):
            start = place
            while place < len(own) and own[place] == own[start]:
                place += 1
            share = (place - start) / total
            different += 1
            bits -= share * math.log2(share)
        distinct[request] = different
        entropy[request] = bits if total else np.nan


@njit(cache=True, nogil=True)
def price_ratios(prices: Floats, offsets: Ints, history: Ints, bounds: Ints, candidates: Ints, found: Floats) -> None:
    """Fill `found` (2, n_pairs) with the price of each candidate over the mean price of the history, and over that of
    its newest event; NaN where either is missing, or what stands below is not above 0.

    Args:
        prices: (n_items,) NaN where missing.
    """
    for request in range(len(offsets) - 1):
        total, known, last = 0.0, 0, np.nan
        for event in range(offsets[request], offsets[request + 1]):
            last = prices[history[event]]
            if not math.isnan(last):
                total += last
                known += 1
        mean = total / known if known else np.nan
        for pair in range(bounds[request], bounds[request + 1]):
            price = prices[candidates[pair]]
            found[0, pair] = price / mean if mean > 0 else np.nan
            found[1, pair] = price / last if last > 0 else np.nan


@njit(cache=True, nogil=True)
def aggregate(likeness: Floats, fading: float, found: Floats, pair: int) -> None:
    """Fill a column of `found` (6, n_pairs) with last, max, min, mean, decayed mean and place of the maximum.

    Args:
        likeness: (n_events,) of the candidate to its history, newest event first; nothing is filled without any.
    """
    if len(likeness) == 0:
        return
    high = low = total = faded = likeness[0]
    weight, weights, place = 1.0, 1.0, 0
    for event in range(1, len(likeness)):
        value = likeness[event]
        weight *= fading
        weights += weight
        total += value
        faded += weight * value
        if value > high:
            high, place = value, event
        low = min(low, value)
    found[0, pair], found[1, pair], found[2, pair] = likeness[0], high, low
    found[3, pair], found[4, pair], found[5, pair] = total / len(likeness), faded / weights, place


@njit(cache=True, nogil=True)
def link(
    indptr: Ints,
    indices: Ints,
    data: Floats,
    offsets: Ints,
    history: Ints,
    bounds: Ints,
    candidates: Ints,
    fading: float,
    found: Floats,
) -> None:
    """Fill `found` (6, n_pairs), see `aggregate`, with the links from items of a history to the candidates.

    Args:
        indptr, indices, data: links (n_items, n_items), CSR.
        candidates: increasing within a request.
    """
    for request in range(len(offsets) - 1):
        first, last, end = bounds[request], bounds[request + 1], offsets[request + 1]
        likeness = np.zeros((last - first, end - offsets[request]), dtype=np.float32)
        for event in range(offsets[request], end):
            place, before = first, -1
            for entry in range(indptr[history[event]], indptr[history[event] + 1]):
                item = indices[entry]
                place, before = search(candidates, item, place if item > before else first, last), item
                if place < last and candidates[place] == item:
                    likeness[place - first, end - 1 - event] = data[entry]
        for pair in range(first, last):
            aggregate(likeness[pair - first], fading, found, pair)


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def compare(
    vectors: Floats, offsets: Ints, history: Ints, bounds: Ints, candidates: Ints, fading: float, found: Floats
) -> None:
    """Fill `found` (6, n_pairs), see `aggregate`, with dot products of the vectors (n_items, dim) of the items of a
    history and of the candidates. Two products at a time: each number of a candidate is read half as often.
    """
    for request in range(len(offsets) - 1):
        n = offsets[request + 1] - offsets[request]
        wanted = np.empty((n + n % 2, vectors.shape[1]), dtype=np.float32)
        for event in range(len(wanted)):  # newest first; of an odd number the oldest one twice
            wanted[event] = vectors[history[offsets[request + 1] - 1 - min(event, n - 1)]]
        likeness = np.empty(len(wanted), dtype=np.float32)
        for pair in range(bounds[request], bounds[request + 1]):
            own = vectors[candidates[pair]]
            for event in range(0, n, 2):
                one, other = wanted[event], wanted[event + 1]
                product, another = np.float32(0), np.float32(0)
                for dimension in range(len(own)):
                    product += own[dimension] * one[dimension]
                    another += own[dimension] * other[dimension]
                likeness[event], likeness[event + 1] = product, another
            aggregate(likeness[:n], fading, found, pair)


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
        indptr, indices: (n_items, n_tags) CSR. Without tags, or without a history, nothing is filled.
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
