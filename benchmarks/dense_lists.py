"""Ranked lists of scores of all items, as other tools give them."""

import numpy as np
from numpy.typing import NDArray

from recsys.eval.ranking import RankedLists, Targets, ordered_bits

_BLOCK_BYTES = 64 << 20
_LOW_BITS = np.uint64((1 << 31) - 1)


def top_k(
    scores: NDArray[np.float32],
    k: int,
    *,
    exclude: NDArray[np.bool_] | None = None,
    targets: Targets | None = None,
) -> RankedLists:
    """The `k` best items of each request. NaN ranks behind every number.

    Equal scores are ordered by item number. With `targets` the targets of a tie go behind the others of that tie, also
    where the tie crosses rank k: this is the list to measure.

    Args:
        scores: (n_requests, n_items), higher is better.
        k: length of the lists; longer than the catalogue is cut to it.
        exclude: (n_items,) or (n_requests, n_items), True where an item must not be listed.
        targets: the wanted items, when the lists are to be measured.
    """
    n_requests, n_items = scores.shape
    k = min(k, n_items)
    items, best = np.full((n_requests, k), -1, dtype=np.int32), np.full((n_requests, k), np.nan, dtype=np.float32)
    if not k:
        return RankedLists(items, best)
    if exclude is not None:
        exclude = np.broadcast_to(exclude, scores.shape)
    backwards = np.arange(n_items, dtype=np.uint64)[::-1]
    step = max(1, _BLOCK_BYTES // (8 * n_items))
    for start in range(0, n_requests, step):
        stop = min(start + step, n_requests)
        # One integer holds the whole order: 32 bits of score, 1 bit "not a target", 31 bits of item number.
        keys = ordered_bits(scores[start:stop]).astype(np.uint64) << np.uint64(32)
        keys |= backwards
        if targets is not None:
            keys |= (~_mask(targets, start, stop, n_items)).astype(np.uint64) << np.uint64(31)
        if exclude is not None:
            keys[exclude[start:stop]] = 0
        keys.partition(n_items - k, axis=1)
        keys = np.sort(keys[:, n_items - k :], axis=1)[:, ::-1]
        chosen = n_items - 1 - (keys & _LOW_BITS).astype(np.int64)
        items[start:stop] = np.where(keys > 0, chosen, -1)
        best[start:stop] = np.where(keys > 0, np.take_along_axis(scores[start:stop], chosen, axis=1), np.nan)
    return RankedLists(items, best)


def _mask(targets: Targets, start: int, stop: int, n_items: int) -> NDArray[np.bool_]:
    """(stop - start, n_items) True at the targets of requests start to stop - 1."""
    mask = np.zeros((stop - start, n_items), dtype=bool)
    inside = slice(targets.offsets[start], targets.offsets[stop])
    rows, items = targets.rows[inside] - start, targets.items[inside]
    mask[rows[items >= 0], items[items >= 0]] = True
    return mask
