"""How well a ranker orders what was shown: the only fair question where users could click on nothing else.

The version that made the lists decides what can be clicked: measured over all items, it would win against any other.
Over the items that were shown, with each click weighted by how seldom its position is looked at, all versions have the
same chances (Joachims, Swaminathan and Schnabel, WSDM 2017).
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from recsys.data.requests.list_positions import discounts, inverse_examination
from recsys.eval.protocol import Measurement
from recsys.pipeline.evaluation.rankings import K
from recsys.pipeline.past.requests import PastRequests
from recsys.pipeline.past.scoring import PastPipeline

METRIC = f"dcg@{K}"
_MOST = 2_000
"""Most requests that are measured: more would hardly narrow the interval."""


def dcg_of_shown(pipeline: PastPipeline, requests: PastRequests, seed: int) -> Measurement | None:
    """`METRIC` of each request whose list is in the log with its positions; None if these are less than half of the
    requests.

    Args:
        pipeline: has not learned from the requests.
        requests: the requests.
    """
    n_shown = np.bincount(requests.shown.rows[requests.shown.values >= 0], minlength=len(requests))
    listed = np.flatnonzero(n_shown > 1)
    if not len(listed) or len(listed) < len(requests) / 2:
        return None
    logged = requests.take(listed).sample(_MOST, seed)
    n_items, gains, lists = len(pipeline.past.scoring.catalogue), [], []
    for part, block in pipeline.past.blocks(logged):
        only = tuple(np.split(part.shown.items, part.shown.offsets[1:-1]))
        ranked = pipeline.rank(replace(block, only=only), [K] * len(block))
        for row, pairs in enumerate(ranked.orders):
            items = ranked.candidates.items[pairs][:K]
            gains.append(_dcg(part, row, items))
            lists.append(np.pad(items, (0, K - len(items)), constant_values=-1))
    values = {METRIC: np.array(gains)}
    return Measurement(K, values, np.stack(lists), n_items, logged.users, np.arange(len(logged)))


def _dcg(requests: PastRequests, row: int, items: NDArray[np.int32]) -> float:
    """Discounted gain of the items, best first, in place of the list that was shown for the request `row`.

    The gain of a wanted item is divided by the chance that the position at which it was shown is looked at.
    """
    shown = slice(requests.shown.offsets[row], requests.shown.offsets[row + 1])
    targets = slice(requests.targets.offsets[row], requests.targets.offsets[row + 1])
    weights = inverse_examination(np.maximum(requests.shown.values[shown], 0))
    weight_of = dict(zip(requests.shown.items[shown].tolist(), weights, strict=True))
    gains = np.array([weight_of[item] for item in items.tolist()]) * np.isin(items, requests.targets.items[targets])
    return float(gains @ discounts(np.arange(len(items))))
