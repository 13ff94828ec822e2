"""Which live sources are worth their places among the candidates, and how much each source counts when candidates are
merged: learned from the ranker window."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.pipeline.candidates.live_sources import LIVE
from recsys.pipeline.candidates.source_weights import SourceWeights
from recsys.pipeline.past.requests import PastRequests
from recsys.pipeline.past.scoring import PastScoring
from recsys.pipeline.training.past_proposals import PastProposals
from recsys.pipeline.training_run import TrainingRun
from recsys.significance import SIGNIFICANT, standard_error

_WORTH_IT = 0.05
"""A live source is used only if it finds so much more of what was wanted, as a share of what is found without it, and
significantly more, because it costs time in every list, and takes places of other candidates."""

_MOST_REQUESTS, _MOST_PAIRS = 2_000, 8_000_000
"""Most requests by which that is decided, and most pairs that all sources may propose for them."""


class SourceChoice(NamedTuple):
    """What was decided by the window."""

    live: tuple[str, ...]
    """live sources that are used"""
    weights: SourceWeights


@dataclass(frozen=True)
class _Window:
    """What all sources propose for some requests of the window.

    Attributes:
        proposals: for these requests.
        strangers: for the same requests, as if their users had no history.
        n: candidates of a request.
    """

    proposals: PastProposals
    strangers: PastProposals
    n: int

    @classmethod
    def of(cls, past: PastScoring, requests: PastRequests, n: int) -> "_Window":
        """Ask all sources twice, with and without the users' histories."""
        strangers = requests.anonymous()
        return cls(PastProposals.of(past, requests), PastProposals.of(past, strangers), n)

    def weighed(self, sources: Sequence[str]) -> tuple[SourceWeights, NDArray[np.float64]]:
        """Weights of these sources alone, and the share of what each request wanted that they then find."""
        proposals = self.proposals.among(sources)
        weights = SourceWeights(proposals.to_known_users().weights(), self.strangers.among(sources).weights())
        return weights, proposals.recalls(weights, self.n)


def choose_sources(past: PastScoring, requests: PastRequests, run: TrainingRun) -> SourceChoice:
    """The live sources that bring more of what was wanted among the candidates, and the weights of all sources.

    Live sources are tried one after the other beside the learned ones; where there are no learned ones, all are used.

    Args:
        past: sources that have not seen the requests.
        requests: of the window that the ranker learns from.
        run: its seed draws some of many requests.
    """
    sources, n = past.scoring.sources, min(past.config.candidates.n, len(past.scoring.catalogue))
    most = max(1, min(_MOST_REQUESTS, _MOST_PAIRS // (n * max(len(sources.names), 1))))
    window = _Window.of(past, requests.sample(most, run.seed), n)
    learned = tuple(name for name in sources.names if name not in LIVE)
    live: tuple[str, ...] = () if learned else sources.live
    weights, recalls = window.weighed((*learned, *live))
    if not len(recalls):
        return SourceChoice(live, weights)
    for source in sources.live if learned else ():
        weights_with_it, found = window.weighed((*learned, *live, source))
        needed = max(SIGNIFICANT * standard_error(found - recalls), _WORTH_IT * recalls.mean())
        is_useful = found.mean() - recalls.mean() > needed
        shares = f"with it {found.mean():.1%} of what was wanted is a candidate, without it {recalls.mean():.1%}"
        worth_it = "" if is_useful else f", and a source must find {100 * needed:.1f} points more"
        run.progress(f"{source} {'is used' if is_useful else 'is left out'}: {shares}{worth_it}")
        if is_useful:
            live, weights, recalls = (*live, source), weights_with_it, found
    if weights.known:
        known, newcomers = _listed(weights.known), _listed(weights.newcomers)
        equal = window.proposals.among((*learned, *live)).recalls(SourceWeights(), n).mean()
        run.progress(f"weights of the sources: {known}; for users without a history: {newcomers}")
        run.progress(f"{recalls.mean():.1%} of what was wanted is a candidate, {equal:.1%} with equal weights")
    return SourceChoice(live, weights)


def _listed(weights: Mapping[str, float]) -> str:
    """The sources in their own order, each with its weight."""
    return ", ".join(f"{source} {weight:.2f}" for source, weight in weights.items())
