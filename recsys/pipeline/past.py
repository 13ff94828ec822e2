"""Past requests as blocks to be scored: what was known, and what could have been listed, at each moment."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.data.history import HistoryBatch
from recsys.pipeline.moments import Moments
from recsys.pipeline.scoring import Block, Scoring, block_size

SEEN_EVENTS = 10_000
"""Newest events of a user in which items count as seen."""


@dataclass(frozen=True)
class SeenRule:
    """Whether items that the user acted on before may be listed again, and how far a history reaches."""

    exclude: bool
    max_history: int

    def eligible(self, scoring: Scoring, everything: HistoryBatch) -> NDArray[np.bool_]:
        """(n_requests, n_items) what exists at the moment and is not to be left out as seen."""
        eligible = scoring.created(everything.now)
        if self.exclude:
            eligible[everything.rows, everything.items] = False
        return eligible


def blocks(scoring: Scoring, moments: Moments, rule: SeenRule) -> Iterator[tuple[Moments, Block]]:
    """The requests of a window in time order, some hundred at a time."""
    size = block_size(len(scoring.catalogue))
    for start in range(0, len(moments), size):
        part = moments.block(start, start + size)
        everything = scoring.state.histories(part.users, part.times, SEEN_EVENTS)
        eligible = rule.eligible(scoring, everything)
        yield part, Block(everything.newest(rule.max_history), eligible)
