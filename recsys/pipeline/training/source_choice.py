"""Which live sources are worth their places among the candidates, and how much each source counts when candidates are
merged, told by the window that the ranker learns from."""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.pipeline.candidates.live_sources import LIVE
from recsys.pipeline.candidates.source_weights import SourceWeights
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
    weights: SourceWeights


def choose_sources(past: PastScoring, requests: PastRequests, seed: int, progress: Progress) -> SourceChoice:
    """The live sources with which more of what was wanted is among the candidates, and the weights of all sources.

    Each request tells of newcomers as well, as if nothing were known of what its user did.

    Args:
        past: sources that have not seen the requests.
        requests: of the window that the ranker learns from.
        seed: of the draw, where there are many requests.
        progress: called with a line of text for each live source, and for the weights.
    """
    names, n = past.scoring.sources.names, min(past.config.candidates.n, len(past.scoring.catalogue))
    most = max(1, min(_MOST_REQUESTS, _MOST_PAIRS // (n * max(len(names), 1))))
    drawn = requests.sample(most, seed)
    proposals = PastProposals.of(past, drawn)
    strangers = PastProposals.of(past, replace(drawn, users=np.full_like(drawn.users, -1)))

    def beside(live: tuple[str, ...]) -> tuple[SourceWeights, NDArray[np.float64]]:
        """The weights with these live sources beside the learned ones, and how much of what was wanted is found."""
        sources = (*(name for name in names if name not in LIVE), *live)
        known, newcomers = proposals.among(sources).to_known_users().weights(), strangers.among(sources).weights()
        weights = SourceWeights(known, newcomers)
        return weights, proposals.among(sources).recalls(weights, n)

    live: tuple[str, ...] = past.scoring.sources.live if set(names) <= {*LIVE} else ()
    weights, recalls = beside(live)
    for source in past.scoring.sources.live:
        if source in live or not len(recalls):
            continue
        weights_with_it, found = beside((*live, source))
        error = (found - recalls).std() / np.sqrt(len(recalls))
        is_useful = found.mean() - recalls.mean() > max(_SIGNIFICANT * error, _WORTH_IT * recalls.mean())
        told = f"with it {found.mean():.1%} of what was wanted is a candidate, without it {recalls.mean():.1%}"
        progress(f"{source} {'is used' if is_useful else 'is left out'}: {told}")
        if is_useful:
            live, weights, recalls = (*live, source), weights_with_it, found
    if len(recalls):
        alike = proposals.among([*weights.known]).recalls(SourceWeights(), n).mean()
        progress(f"sources count {_told(weights.known)}; for users without a history {_told(weights.newcomers)}")
        progress(f"{recalls.mean():.1%} of what was wanted is a candidate, {alike:.1%} if all counted alike")
    return SourceChoice(live, weights)


def _told(weights: Mapping[str, float]) -> str:
    return ", ".join(f"{source} {weight:.2f}" for source, weight in weights.items())
