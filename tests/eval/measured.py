"""Measurements of rankings that know more or less of what is wanted."""

import numpy as np

from benchmarks.dense_lists import top_k
from recsys.eval.protocol import Measurement, evaluate_lists
from recsys.eval.ranking import Targets

N_REQUESTS, N_ITEMS = 300, 60


def measurement(skill: float) -> Measurement:
    """Random lists, in which the wanted item stands the higher the more skill there is; 0 is chance."""
    rng = np.random.default_rng(0)
    wanted = rng.integers(0, N_ITEMS, N_REQUESTS)
    scores = np.random.default_rng(1).random((N_REQUESTS, N_ITEMS)).astype(np.float32)
    scores[np.arange(N_REQUESTS), wanted] += skill
    targets = Targets.of([[int(item)] for item in wanted])
    vectors = rng.standard_normal((N_ITEMS, 8)).astype(np.float32)
    users = rng.integers(0, 90, N_REQUESTS).astype(np.int32)
    lists = top_k(scores, N_ITEMS, targets=targets)
    return evaluate_lists(lists, targets, popularity=np.arange(N_ITEMS, dtype=float), vectors=vectors, users=users)
