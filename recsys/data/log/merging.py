"""Logs joined to one."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.arrays.npy import save_array
from recsys.data.log.interactions import COLUMNS, InteractionLog


def merge_logs(old: InteractionLog, new: InteractionLog) -> InteractionLog:
    """Both logs in time order, at equal times the old one first. `new` must extend the vocabularies of `old`.

    A request whose events lie in both is one request, see `InteractionLog.request_keys`.
    """
    numbers, keys = _joined_requests(old, new)
    requests = np.where(new.requests >= 0, numbers[new.requests], -1).astype(np.int32)
    numbered = replace(new, requests=requests)
    columns = dict(_columns_in_time_order([old, numbered]))
    return InteractionLog(new.user_vocabulary, new.event_names, new.n_items, **columns, request_keys=keys)


def _joined_requests(old: InteractionLog, new: InteractionLog) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """The number of each new request in the joined log, with -1 behind the last one, and the keys of all requests."""
    n_old = max(int(old.requests.max(initial=-1)) + 1, len(old.request_keys))
    keys = np.concatenate([old.request_keys, np.zeros(n_old - len(old.request_keys), dtype=np.uint64)])
    n_new = max(int(new.requests.max(initial=-1)) + 1, len(new.request_keys))
    own = np.concatenate([new.request_keys, np.zeros(n_new - len(new.request_keys), dtype=np.uint64)])
    order = np.argsort(keys, kind="stable")
    indices = np.minimum(np.searchsorted(keys, own, sorter=order), max(n_old - 1, 0))
    known = (keys[order[indices]] == own) & (own > 0) if n_old else np.zeros(n_new, dtype=bool)
    numbers = n_old - 1 + np.cumsum(~known)
    if known.any():
        numbers[known] = order[indices[known]]
    return np.append(numbers, -1), np.concatenate([keys, own[~known]])


def merge_segments(logs: Sequence[InteractionLog]) -> InteractionLog:
    """One log in time order. The last one's vocabulary and event names must extend those of the others.

    Requests lose their numbers, which differ between logs (`merge_logs` keeps them).
    """
    newest, columns = logs[-1], dict(_columns_in_time_order(_without_requests(logs)))
    return InteractionLog(newest.user_vocabulary, newest.event_names, newest.n_items, **columns)


def save_merged_segments(logs: Sequence[InteractionLog], folder: Path) -> None:
    """Write the columns of `merge_segments` for `InteractionLog.mapped`, with only one of them in memory at a time."""
    folder.mkdir(parents=True)
    for name, column in _columns_in_time_order(_without_requests(logs)):
        save_array(folder / f"{name}.npy", column)


def _columns_in_time_order(logs: Sequence[InteractionLog]) -> Iterator[tuple[str, NDArray[Any]]]:
    """Columns of all logs, one after the other, in time order; equal times in the order of the logs."""
    order = np.argsort(np.concatenate([log.times for log in logs]), kind="stable")
    for name in COLUMNS:
        yield name, np.concatenate([getattr(log, name) for log in logs])[order]


def _without_requests(logs: Sequence[InteractionLog]) -> list[InteractionLog]:
    return [replace(log, requests=np.broadcast_to(np.int32(-1), len(log))) for log in logs]
