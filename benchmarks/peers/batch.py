"""Batch lists by other tools for the users of a version, from the same events: users a second.

    python -m benchmarks.peers.batch REGISTRY [--users 10000]

RecTools' two-stage ranker is the comparable pipeline: 100 candidates each of ALS, item-kNN and popularity, with scores
and ranks, ordered by LightGBM with 300 trees of 31 leaves. LensKit has no second stage, so it has ALS alone to do.
Training is not counted. `benchmarks.batch --peers` calls this with the interpreter of the tools' own environment.
"""

import os
import resource
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.arguments import parser_of
from benchmarks.peers.sequential import frame_of
from recsys.data.log.interactions import InteractionLog
from recsys.pipeline.recommender.bundle import Bundle
from recsys.registry import Registry

_N, _CANDIDATES, _FACTORS = 10, 100, 64

Users = NDArray[np.int32]
Recommend = Callable[[Users], Any]


def rectools_two_stage(log: InteractionLog) -> Recommend:
    """RecTools' candidate ranking model, with the features that it offers for any data set."""
    import lightgbm
    from implicit.als import AlternatingLeastSquares
    from implicit.nearest_neighbours import TFIDFRecommender
    from rectools.model_selection import LastNSplitter
    from rectools.models import ImplicitALSWrapperModel, ImplicitItemKNNWrapperModel, PopularModel
    from rectools.models.ranking import CandidateGenerator, CandidateRankingModel, Reranker
    from threadpoolctl import threadpool_limits

    dataset = frame_of(log.users, log.items)
    with threadpool_limits(1, user_api="blas"):  # as implicit asks for
        first_stage = (
            ImplicitALSWrapperModel(AlternatingLeastSquares(factors=_FACTORS, random_state=0)),
            ImplicitItemKNNWrapperModel(TFIDFRecommender(K=50)),
            PopularModel(),
        )
        model = CandidateRankingModel(
            [CandidateGenerator(one, _CANDIDATES, keep_ranks=True, keep_scores=True) for one in first_stage],
            LastNSplitter(n=2, n_splits=1),
            Reranker(lightgbm.LGBMClassifier(n_estimators=300, num_leaves=31, verbosity=-1, random_state=0)),
        )
        model.fit(dataset)
    return lambda users: model.recommend(users, dataset, k=_N, filter_viewed=True)


def lenskit_als(log: InteractionLog) -> Recommend:
    """LensKit's pipeline for the n best items of a user, in as many processes as there are cores."""
    import pandas as pd
    from lenskit.als import ImplicitMFScorer
    from lenskit.batch import recommend
    from lenskit.data import from_interactions_df
    from lenskit.pipeline import topn_pipeline

    frame = pd.DataFrame({"user_id": log.users, "item_id": log.items}).drop_duplicates()
    pipeline = topn_pipeline(ImplicitMFScorer(embedding_size=_FACTORS), n=_N)
    pipeline.train(from_interactions_df(frame, class_name="rating"))
    return lambda users: recommend(pipeline, users.tolist(), _N, n_jobs=os.cpu_count())


TOOLS: Mapping[str, Callable[[InteractionLog], Recommend]] = {
    "RecTools two-stage": rectools_two_stage,
    "LensKit ALS": lenskit_als,
}


def main() -> None:
    """Parse, and print a line a tool."""
    parser = parser_of(__doc__)
    parser.add_argument("registry", type=Path)
    parser.add_argument("--users", type=int, default=10_000, help="the first so many")
    arguments = parser.parse_args()
    log = Bundle.load(Registry(arguments.registry)).log
    users = np.arange(min(arguments.users, log.n_users), dtype=np.int32)
    for name, fitted in TOOLS.items():
        recommend = fitted(log)
        started = time.perf_counter()
        recommend(users)
        seconds = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"  {name}: {len(users) / seconds:,.0f} users/s, peak so far, training included, {peak:,.0f} MiB",
            flush=True,
        )


if __name__ == "__main__":
    main()
