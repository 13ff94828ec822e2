"""What the ranker's columns look like on a data set, without training a ranker."""

import tempfile
from pathlib import Path

from features.state import EventState
from features.statistics import FeatureStatistics, statistics
from recsys.config import Config
from recsys.data.dataset import Dataset
from recsys.pipeline.training.preparing import prepared
from recsys.pipeline.training.rows import UnseenWindow
from recsys.pipeline.training.steps import TrainingSteps
from recsys.pipeline.training.train import TEXT_SHARES, learn_from_history
from recsys.pipeline.training_run import TrainingRun
from recsys.progress import Progress, silent
from recsys.text.cache import VectorCache


def feature_report(dataset: Dataset, config: Config, *, progress: Progress = silent) -> tuple[FeatureStatistics, ...]:
    """Features of the rows that a training teaches its ranker: of the ranker window, and of the test.

    Raises:
        ConfigError, DataError: as `train`.
    """
    config, split = prepared(dataset, config, progress)
    with tempfile.TemporaryDirectory() as folder:
        run = TrainingRun(cache=VectorCache(Path(folder) / "vectors"), progress=progress)
        steps, window, older = learn_from_history(TrainingSteps(dataset, config, EventState(dataset.log), run), split)
        past_before_test = steps.learn(split.test_start, TEXT_SHARES[1], window.past.scoring.sources)
        window = UnseenWindow(past_before_test, window.features, split.test_start)
        newer = steps.rows(window, steps.requests_in(split.test_start, split.end))
    return statistics(window.features.names, older.table, newer.table)
