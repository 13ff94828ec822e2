"""Loops over what sources say of candidates."""

import numpy as np

from features.loops.codes import ANOTHER_FLAG, FLAG, RANK, SCORE, SHARE
from recsys.arrays.jit import jit
from recsys.arrays.types import Floats, Ints
from recsys.retrieval.sort_keys import INDEX_MASK


@jit()
def fill_source_values(scores: Floats, keys: Ints, bounds: Ints, wanted: Ints, table: Floats) -> None:
    """Fill columns of a table (n_pairs, n_features).

    Args:
        scores: (n_sources, n_pairs).
        keys: of `recsys.retrieval.sort_keys.rank_keys`, those of each request sorted.
        bounds: (n_requests + 1,) where each request's pairs start.
        wanted: (n, 3) source, what it says, column of the table.
    """
    for request in range(len(bounds) - 1):
        first, last = bounds[request], bounds[request + 1]
        for source, statistic, column in wanted:
            own = scores[source]
            if statistic == SCORE:
                for pair in range(first, last):
                    table[pair, column] = own[pair]
            elif statistic == RANK:
                rank, before = 0, np.int64(-1)
                for pair in range(first, last):
                    key = keys[source, pair]
                    if key | INDEX_MASK != before | INDEX_MASK:
                        rank, before = pair - first, key
                    table[key & INDEX_MASK, column] = rank
            elif statistic == SHARE:
                largest = np.float32(0)
                for pair in range(first, last):
                    largest = max(largest, abs(own[pair]))
                for pair in range(first, last):
                    table[pair, column] = own[pair] / largest if largest > 0 else np.nan
            elif statistic == FLAG:
                for pair in range(first, last):
                    table[pair, column] = own[pair] > 0
            elif statistic == ANOTHER_FLAG:
                for pair in range(first, last):
                    table[pair, column] += own[pair] > 0
