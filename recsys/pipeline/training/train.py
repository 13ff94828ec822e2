"""Training: three windows in time, an honest test, then the same models on everything."""

import tempfile
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path

from features.feature_set import FeatureSet
from features.state import EventState
from recsys.config import Config
from recsys.data.dataset import Dataset
from recsys.data.split import TemporalSplit
from recsys.errors import check_kind
from recsys.eval.dial import DialPoint
from recsys.pipeline.candidates.sources import TEXT
from recsys.pipeline.engines.engine import Engine
from recsys.pipeline.ranking.ranker_fits import columns_of
from recsys.pipeline.recommender.bundle import TrainedBundle
from recsys.pipeline.training.discovery_choice import discovery_curve, with_worthwhile_discovery
from recsys.pipeline.training.feature_rows import feature_rows, some_rows
from recsys.pipeline.training.given_histories import with_figures_of_given, with_own_ranker
from recsys.pipeline.training.item_dropout import ItemDropout
from recsys.pipeline.training.named_candidates import (
    and_ahead,
    rows_of_lists,
    with_figures_of_lists,
    with_ranker_of_lists,
)
from recsys.pipeline.training.preparing import prepared
from recsys.pipeline.training.rows import UnseenWindow
from recsys.pipeline.training.source_choice import choose_sources
from recsys.pipeline.training.steps import TrainingSteps
from recsys.pipeline.training_run import TrainingRun
from recsys.progress import Progress, silent
from recsys.rank.rows import RankerRows
from recsys.rank.tuning import Trial, Tuning, in_this_process, tuned
from recsys.text.cache import VectorCache

TEXT_SHARES = (0.4, 0.3, 0.3)
"""Shares of the text budget: learned on the history, then continued up to the test, then on everything."""


def train(
    dataset: Dataset,
    config: Config = Config(),
    *,
    seed: int = 0,
    name: str = "",
    test_start: int | None = None,
    cache: VectorCache | None = None,
    tuning: Tuning | None = None,
    engine: Engine | None = None,
    progress: Progress = silent,
) -> TrainedBundle:
    """Train everything and measure it honestly.

    1. Sources learn from the history, in which the past of some items is hidden (item dropout). What the sources
       would have proposed in the ranker window, and what users then did, teaches a ranker.
    2. Sources learn from everything before the test. With that ranker they are measured on the test window.
    3. The ranker learns from both windows (in each, the sources had not seen it); the sources learn from everything.

    Args:
        dataset: catalogue and log.
        config: see `recsys.config`.
        seed: every random draw follows from it.
        name: name of the data, for the report.
        test_start: start of the test window in microseconds; None: the test is the newest share of the log.
        cache: text vectors encoded before; without it they are kept for this run only.
        tuning: search for the ranker's settings on the ranker window first.
        engine: its processes encode new texts, train the text model, fit the rankers and try settings; without it, this
            process does.
        progress: called with a line of text now and then.

    Raises:
        ConfigError: `features` or rules of `policy` name what does not exist, or the encoder is not found.
        DataError: the log is too short for three windows, or nothing that was wanted could be listed, or was proposed.
    """
    check_kind(dataset, Dataset, "train takes a Dataset, such as load_dataset('my-data/') reads")
    check_kind(config, Config, "train takes a Config, such as load_config(None, ['text.epochs=2']) makes")
    requested = config
    config, split = prepared(dataset, config, progress, test_start)
    with tempfile.TemporaryDirectory() as folder, engine.held() if engine else nullcontext():
        cache = cache or VectorCache(Path(folder) / "vectors")
        if engine is not None:
            _encode_side_by_side(dataset, config, cache, engine, progress)
        steps = TrainingSteps(dataset, config, EventState(dataset.log), TrainingRun(seed, cache, engine, progress))
        bundle = _trained(steps, split, requested, tuning)
    return replace(bundle, report=replace(bundle.report, dataset=name))


def _trained(steps: TrainingSteps, split: TemporalSplit, requested: Config, tuning: Tuning | None) -> TrainedBundle:
    """The three steps of `train`.

    Args:
        requested: the configuration as it was given; in that of the steps, what was left open is already decided.
    """
    # 1. The history teaches sources, and the ranker window a ranker.
    steps, window, rows = learn_from_history(steps, split)
    trials: tuple[Trial, ...] = ()
    if tuning is not None:
        steps, trials = _tune(steps, rows, window.features, tuning)
        requested = requested.model_copy(update={"ranker": steps.config.ranker})
    older_columns = some_rows(rows.table)
    learning, lists_as_shown = steps.to_learn_from(rows), rows_of_lists(rows, steps.run.seed)
    del rows  # they may be as large as everything else together
    rankers_before_test = steps.rankers(learning, window)
    requests = steps.requests_in(split.ranker_start, split.test_start)
    held_out: tuple[DialPoint, ...] = ()
    if requested.policy.discovery == "auto":
        held_out = discovery_curve(window.pipeline(rankers_before_test), requests, steps.state)
        steps = with_worthwhile_discovery(steps, held_out)
    given = steps.to_learn_from(steps.rows_of_given(window, requests))
    rankers_before_test = with_own_ranker(rankers_before_test, given, window, steps)
    lists = steps.to_learn_from(and_ahead(lists_as_shown, window, requests, steps))
    rankers_before_test = with_ranker_of_lists(rankers_before_test, lists, window, steps)

    # 2. Models that have seen only what came before the test are measured on it.
    past_before_test = steps.learn(split.test_start, TEXT_SHARES[1], window.past.scoring.sources)
    window = UnseenWindow(past_before_test, window.features, split.test_start)
    test = steps.requests_in(split.test_start, split.end)
    report = steps.backtest(window.pipeline(rankers_before_test), test, split)

    # 3. A new ranker, and the discovery dial, learn from both windows; the sources learn from everything.
    rows_of_test = steps.rows(window, test)
    columns = feature_rows(window.features, older_columns, some_rows(rows_of_test.table))
    learning = steps.to_learn_from(learning.older, learning.newest, rows_of_test)
    lists_of_test = rows_of_lists(rows_of_test, steps.run.seed)
    del rows_of_test
    rankers = steps.rankers(learning, window)
    del learning
    if rankers_before_test.given is not None:
        given_of_test = steps.rows_of_given(window, test)
        report = with_figures_of_given(report, rankers_before_test, given_of_test)
        given = steps.to_learn_from(given.older, given.newest, given_of_test)
        rankers = replace(rankers, given=steps.own_rankers(given, window))
    if rankers_before_test.named is not None:
        report = with_figures_of_lists(report, rankers_before_test, lists_of_test)
        lists_of_test = and_ahead(lists_of_test, window, test, steps)
        lists = steps.to_learn_from(lists.older, lists.newest, lists_of_test)
        rankers = replace(rankers, named=steps.own_rankers(lists, window))
    if requested.policy.discovery == "auto":
        # Not by the report alone: its ranker has learned nothing from the test window. If much is new there, it thinks
        # less of new items than the published ranker does, which then needs no dial to list them.
        published = discovery_curve(window.pipeline(rankers), test, steps.state)
        steps = with_worthwhile_discovery(steps, held_out, report.dials.get("discovery", ()), published)
    sources = steps.learn(split.end, TEXT_SHARES[2], past_before_test.scoring.sources).scoring.sources
    report = replace(report, trials=tuple(map(asdict, trials)), features=columns)
    return TrainedBundle.of(steps.dataset, steps.config, requested, sources, window.features, rankers, report)


def _encode_side_by_side(
    dataset: Dataset, config: Config, cache: VectorCache, engine: Engine, progress: Progress
) -> None:
    """Report what the engine is used for, and have it encode the texts that the cache lacks."""
    progress("workers share new texts, the text model, the rankers and --tune; all else runs in this process")
    if TEXT in config.candidates.sources:
        from recsys.pipeline.training.encode_ahead import encode_ahead  # torch, which serving does without

        encode_ahead(dataset.catalogue.texts, config.text, cache, engine, progress)


def learn_from_history(steps: TrainingSteps, split: TemporalSplit) -> tuple[TrainingSteps, UnseenWindow, RankerRows]:
    """Fit sources on the history, without the past of dropped items. Gives the ranker window, which these sources have
    not seen, and its rows.

    The returned steps leave out live sources that find too little there. The weight of each source is kept in the
    sources, from which later steps continue.
    """
    log, start = steps.dataset.log, split.ranker_start
    dropout = ItemDropout.draw(log.n_items, steps.run.seed)
    hiding = steps.with_log(dropout.hide_past(log, start))
    past, requests = hiding.learn(start, TEXT_SHARES[0], None), hiding.requests_in(start, split.test_start)
    past = past.with_chosen(*choose_sources(past, requests, steps.run))
    window = UnseenWindow(past, past.scoring.features(steps.config.features), start, dropout.dropped)
    return replace(steps, config=past.config), window, hiding.rows(window, requests)


def _tune(
    steps: TrainingSteps, rows: RankerRows, features: FeatureSet, tuning: Tuning
) -> tuple[TrainingSteps, tuple[Trial, ...]]:
    """The steps with those settings of the ranker that do best on the ranker window, and all trials."""
    config, run = steps.config, steps.run
    of_engine = run.engine.run if run.engine is not None else in_this_process
    ranker, trials = tuned(rows, columns_of(features), config.ranker, tuning, run.seed, run.progress, of_engine)
    return replace(steps, config=config.model_copy(update={"ranker": ranker})), trials
