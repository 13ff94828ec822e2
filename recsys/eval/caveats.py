"""What a reader must know of a measurement before trusting its intervals."""

from collections.abc import Iterator, Mapping

import numpy as np

from recsys.eval.confidence import Comparison, told_apart
from recsys.eval.protocol import Measurement

_FEW_REQUESTS = 300
_FEW_USERS = 20
"""Resampling fewer users than this understates how much users differ."""


def caveats_of_size(full: Measurement) -> Iterator[str]:
    """A sentence where few requests, or the requests of few users, are measured."""
    if full.n_requests < _FEW_REQUESTS:
        counted = f"{full.n_requests} request{'s are' if full.n_requests != 1 else ' is'}"
        yield f"Only {counted} measured: the intervals are wide."
    if full.users is None:
        return
    n_users = len(np.unique(told_apart(full.users)))
    if n_users == 1 and full.users[0] >= 0:
        yield "All requests are of one user, so there are no intervals: they are drawn over users."
    elif 1 < n_users < _FEW_USERS:
        yield f"The requests are of {n_users} users: intervals are drawn over users, and of so few they are too narrow."


def caveats_of_rivals(comparisons: Mapping[str, Comparison]) -> Iterator[str]:
    """A sentence for each simpler ranking that is better than the full pipeline: figures alone are easily passed over.

    Args:
        comparisons: of the full pipeline with each, by name, in ndcg.
    """
    for name, comparison in comparisons.items():
        if comparison.verdict == "worse":
            behind = f"by {-comparison.difference:.4f} ({-comparison.high:.4f} to {-comparison.low:.4f}) in ndcg"
            yield f"A simpler ranking, {name}, is better than the full pipeline here, {behind}."
