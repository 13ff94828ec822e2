"""Endpoints that read and write JSON as the API does and do little or nothing: the floor in `benchmarks.serving`."""

import os
from functools import cache
from pathlib import Path
from zlib import crc32

import numpy as np
import scipy.sparse as sp
from fastapi import FastAPI, Response
from implicit.cpu.als import AlternatingLeastSquares
from threadpoolctl import threadpool_limits

from recsys.arrays.npy import load_array
from serving.responses import json_response
from serving.schemas.lists import RecommendRequest

FACTORS_VARIABLE = "BENCHMARK_FACTORS"
"""Environment variable with the path of item factors, (n_items, factors) float32."""

_USERS = 2_000
_SEEN = 50

app = FastAPI()


@app.post("/empty")
async def empty(body: RecommendRequest) -> Response:
    """Answers at once."""
    return json_response({"items": [{"item_id": f"i{rank}", "rank": rank} for rank in range(body.n)]})


@app.post("/implicit")
async def implicit(body: RecommendRequest) -> Response:
    """What implicit's own `recommend` finds."""
    model, seen = _model()
    user = crc32((body.user_id or "").encode()) % _USERS
    items, scores = model.recommend(user, seen[user], N=body.n)
    places = zip(items.tolist(), scores.tolist(), strict=True)
    return json_response({"items": [{"item_id": f"i{item}", "score": score} for item, score in places]})


@cache
def _model() -> tuple[AlternatingLeastSquares, sp.csr_matrix]:
    threadpool_limits(1)
    rng, factors = np.random.default_rng(0), np.array(load_array(Path(os.environ[FACTORS_VARIABLE])))
    model = AlternatingLeastSquares(factors=factors.shape[1], num_threads=1)
    model.item_factors = factors
    model.user_factors = rng.standard_normal((_USERS, factors.shape[1]), dtype=np.float32)
    items = rng.integers(0, len(factors), (_USERS, _SEEN), dtype=np.int32)
    ones = np.ones(items.size, dtype=np.float32)
    return model, sp.csr_matrix((ones, items.ravel(), np.arange(0, items.size + 1, _SEEN)), (_USERS, len(factors)))
