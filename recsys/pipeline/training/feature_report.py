"""What the ranker's columns look like on a data set, without training a ranker."""

import tempfile
from pathlib import Path

from features.configured import configured
from features.state import EventState
from features.statistics import FeatureStatistics, statistics
from recsys.config import Config
from recsys.data.dataset import Dataset
from recsys.data.split import TemporalSplit
from recsys.pipeline.ranking.rules import resolve_seen
from recsys.pipeline.training.item_dropout import ItemDropout
from recsys.pipeline.training.steps import TrainingSteps
from recsys.pipeline.training.train import TEXT_SHARES, learn_from_history
from recsys.progress import Progress, silent
from recsys.text.cache import VectorCache

_SEED = 0
"""That of a training which is given none."""


def feature_report(dataset: Dataset, config: Config, *, progress: Progress = silent) -> tuple[FeatureStatistics, ...]:
    """Features of the rows that a training teaches its ranker: of the ranker window, and of the test.

    Raises:
        ConfigError: `features` names what does not exist.
        DataError: the log is too short to be cut in three.
    """
    configured(config.features)
    log = dataset.log
    split = TemporalSplit.of(log, config.data)
    config = config.model_copy(update={"policy": resolve_seen(config.policy, log.before(split.test_start))})
    with tempfile.TemporaryDirectory() as folder:
        steps = TrainingSteps(dataset, config, EventState(log), VectorCache(Path(folder) / "vectors"), _SEED, progress)
        dropout = ItemDropout.draw(log.n_items, _SEED)
        steps, past_of_history, features, older = learn_from_history(steps, split, dropout)
        past_before_test = steps.learn(split.test_start, TEXT_SHARES[1], past_of_history.scoring.sources)
        test = steps.requests_in(split.test_start, split.end)
        newer = steps.rows(past_before_test, features, test, split.test_start)
    return statistics(features.names, older.table, newer.table)
