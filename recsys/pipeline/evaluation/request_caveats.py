"""What a reader of an evaluation has to know: of the log, of the requests that were measured, of the rules of lists."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from recsys.config import PolicyConfig
from recsys.counts import counted
from recsys.data.log.interactions import InteractionLog
from recsys.pipeline.evaluation.rankings import Rankings
from recsys.pipeline.past.requests import OF_ONE_USER, PastRequests

_MOVING_RULES = ("boosts", "discovery", "diversity", "pins", "caps", "quotas", "fresh")
"""Keys of `[policy]` that change the ranker's order; exploration is off in what is measured."""


def caveats_of_log(log: InteractionLog, requests: PastRequests) -> tuple[str, ...]:
    """Sentences if the log does not say what was shown, or if busy users were sampled down.

    Args:
        log: that of the requests.
        requests: of a window, as they are measured.
    """
    return (*_caveat_of_what_was_shown(log, requests), *_caveat_of_busy_users(requests))


def caveats_of_requests(
    rankings: Rankings, n_listed: int, lengths: NDArray[np.int64], strongest: str | None
) -> Iterator[str]:
    """Sentences if much of what was wanted may not be listed, or if most requests come without a history.

    Args:
        rankings: of the requests.
        n_listed: wanted items that may be listed.
        lengths: (n_requests,) events of the history of each request that wants one of those.
        strongest: name of the event that the requests call bought; None where no event weighs more than others.
    """
    yield from _caveat_of_unlisted(rankings)
    yield from _caveat_of_what_is_left(rankings.n_targets_unlisted, n_listed)
    yield from _caveat_of_strongest(strongest, rankings.n_bought_unlisted, rankings.n_bought)
    yield from _caveat_of_newcomers(lengths)


def caveats_of_rules(policy: PolicyConfig) -> Iterator[str]:
    """A sentence if rules move items in the lists of the full pipeline."""
    usual = PolicyConfig(discovery=0.0)
    moving = [name for name in _MOVING_RULES if getattr(policy, name) != getattr(usual, name)]
    if moving:
        yield (
            f"The full pipeline's lists follow policy.{', policy.'.join(moving)}, which the simpler rankings do not, "
            f"so its figures include what these rules cost."
        )


def _caveat_of_what_was_shown(log: InteractionLog, requests: PastRequests) -> Iterator[str]:
    if requests.has_impressions:
        return
    lost = int(np.count_nonzero(log.is_impression & (log.requests < 0)))
    why = (
        f"{counted(lost, 'impression has', 'impressions have')} no request_id, so it is not known what followed them"
        if lost
        else "The log does not say what was shown"
    )
    yield f"{why}: candidates without a reaction count as not wanted."


def _caveat_of_busy_users(requests: PastRequests) -> Iterator[str]:
    if requests.n_left_out:
        yield (
            f"Some users, or robots, have more than {OF_ONE_USER} times as many requests as the median user. Only that "
            f"many of each are measured, drawn by chance; requests left out: {requests.n_left_out:,}."
        )


def _caveat_of_unlisted(rankings: Rankings) -> Iterator[str]:
    n_targets, n_requests = rankings.n_targets_unlisted, rankings.n_requests_unlisted
    if n_targets:
        requests = (
            f"; left out with them: {counted(n_requests, 'request')} that wanted nothing else" if n_requests else ""
        )
        yield (
            f"{n_targets:,} of the items wanted may not be listed: they were seen before and seen items are left out, "
            f"they are not available, or they were created after the request. They are not counted{requests}."
        )


def _caveat_of_what_is_left(n_unlisted: int, n_listed: int) -> Iterator[str]:
    """A sentence if most of what was wanted may not be listed."""
    if n_unlisted > n_listed:
        yield (
            "Less than half of what was wanted is left, and it may be easier to rank. If seen items are left out and a "
            'view comes before each purchase, set policy.seen = "keep".'
        )


def _caveat_of_strongest(event: str | None, n_unlisted: int, n: int) -> Iterator[str]:
    """A sentence if most of what got the strongest event may not be listed, which other events can hide."""
    if event is not None and n_unlisted > n / 2:
        yield (
            f"Of {counted(n, 'item')} with the event {event}, {n_unlisted:,} may not be listed and are not counted, so "
            'the figures say little about it. If it follows a view of the item, set policy.seen = "keep".'
        )


def _caveat_of_newcomers(lengths: NDArray[np.int64]) -> Iterator[str]:
    """A sentence if most requests are of users without a history: they say nothing of sources that read histories."""
    n_newcomers = int(np.count_nonzero(lengths == 0))
    if n_newcomers > len(lengths) / 2:
        yield (
            f"{n_newcomers:,} of the {counted(len(lengths), 'request')} come from users without a history, for "
            "whom rankings that need one list nothing. Events of one user at one time are one request: if that is the "
            "reason, give each event its own time."
        )
