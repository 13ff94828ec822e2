"""Measure a recommender on requests whose outcome is known, against simpler rankings and itself without one part."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from recsys.config import SOURCES
from recsys.counts import counted
from recsys.data.items.catalogue import ItemCatalogue
from recsys.data.log.interactions import InteractionLog
from recsys.eval.protocol import Measurement, evaluate_lists
from recsys.eval.ranking import RankedLists, Targets
from recsys.eval.results import MeasuredReport
from recsys.eval.slices import category_slices, request_slices
from recsys.eval.summary import summarise
from recsys.pipeline.evaluation.labelled import LabelledRequests
from recsys.pipeline.evaluation.rankings import K, RankedRequests, RankingLists, Rankings
from recsys.pipeline.evaluation.request_caveats import caveats_of_requests, caveats_of_rules
from recsys.pipeline.past.scoring import PastPipeline
from recsys.pipeline.ranking.scoring import Scoring
from recsys.progress import Progress

BASELINES: Mapping[str, str] = {source: declared.ranking for source, declared in SOURCES.items()} | {
    "zero_shot": "text, not tuned"
}
"""Source -> the name of its ranking in the report; `zero_shot` is no source, but the text model before any tuning."""


def measure(
    pipeline: PastPipeline,
    requests: LabelledRequests,
    *,
    learned: InteractionLog,
    seed: int,
    progress: Progress,
    baselines: Mapping[str, str] = BASELINES,
) -> MeasuredReport:
    """Rank every request with every ranking and summarise.

    Args:
        pipeline: what is measured.
        requests: what it is measured on.
        learned: what the pipeline has learned from: by it, items are novel or cold.
        seed: of every bootstrap.
        progress: called with a line of text after each block.
        baselines: sources that are measured alone beside it, and what the report calls them.
    """
    rankings = Rankings(pipeline, baselines)
    for block in requests.blocks:
        rankings.add(block)
        progress(f"evaluating: {counted(len(rankings), 'request')}")
    every = rankings.requests()
    answered = every.targets.counts > 0  # the others want nothing that may be listed
    asked = every.select(answered)
    n_positives = np.bincount(learned.positive().items, minlength=learned.n_items)  # positive events of each item
    scoring, strongest = pipeline.past.scoring, requests.strongest
    measurement_of = partial(_measurement_of, answered=answered, asked=asked, n_positives=n_positives, scoring=scoring)
    report = summarise(
        measurement_of(rankings.full) if len(rankings) else _no_measurement(len(n_positives)),
        baselines={name: measurement_of(ranking) for name, ranking in rankings.baselines.items()},
        ablation={name: measurement_of(ranking) for name, ranking in rankings.ablation.items()},
        slices=_slices(asked, n_positives, scoring.catalogue),
        events={strongest: asked.bought} if strongest else {},
        seed=seed,
    )
    return replace(
        report,
        candidates=rankings.recall.result(),
        calibration=rankings.calibrations.result(requests.share_answered),
        dials=rankings.dials.result(),
        importances=pipeline.rankers.full.importance,
        caveats=(
            *requests.caveats,
            *caveats_of_requests(rankings, len(asked.targets.items), asked.lengths, strongest),
            *caveats_of_rules(pipeline.past.config.policy),
            *report.caveats,
        ),
    )


def _measurement_of(
    ranking: RankingLists,
    *,
    answered: NDArray[np.bool_],
    asked: RankedRequests,
    n_positives: NDArray[np.int64],
    scoring: Scoring,
) -> Measurement:
    """The lists of one ranking for the answered requests (a mask over all), which are `asked`."""
    vectors = scoring.vectors
    if vectors is None:
        vectors = np.zeros((len(scoring.catalogue), 1), dtype=np.float32)
    found = evaluate_lists(
        ranking.joined().select(answered),
        asked.targets,
        popularity=n_positives.astype(np.float64),
        vectors=vectors,
        users=asked.users,
        requests=np.flatnonzero(answered),
        k=K,
    )
    # Two rankings compare only over the same candidates, so this auc is over those of the full pipeline.
    return replace(found, values={**found.values, "auc": np.concatenate(ranking.aucs)[answered]})


def _slices(
    asked: RankedRequests, n_positives: NDArray[np.int64], catalogue: ItemCatalogue
) -> dict[str, NDArray[np.bool_]]:
    """Kinds of requests, and of items wanted."""
    categories = category_slices(asked.targets, catalogue.codes("category"), catalogue.names("category"))
    return {**request_slices(asked.targets, n_positives, asked.lengths), **categories}


def _no_measurement(n_items: int) -> Measurement:
    empty = RankedLists(np.zeros((0, K), dtype=np.int32), np.zeros((0, K), dtype=np.float32))
    return evaluate_lists(
        empty, Targets.of([]), popularity=np.zeros(n_items), vectors=np.zeros((n_items, 1), dtype=np.float32), k=K
    )
