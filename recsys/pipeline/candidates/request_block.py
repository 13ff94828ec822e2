"""Requests in numbers, as many as are scored at once."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from recsys.data.log.history import HistoryBatch
from recsys.data.log.interactions import NO_TIME
from recsys.pipeline.candidates.stages import Stages
from recsys.policy.policy import Policy

Queries = Sequence[str | None]
"""Free text of each request, None for one without."""

_CELLS_PER_BLOCK = 8_000_000
_REQUESTS_PER_BLOCK = 256
"""Most cells of the mask of a block, and most requests; see `block_size`."""


class RequestKind(IntEnum):
    """What a request brings, as far as a ranker of its own may exist for it."""

    USUAL = 0
    BRINGS_HISTORY = 1
    """as bare items, perhaps with the items to rank too"""
    NAMES_CANDIDATES = 2
    """the items to rank, for a stored history"""


def block_size(n_items: int) -> int:
    """How many requests are scored at once: the mask of what each may list then stays within about 8 MB."""
    return int(np.clip(_CELLS_PER_BLOCK // max(n_items, 1), 1, _REQUESTS_PER_BLOCK))


@dataclass(frozen=True)
class RequestContexts:
    """The user and the time of each of some requests. All are (n_requests,).

    Attributes:
        users: numbers of those whose stored history counts; -1 where it does not, or the user is unknown.
        ids: ids by which the user table is asked; None for an unknown user.
        now: microseconds; only events before it are known.
        listed_at: microseconds; items that appear later may not be listed.
        moments: microseconds of the time of the day and the week that each list is for; `NO_TIME`: any.
    """

    users: NDArray[np.int32]
    ids: Sequence[str | None]
    now: NDArray[np.int64]
    listed_at: NDArray[np.int64]
    moments: NDArray[np.int64]


@dataclass(frozen=True)
class RequestBlock:
    """A few hundred requests in numbers.

    Attributes:
        users: (n_requests,) see `RequestContexts.users`.
        histories: what each user did before the request, as far back as sources and features look.
        evidence: the same as collaborative models read them, see `recsys.cf.hints`.
        eligible: (n_requests, n_items) False where an item must not be listed.
        policies: (n_requests,) the rules of each list.
        only: (n_requests,) the item numbers that alone may be listed, or None where any may.
        profiles: (n_requests,) row of each user among the profiles, -1 without one, see `Sources.profile_rows`.
        known_until: (n_requests,) microseconds: see `PairBatch.known_until`.
        moments: (n_requests,) microseconds of the time of the day and the week that each list is for; `NO_TIME`: any.
        queries: free text of each request, or None.
        stages: what each stage took, and whether there is time for the next.
    """

    users: NDArray[np.int32]
    histories: HistoryBatch
    evidence: HistoryBatch
    eligible: NDArray[np.bool_]
    policies: tuple[Policy, ...]
    only: tuple[NDArray[np.int32] | None, ...]
    profiles: NDArray[np.int32]
    known_until: NDArray[np.int64]
    moments: NDArray[np.int64]
    queries: Queries | None = None
    stages: Stages = field(default_factory=Stages)

    def __len__(self) -> int:
        return len(self.histories)

    @property
    def has_history(self) -> NDArray[np.bool_]:
        """(n_requests,) False for an empty history."""
        return np.diff(self.histories.offsets) > 0

    @cached_property
    def read_as_text(self) -> HistoryBatch:
        """The histories as the text model reads them, which has learned from positive events: hints stand in where
        there is none."""
        if self.evidence is self.histories:
            return self.histories
        known = np.zeros(len(self), dtype=bool)
        known[self.histories.positive().rows] = True
        weights = np.where(known[self.histories.rows], self.histories.weights, self.evidence.weights)
        return replace(self.histories, weights=weights)

    @cached_property
    def brings_history(self) -> NDArray[np.bool_]:
        """(n_requests,) True where the history came with the request, as bare items without times."""
        brings, known = np.zeros(len(self), dtype=bool), self.has_history
        brings[known] = self.histories.times[self.histories.offsets[:-1][known]] == NO_TIME
        return brings

    @cached_property
    def kinds(self) -> NDArray[np.int8]:
        """(n_requests,) the `RequestKind` of each."""
        names = np.array([only is not None for only in self.only], dtype=bool)
        usual = np.where(names, RequestKind.NAMES_CANDIDATES, RequestKind.USUAL)
        return np.where(self.brings_history, RequestKind.BRINGS_HISTORY, usual).astype(np.int8)

    @property
    def listable(self) -> NDArray[np.bool_]:
        """(n_requests, n_items) `eligible`, and among those that alone may be listed where a request names some."""
        listable = self.eligible
        for row, only in enumerate(self.only):
            if only is not None:
                listable = self.eligible.copy() if listable is self.eligible else listable
                listable[row] = False
                listable[row, only] = self.eligible[row, only]
        return listable
