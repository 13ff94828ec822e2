"""Two logs joined to one; a request with events in both is one request."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from recsys.data.interactions import InteractionLog, columns_in_time_order


def merge_logs(old: InteractionLog, new: InteractionLog) -> InteractionLog:
    """Both logs in time order, at equal times the old one first. `new` must extend the vocabularies of `old`.

    A request whose events lie in both is one request, see `InteractionLog.request_keys`.
    """
    numbers, keys = _joined_requests(old, new)
    requests = np.where(new.requests >= 0, numbers[new.requests], -1).astype(np.int32)
    numbered = replace(new, requests=requests)
    columns = dict(columns_in_time_order([old, numbered]))
    return InteractionLog(new.user_vocabulary, new.event_names, new.n_items, **columns, request_keys=keys)


def _joined_requests(old: InteractionLog, new: InteractionLog) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """The number of each new request in the joined log, with -1 behind the last one, and the keys of all requests."""
    n_old = max(int(old.requests.max(initial=-1)) + 1, len(old.request_keys))
    keys = np.concatenate([old.request_keys, np.zeros(n_old - len(old.request_keys), dtype=np.uint64)])
    n_new = max(int(new.requests.max(initial=-1)) + 1, len(new.request_keys))
    own = np.concatenate([new.request_keys, np.zeros(n_new - len(new.request_keys), dtype=np.uint64)])
    order = np.argsort(keys, kind="stable")
    places = np.minimum(np.searchsorted(keys, own, sorter=order), max(n_old - 1, 0))
    known = (keys[order[places]] == own) & (own > 0) if n_old else np.zeros(n_new, dtype=bool)
    numbers = n_old - 1 + np.cumsum(~known)
    if known.any():
        numbers[known] = order[places[known]]
    return np.append(numbers, -1), np.concatenate([keys, own[~known]])
