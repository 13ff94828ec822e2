"""Which live sources are worth their places among the candidates, told by the window that the ranker learns from."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from recsys.pipeline.candidates.live_sources import LIVE
from recsys.pipeline.candidates.merging import merge
from recsys.pipeline.past.requests import PastRequests
from recsys.pipeline.past.scoring import PastScoring
from recsys.progress import Progress

_SIGNIFICANT = 2.0
"""Standard errors by which a live source must find more of what was wanted, or it is left out."""

_WORTH_IT = 0.05
"""The same, as a share of what is found without it: it costs time in every list, and others their places."""

_MOST_REQUESTS = 2_000
"""Most requests by which that is decided."""


def useful_live_sources(past: PastScoring, requests: PastRequests, seed: int, progress: Progress) -> tuple[str, ...]:
    """Those of the live sources with which more of what was wanted is among the candidates, beside all other sources.

    Args:
        past: sources that have not seen the requests.
        requests: of the window that the ranker learns from.
        seed: of the draw, where there are many requests.
        progress: called with a line of text for each.
    """
    learned = [name for name in past.scoring.sources.names if name not in LIVE]
    live = past.scoring.sources.live
    if not learned or not live:
        return live
    recalls = _recalls(past, requests.sample(_MOST_REQUESTS, seed), learned, live)
    chosen: tuple[str, ...] = ()
    for source in live:
        before, after = recalls[chosen], recalls[(*chosen, source)]
        if not len(before):
            continue
        error = (after - before).std() / np.sqrt(len(before))
        is_useful = after.mean() - before.mean() > max(_SIGNIFICANT * error, _WORTH_IT * before.mean())
        found = f"with it {after.mean():.1%} of what was wanted is a candidate, without it {before.mean():.1%}"
        progress(f"{source} {'is used' if is_useful else 'is left out'}: {found}")
        if is_useful:
            chosen = (*chosen, source)
    return chosen


def _recalls(
    past: PastScoring, requests: PastRequests, learned: Sequence[str], live: Sequence[str]
) -> Mapping[tuple[str, ...], NDArray[np.float64]]:
    """Live sources beside the learned ones -> (n_requests,) the share of what was wanted among their candidates."""
    choices = [choice for size in range(len(live) + 1) for choice in combinations(live, size)]
    parts: dict[tuple[str, ...], list[NDArray[np.float64]]] = {choice: [] for choice in choices}
    n = past.config.candidates.n
    for part, block in past.blocks(requests):
        proposals, n_items = past.scoring.proposals(block, n), block.eligible.shape[1]
        reachable = block.eligible[part.target_rows, part.target_items]
        rows, wanted = part.target_rows[reachable], (part.target_rows * n_items + part.target_items)[reachable]
        counts = np.bincount(rows, minlength=len(part))
        for choice in choices:
            candidates = merge({name: proposals[name] for name in (*learned, *choice)}, block.eligible, n)
            found = np.isin(wanted, candidates.rows * n_items + candidates.items)
            hits = np.bincount(rows, weights=found, minlength=len(part))
            parts[choice].append(hits[counts > 0] / counts[counts > 0])
    return {choice: np.concatenate([np.zeros(0), *values]) for choice, values in parts.items()}
