"""The candidates of a block: those that the sources propose, and those that must be ranked in any case."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from recsys.pipeline.candidates.merging import Candidates, Pairs
from recsys.pipeline.candidates.request_block import RequestBlock
from recsys.pipeline.ranking.scoring import Scoring


def candidates_of(scoring: Scoring, block: RequestBlock, n: int, lengths: Sequence[int]) -> Candidates:
    """The `n` best items of each request by the sources together, and those that its caller and its rules require.

    Args:
        lengths: of each list as it will be shown.
    """
    named = _named(block)
    found = scoring.candidates(block, n, _pairs(named))
    sought = _sought(scoring, block, found, n, lengths)
    if not len(sought.rows):
        return found
    further = np.split(sought.items, np.searchsorted(sought.rows, np.arange(1, len(block))))
    both = [np.union1d(own, more).astype(np.int32) for own, more in zip(named, further, strict=True)]
    return scoring.candidates(block, n, _pairs(both))


def _named(block: RequestBlock) -> list[NDArray[np.int32]]:
    """Per request, the items that the caller wants ranked, and pinned ones. The sources' candidates are ranked together
    with those of the caller, because the ranker has learned from ranks among hundreds of candidates: three items alone
    would look like the best three of hundreds."""
    return [
        policy.required if only is None else np.union1d(policy.required, only).astype(np.int32)
        for policy, only in zip(block.policies, block.only, strict=True)
    ]


def _sought(scoring: Scoring, block: RequestBlock, found: Candidates, n: int, lengths: Sequence[int]) -> Pairs:
    """Further candidates, where too few of those found meet a rule of their list: for each such rule the best items by
    the sources that meet it, as many as the list is long."""
    bounds = np.searchsorted(found.rows, np.arange(len(block) + 1))
    lacking = [
        policy.lacks(found.items[start:stop], length) if only is None else []
        for policy, only, start, stop, length in zip(
            block.policies, block.only, bounds[:-1], bounds[1:], lengths, strict=True
        )
    ]
    parts = [Pairs(found.rows[:0], found.items[:0])]
    for number in range(max(map(len, lacking), default=0)):
        every = np.arange(block.eligible.shape[1], dtype=np.int32)
        eligible = np.zeros_like(block.eligible)
        for row, conditions in enumerate(lacking):
            if number < len(conditions):
                eligible[row] = block.eligible[row] & conditions[number](every)
        best = scoring.candidates(replace(block, eligible=eligible), n)
        best = best.keep(~best.beyond(np.asarray(lengths)[best.rows]))
        parts.append(Pairs(best.rows, best.items))
    rows, items = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(rows, kind="stable")
    return Pairs(rows[order], items[order])


def _pairs(items: Sequence[NDArray[np.int32]]) -> Pairs | None:
    """The items of each request as pairs; None where there are none."""
    lengths = [len(own) for own in items]
    return Pairs(np.repeat(np.arange(len(items)), lengths), np.concatenate(items)) if any(lengths) else None
