"""What the ranker's columns look like on a data set, without training a ranker."""

import tempfile
from pathlib import Path

from features.state import EventState
from features.statistics import FeatureStatistics, statistics
from recsys.config import Config
from recsys.data.dataset import Dataset
from recsys.pipeline.training.item_dropout import ItemDropout
from recsys.pipeline.training.steps import TrainingSteps
from recsys.pipeline.training.train import TEXT_SHARES, learn_from_history, prepared
from recsys.progress import Progress, silent
from recsys.text.cache import VectorCache

_SEED = 0
"""That of a training which is given none."""


def feature_report(dataset: Dataset, config: Config, *, progress: Progress = silent) -> tuple[FeatureStatistics, ...]:
    """Features of the rows that a training teaches its ranker: of the ranker window, and of the test.

    Raises:
        ConfigError, DataError: what `train` refuses is refused here.
    """
    config, split = prepared(dataset, config, progress)
    log = dataset.log
    with tempfile.TemporaryDirectory() as folder:
        steps = TrainingSteps(dataset, config, EventState(log), VectorCache(Path(folder) / "vectors"), _SEED, progress)
        dropout = ItemDropout.draw(log.n_items, _SEED)
        steps, past_of_history, features, older = learn_from_history(steps, split, dropout)
        past_before_test = steps.learn(split.test_start, TEXT_SHARES[1], past_of_history.scoring.sources)
        test = steps.requests_in(split.test_start, split.end)
        newer = steps.rows(past_before_test, features, test, split.test_start)
    return statistics(features.names, older.table, newer.table)
