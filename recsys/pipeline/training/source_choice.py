"""Which live sources are worth their places among the candidates, and how much each source counts when candidates are
merged, told by the window that the ranker learns from."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from recsys.pipeline.candidates.live_sources import LIVE
from recsys.pipeline.past.requests import PastRequests
from recsys.pipeline.past.scoring import PastScoring
from recsys.pipeline.training.past_proposals import PastProposals
from recsys.progress import Progress

_SIGNIFICANT = 2.0
"""Standard errors by which a live source must find more of what was wanted, or it is left out."""

_WORTH_IT = 0.05
"""The same, as a share of what is found without it: it costs time in every list, and others their places."""

_MOST_REQUESTS, _MOST_PAIRS = 2_000, 8_000_000
"""Most requests by which that is decided, and most pairs that all sources may propose for them."""


class SourceChoice(NamedTuple):
    """What the window told."""

    live: tuple[str, ...]
    """live sources that are used"""
    weights: Mapping[str, float]
    """source -> how much it counts, 1 on the whole, see `PastProposals.weights`"""


def choose_sources(past: PastScoring, requests: PastRequests, seed: int, progress: Progress) -> SourceChoice:
    """The live sources with which more of what was wanted is among the candidates, and the weights of all sources.

    Args:
        past: sources that have not seen the requests.
        requests: of the window that the ranker learns from.
        seed: of the draw, where there are many requests.
        progress: called with a line of text for each live source, and for the weights.
    """
    names, n = past.scoring.sources.names, past.config.candidates.n
    most = max(1, min(_MOST_REQUESTS, _MOST_PAIRS // (n * max(len(names), 1))))
    proposals = PastProposals.of(past, requests.sample(most, seed))
    learned = tuple(name for name in names if name not in LIVE)
    live = past.scoring.sources.live if not learned else ()
    chosen = proposals.among((*learned, *live))
    weights = chosen.weights()
    recalls = chosen.recalls(weights, n)
    for source in past.scoring.sources.live if learned else ():
        with_it = proposals.among((*chosen.sources, source))
        weights_with_it = with_it.weights()
        before, after = recalls, with_it.recalls(weights_with_it, n)
        if not len(before):
            continue
        error = (after - before).std() / np.sqrt(len(before))
        is_useful = after.mean() - before.mean() > max(_SIGNIFICANT * error, _WORTH_IT * before.mean())
        found = f"with it {after.mean():.1%} of what was wanted is a candidate, without it {before.mean():.1%}"
        progress(f"{source} {'is used' if is_useful else 'is left out'}: {found}")
        if is_useful:
            chosen, weights, recalls, live = with_it, weights_with_it, after, (*live, source)
    if len(recalls):
        equal = chosen.recalls(np.ones_like(weights), n).mean()
        told = ", ".join(f"{source} {weight:.2f}" for source, weight in zip(chosen.sources, weights, strict=True))
        progress(f"sources count {told}: {recalls.mean():.1%} of what was wanted is a candidate, all alike {equal:.1%}")
    return SourceChoice(live, dict(zip(chosen.sources, np.round(weights, 4).tolist(), strict=True)))
