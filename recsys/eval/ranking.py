"""Ranked lists, targets, and positions in which ties are never in the target's favour.

A scorer that gives many items one score has not ranked them. Whichever of them a sort happens to put first is luck,
and a target that gains from it makes a constant scorer look skilled. So, among equal scores, targets go last.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from recsys.arrays.membership import are_among
from recsys.arrays.ragged import offsets_of, rows_of_entries
from recsys.errors import DataError


@dataclass(frozen=True)
class RankedLists:
    """One list a request, best first.

    Attributes:
        items: (n_requests, depth) item numbers, distinct within a request, -1 behind the end of a list.
        scores: (n_requests, depth) their scores; any value behind the end.
    """

    items: NDArray[np.int32]
    scores: NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.items.ndim != 2 or self.items.shape != self.scores.shape:
            raise DataError(
                f"ranked lists need items and scores of one shape (n_requests, depth); "
                f"these are {self.items.shape} and {self.scores.shape}"
            )
        ordered = np.sort(self.items, axis=1)
        twice = (ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)
        if twice.any():
            row, column = np.argwhere(twice)[0]
            raise DataError(f"list {row} holds item number {ordered[row, column]} twice; make the items distinct")

    def __len__(self) -> int:
        return len(self.items)

    @property
    def depth(self) -> int:
        """Length of the longest list that fits."""
        return int(self.items.shape[1])

    @cached_property
    def listed(self) -> NDArray[np.bool_]:
        """(n_requests, depth) False behind the end of a list."""
        return self.items >= 0

    def select(self, chosen: NDArray[np.bool_]) -> "RankedLists":
        """The chosen requests: `chosen` is (n_requests,)."""
        return RankedLists(self.items[chosen], self.scores[chosen])

    @classmethod
    def of(cls, items: Sequence[NDArray[np.int32]], scores: Sequence[NDArray[np.float32]]) -> "RankedLists":
        """Lists of unequal length, padded."""
        lengths = np.array([len(row) for row in items], dtype=np.int64)
        shape = (len(lengths), int(lengths.max(initial=0)))
        filled = np.arange(shape[1]) < lengths[:, None]
        lists = np.full(shape, -1, dtype=np.int32), np.full(shape, np.nan, dtype=np.float32)
        for padded, rows in zip(lists, (items, scores), strict=True):
            if len(lengths):
                padded[filled] = np.concatenate(rows)
        return cls(*lists)


@dataclass(frozen=True)
class Targets:
    """The items that each request wanted, ragged.

    Attributes:
        offsets: (n_requests + 1,) where each request's targets start.
        items: (n_targets,) item numbers, distinct within a request; -1 is an item that the catalogue lacks: it counts
            as a target and is never found.
    """

    offsets: NDArray[np.int64]
    items: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """(n_requests,) number of targets."""
        return np.diff(self.offsets)

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """(n_targets,) the request that each target belongs to."""
        return rows_of_entries(self.offsets)

    @classmethod
    def of(cls, items: Iterable[Iterable[int]]) -> "Targets":
        """Targets of each request; one given twice counts once, and -1, which may be any item, each time."""
        lists = []
        for row in items:
            numbers = [int(item) for item in row]
            known = dict.fromkeys(item for item in numbers if item >= 0)
            lists.append([*known, *(item for item in numbers if item < 0)])
        offsets = offsets_of([len(row) for row in lists])
        return cls(offsets, np.array([item for row in lists for item in row], dtype=np.int32))

    def select(self, chosen: NDArray[np.bool_]) -> "Targets":
        """The chosen requests: `chosen` is (n_requests,)."""
        offsets = offsets_of(self.counts[chosen])
        return Targets(offsets, self.items[chosen[self.rows]])

    def keep(self, chosen: NDArray[np.bool_]) -> "Targets":
        """The same requests with the chosen targets alone: `chosen` is (n_targets,)."""
        return Targets(offsets_of(chosen)[self.offsets], self.items[chosen])


def pessimistic_hits(lists: RankedLists, targets: Targets) -> NDArray[np.bool_]:
    """Where the targets stand, once those within a run of equal scores have gone to the end of the run.

    What stood behind the last position of a list is not known. So hand in lists deeper than the k to be measured, by as
    many positions as there are targets, or those of `pessimistic`; cut afterwards.

    Args:
        lists: ranked items; their order counts; scores only show which are tied.
        targets: the wanted items of the same requests.

    Returns:
        (n_requests, depth) True where a target stands.

    Raises:
        DataError: lists and targets are not of the same number of requests.
    """
    hits = _hits(lists, targets)
    return np.take_along_axis(hits, _pessimistic_order(lists, hits), axis=1)


def pessimistic(lists: RankedLists, targets: Targets, k: int) -> RankedLists:
    """The first `k` positions once the targets within a run of equal scores have gone to its end: the lists to measure.

    The lists need to be only k positions deep, plus one for each target of the request: deeper ones give the same.
    """
    order = _pessimistic_order(lists, _hits(lists, targets))[:, :k]
    return RankedLists(np.take_along_axis(lists.items, order, axis=1), np.take_along_axis(lists.scores, order, axis=1))


def _hits(lists: RankedLists, targets: Targets) -> NDArray[np.bool_]:
    """(n_requests, depth) True where a target stands in the lists as they are."""
    if len(lists) != len(targets):
        raise DataError(f"{len(lists)} lists cannot be measured against the targets of {len(targets)} requests")
    width = np.int64(max(lists.items.max(initial=0), targets.items.max(initial=0)) + 1)
    keys = np.arange(len(lists))[:, None] * width + lists.items
    known = targets.items >= 0
    return are_among(keys, targets.rows[known] * width + targets.items[known]) & lists.listed


def _pessimistic_order(lists: RankedLists, hits: NDArray[np.bool_]) -> NDArray[np.intp]:
    """(n_requests, depth) positions of the lists, those of hits at the end of each run of equal scores."""
    bits = np.where(lists.listed, ordered_bits(lists.scores), 0)
    runs = np.zeros(hits.shape, dtype=np.int64)
    runs[:, 1:] = np.cumsum(bits[:, 1:] != bits[:, :-1], axis=1)
    return np.argsort(2 * runs + hits, axis=1, kind="stable")


def ordered_bits(scores: NDArray[np.float32]) -> NDArray[np.uint32]:
    """Unsigned integers in the order of the scores: equal for 0.0 and -0.0, 1 for NaN, more for every number."""
    bits = np.ascontiguousarray(scores + np.float32(0.0), dtype=np.float32).view(np.uint32)
    sign = np.uint32(0x8000_0000)
    ordered = np.where(bits & sign, ~bits, bits | sign)
    return np.where(np.isnan(scores), np.uint32(1), ordered)
