"""What the ranker's columns look like on a data set: coverage, distribution, drift between windows."""

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from features.configured import configured
from features.feature_set import FeatureSet
from features.state import EventState
from features.statistics import FeatureStatistics, statistics
from recsys.config import Config
from recsys.data.dataset import Dataset
from recsys.data.split import TemporalSplit
from recsys.eval.results import FeatureRow
from recsys.pipeline.past_requests import PastRequests, grade_thresholds
from recsys.pipeline.past_scoring import PastScoring
from recsys.pipeline.rules import resolve_seen
from recsys.pipeline.scoring import Scoring
from recsys.pipeline.sources import Sources
from recsys.pipeline.training_rows import training_rows
from recsys.progress import Progress, silent
from recsys.text.cache import VectorCache

_ROWS = 50_000
"""Rows of a window that percentiles are taken of."""


def feature_rows(
    features: FeatureSet, older: NDArray[np.float32], newer: NDArray[np.float32]
) -> tuple[FeatureRow, ...]:
    """The ranker's columns in two windows, (n_rows, n_features) each, for the report."""

    def known(value: float) -> float | None:
        return None if np.isnan(value) else value

    tables = (table[:: max(1, len(table) // _ROWS)] for table in (older, newer))
    return tuple(
        FeatureRow(
            feature.name,
            feature.group,
            feature.meaning,
            one.coverage,
            one.newer_coverage,
            *map(known, (one.low, one.median, one.high, one.drift)),
        )
        for feature, one in zip(features.features, statistics(features.names, *tables), strict=True)
    )


def feature_report(
    dataset: Dataset, config: Config, *, seed: int = 0, progress: Progress = silent
) -> tuple[FeatureStatistics, ...]:
    """Features of the candidates of both windows, with sources fitted on the history before them.

    Raises:
        ConfigError: `features` names what does not exist.
        DataError: the log is too short to be cut in three.
    """
    configured(config.features)
    log = dataset.log
    split = TemporalSplit.of(log, config.data)
    config = config.model_copy(update={"policy": resolve_seen(config.policy, log.before(split.test_start))})
    with tempfile.TemporaryDirectory() as folder:
        sources = Sources.fit(
            dataset.catalogue,
            log.before(split.ranker_start),
            config,
            seed=seed,
            text_minutes=config.text.budget_minutes,
            cache=VectorCache(Path(folder) / "vectors"),
            warm=None,
            progress=progress,
        )
        past = PastScoring(Scoring(dataset.catalogue, sources, EventState(log)), config)
        features, top = past.scoring.features(config.features), len(grade_thresholds(log))
        older, newer = (
            training_rows(
                past, PastRequests.of(log, start, end).sample(config.data.max_requests, seed), features, top, progress
            ).table
            for start, end in ((split.ranker_start, split.test_start), (split.test_start, split.end))
        )
    return statistics(features.names, older, newer)
