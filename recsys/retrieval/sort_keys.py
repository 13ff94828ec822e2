"""Sort keys: whole numbers that sort as scores fall, made by loops compiled as those of `recsys.retrieval.sparse`.

A key holds an index, or an item, in its lowest 32 bits: numpy sorts such numbers with vector instructions, and equal
scores stay in the order of their indices.
"""

import numpy as np
from numpy.typing import NDArray

from recsys.arrays.jit import jit
from recsys.arrays.types import Flags, Floats, Ints

INDEX_MASK = np.int64(0xFFFF_FFFF)
"""The bits of a key that hold the index."""

NO_KEY = np.iinfo(np.int64).max
"""Sorts after all keys; its index, as int32, is -1."""

_SAMPLE = 128
"""Values of a sample, evenly spread, by which it is decided which values get a key."""


@jit()
def descending(bits: np.int64) -> np.int64:
    """The upper half of a key: increases as float32 values, given as their bits, decrease."""
    return ~(bits ^ ((bits >> 31) & 0x7FFF_FFFF)) << 32


@jit()
def keys_of_nonzero(values: Floats, keys: Ints) -> int:
    """Write the keys of all values (n,) float32 that are neither 0 nor NaN into `keys` (n,); how many they are."""
    bits, found = values.view(np.int32), 0
    for index in range(len(values)):
        if values[index] != 0 and values[index] == values[index]:
            keys[found] = descending(np.int64(bits[index])) | index
            found += 1
    return found


@jit()
def rank_keys(scores: Floats, bits: Ints, keys: Ints) -> None:
    """Fill `keys` (n_ranked, n): whole numbers that sort as the scores fall, with the index in their lowest bits.

    Args:
        scores: (n_rows, n) float32, and the same as int32 in `bits`; the first `n_ranked` rows are looked at.
    """
    for row in range(len(keys)):
        for index in range(keys.shape[1]):
            own = np.int64(bits[row, index]) if scores[row, index] != 0 else np.int64(0)  # -0 is 0
            keys[row, index] = descending(own) | index


@jit()
def keys_of_best(offsets: Ints, items: Ints, values: Floats, eligible: Flags, n: int, many: float) -> NDArray[np.int64]:
    """Keys, with items in place of places, of the `n` highest values of each row (or all), and of some lower ones.

    Values of 0 and items that are not eligible have none.

    Args:
        offsets: (n_rows + 1,) where each row's `items` and `values`, float32, start.
        eligible: (n_rows, n_items).
        many: in a row with more than this many times `n` values, a sample says which are high enough to be looked at.

    Returns:
        (n_rows, most) in no order, `NO_KEY` behind the last one.
    """
    n_rows, widest, most = len(eligible), 0, 0
    for row in range(n_rows):
        widest = max(widest, offsets[row + 1] - offsets[row])
    keys, found = np.empty((n_rows, widest), dtype=np.int64), np.empty(n_rows, dtype=np.int64)
    for row in range(n_rows):
        first, last = offsets[row], offsets[row + 1]
        own, scores = items[first:last], values[first:last]
        least = sampled_threshold(scores, n) if len(own) > many * n else -np.inf
        found[row] = keys_above(own, scores, least, eligible[row], keys[row])
        if found[row] < n and least > -np.inf:
            found[row] = keys_above(own, scores, -np.inf, eligible[row], keys[row])
        most = max(most, found[row])
    for row in range(n_rows):
        keys[row, found[row] : most] = NO_KEY
    return keys[:, :most]


@jit()
def sampled_threshold(values: Floats, n: int) -> float:
    """A value that about 2 `n` of the values (n_values,) float32 reach, by a sample."""
    bits, sample = values.view(np.int32), np.empty(_SAMPLE, dtype=np.int64)
    for entry in range(_SAMPLE):
        index = entry * len(values) // _SAMPLE
        sample[entry] = descending(np.int64(bits[index])) | index
    sample.sort()
    reached: float = values[sample[min(max(2 * n * _SAMPLE // len(values), 1), _SAMPLE) - 1] & INDEX_MASK]
    return reached


@jit()
def keys_above(items: Ints, values: Floats, least: float, eligible: Flags, keys: Ints) -> int:
    """Write the keys of the values (n,) of items (n,) that reach a least one, see `keys_of_best`; how many there are.

    Without branches, which would often be predicted wrong; eligibility lies far away in memory, and is looked up later.
    """
    bits = values.view(np.int32)
    high = found = 0
    for index in range(len(items)):
        keys[high] = descending(np.int64(bits[index])) | items[index]
        high += (values[index] >= least) & (values[index] != 0)
    for index in range(high):
        keys[found] = keys[index]
        found += eligible[keys[index] & INDEX_MASK]
    return found
