"""What a reader must know of a measurement before trusting its intervals."""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from recsys.counts import counted
from recsys.eval.confidence import Comparison, compare_all, distinct_users
from recsys.eval.protocol import Measurement

_FEW_REQUESTS = 300
_FEW_USERS = 20
"""With fewer users than this, the requests say little of how much users differ, however wide the interval."""

_MUCH_OF_ONE_USER = 0.2
"""A caveat names a user with at least this share of the requests."""

_BUSY_USERS = 0.03
"""A caveat mentions the users who ask for half of the lists, if they are at most this share of all."""


def caveats_of_size(full: Measurement) -> Iterator[str]:
    """A sentence where few requests, or the requests of few users, are measured, or many of them are one user's."""
    if not full.n_requests:
        yield "No request could be measured, so how good this version is, is not known."
    elif full.n_requests < _FEW_REQUESTS:
        yield f"Only {counted(full.n_requests, 'request is', 'requests are')} measured, so the intervals are wide."
    if full.users is None:
        return
    n_users = len(np.unique(distinct_users(full.users)))
    if n_users == 1 and full.users[0] >= 0:
        yield "All requests are of one user, so there are no intervals, which need several users."
    elif 1 < n_users < _FEW_USERS:
        yield f"The requests are of only {n_users} users, so the intervals say little about other users."
    if n_users >= _FEW_USERS:
        yield from _caveat_of_busy_users(full.users, n_users)


def _caveat_of_busy_users(users: NDArray[np.int32], n_users: int) -> Iterator[str]:
    """A sentence where one user has many of the requests, or a few have half of them; users below 0 are anonymous."""
    shares = np.cumsum(np.sort(np.bincount(users[users >= 0], minlength=1))[::-1]) / len(users)
    busy = 1 if shares[0] >= _MUCH_OF_ONE_USER else 1 + int(np.searchsorted(shares, 0.5))
    if busy <= min(len(shares), max(1, _BUSY_USERS * n_users)):
        share = shares[busy - 1]
        asked = f"{share * len(users):,.0f} of the {len(users):,} requests ({share:.0%})"
        yield (
            f"{asked} are of {busy} of {n_users:,} users, so the figures mostly show how well these are served. If "
            "they are programs, remove their events and train again; `recsys evaluate --per-request` names them."
        )


def caveats_of_rivals(comparisons: Mapping[str, Comparison], where: str = "here") -> Iterator[str]:
    """A sentence for each simpler ranking that is better than the full pipeline, because figures alone are easily
    overlooked.

    Args:
        comparisons: of the full pipeline with each, by name, in ndcg.
        where: of which requests this is said.
    """
    for name, comparison in comparisons.items():
        if comparison.verdict == "worse":
            behind = f"by {-comparison.difference:.4f} ({-comparison.high:.4f} to {-comparison.low:.4f}) in ndcg"
            yield f"A simpler ranking, {name}, is better than the full pipeline {where}, {behind}."


def caveats_of_events(
    full: Measurement, baselines: Mapping[str, Measurement], events: Mapping[str, NDArray[np.bool_]], seed: int
) -> Iterator[str]:
    """A sentence for each simpler ranking that is better on the requests answered by the event of most worth: these
    requests are few, and the figures of all requests can hide it.

    Args:
        full, baselines: the full pipeline, and simpler rankings of the same requests.
        events: name to (n_requests,) mask of the requests with the event.
        seed: of the bootstrap.
    """
    metric, own = f"ndcg@{full.k}", ""  # no baseline has an empty name
    for event, mask in events.items():
        if not mask.any() or not baselines:
            continue
        parts = {name: one.select(mask) for name, one in {own: full, **baselines}.items()}
        values = {name: part.values[metric] for name, part in parts.items()}
        compared = compare_all(values, clusters=parts[own].users, seed=seed)
        rivals = {name: compared[own, name] for name in baselines}
        for caveat in caveats_of_rivals(rivals, f"on the {counted(int(mask.sum()), 'request')} with the event {event}"):
            yield f"{caveat} If that event matters more, raise its weight in events.weights."
