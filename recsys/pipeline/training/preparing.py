"""What the data decide about the configuration, and whether anything can be learned from them, before hours of
training."""

import numpy as np

from features.configured import configured, events_not_in_log
from recsys.cf.prediction import best_half_life
from recsys.config import Config
from recsys.counts import counted
from recsys.data.dataset import Dataset
from recsys.data.items.catalogue import ItemCatalogue
from recsys.data.log.interactions import InteractionLog
from recsys.data.log.taken_back import without_taken_back
from recsys.data.split import TemporalSplit
from recsys.errors import DataError
from recsys.moments import day_of
from recsys.pipeline.candidates.sources import PERIODIC_MODELS, TEXT
from recsys.pipeline.ranking.rules import check_rules, idle_rules, resolve_seen
from recsys.pipeline.training.attribute_features import with_attribute_features
from recsys.pipeline.training.event_columns import with_event_columns
from recsys.progress import Progress
from recsys.text.weights import locate


def prepared(
    dataset: Dataset, config: Config, progress: Progress, test_start: int | None = None
) -> tuple[Config, TemporalSplit]:
    """The configuration, in which the data have decided what was left open as `auto` or 0, and the three windows.

    Args:
        test_start: see `train`.

    Raises:
        ConfigError, DataError: see `train`.
    """
    log, catalogue = dataset.log, dataset.catalogue
    split = TemporalSplit.of(log, config.data, test_start)
    # What people do in the test window chooses neither columns nor rules that are measured on it.
    before = without_taken_back(log.before(split.test_start), config.events.takes_back)
    has_unequal_weights = len(log.act_weights) > 1
    features = with_attribute_features(
        config.features, catalogue, before, progress, has_unequal_weights=has_unequal_weights
    )
    features = with_event_columns(features, before, progress)
    configured(features)
    config = config.model_copy(update={"features": features})
    for warning in events_not_in_log(config.features, dataset.log.event_names):
        progress(warning)
    check_rules(config.policy, dataset.catalogue)
    for warning in idle_rules(config.policy, dataset.catalogue):
        progress(warning)
    if TEXT in config.candidates.sources:
        locate(config.text.encoder)
    _check_listable(dataset, split.ranker_start, split.test_start)
    if config.ranker.debias:
        _check_positions(log.between(split.ranker_start, split.test_start))
    config = config.model_copy(update={"policy": resolve_seen(config.policy, before)})
    if config.policy.discovery == "auto":  # training chooses when it has a ranker
        config = config.changed(policy={"discovery": 0.0})
    if not config.cf.half_life_days:
        config = config.changed(cf={"half_life_days": best_half_life(before)})
        progress(f"popularity fades: an event counts half after {config.cf.half_life_days:g} days")
    return _with_informative_periods(config, dataset.catalogue, before, progress), split


def _with_informative_periods(
    config: Config, catalogue: ItemCatalogue, log: InteractionLog, progress: Progress
) -> Config:
    """The configuration without `rhythm` and `season` where the time does not predict what is chosen, as long as
    another source is left."""
    for source, model in PERIODIC_MODELS.items():
        others = tuple(name for name in config.candidates.sources if name != source)
        if source not in config.candidates.sources or not others:
            continue
        is_informative = model.is_informative(catalogue.codes("category"), log, config.cf)
        use, predicts = ("used", "predicts") if is_informative else ("left out", "does not predict")
        progress(f"{source} is {use}: the time of the {model.period} {predicts} what is chosen")
        if not is_informative:
            config = config.changed(candidates={"sources": others})
    return config


def _check_listable(dataset: Dataset, start: int, end: int) -> None:
    """Check that some item that was wanted in the window [start, end) could be listed at that moment.

    Raises:
        DataError: none of them existed then, so that no request has an answer to learn from, or no item is available.
    """
    if not dataset.catalogue.available.any():
        raise DataError(
            "none of the items is available (column available), so no list could hold any; correct the items"
        )
    wanted, catalogue = dataset.log.positive().between(start, end), dataset.catalogue
    created = catalogue.frame["created_at"].dt.timestamp("us").gather(wanted.items)
    is_later = (created > wanted.times).fill_null(False).to_numpy()
    if (is_later | (catalogue.gone[wanted.items] < wanted.times)).all():
        n_items = len(np.unique(wanted.items))
        why = "all were created later (column created_at)" if is_later.all() else "none was there (available_until)"
        raise DataError(
            f"none of {counted(n_items, 'item')} wanted from {day_of(start)} to {day_of(end)} (the ranker's window) "
            f"could be listed then: {why}; correct the items"
        )


def _check_positions(window: InteractionLog) -> None:
    """Check that the log of the ranker's window has positions of what was shown, from which `ranker.debias` learns.

    Raises:
        DataError: it has none.
    """
    if not (window.is_impression & (window.positions >= 0)).any():
        raise DataError(
            "ranker.debias needs impressions with positions, and the ranker's window has none; leave it off"
        )
