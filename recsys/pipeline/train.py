"""Training: three windows in time, an honest test, then the same models on everything."""

import tempfile
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path

from features.configured import configured
from features.state import EventState
from recsys.config import Config
from recsys.data.dataset import Dataset
from recsys.data.split import TemporalSplit
from recsys.pipeline.bundle import Bundle
from recsys.pipeline.engine import Engine
from recsys.pipeline.feature_report import feature_rows
from recsys.pipeline.listable import check_listable
from recsys.pipeline.novices import Novices, never_met
from recsys.pipeline.rules import check_rules, resolve_seen
from recsys.pipeline.stage_one import Progress
from recsys.pipeline.steps import Steps
from recsys.rank.rows import RankerRows
from recsys.rank.tuning import Trial, Tuning, here, tuned
from recsys.text.cache import VectorCache

_TEXT_SHARES = (0.4, 0.3, 0.3)
"""Shares of the text budget: learned on the history, then continued up to the test, then on everything."""


def train(
    dataset: Dataset,
    config: Config = Config(),  # noqa: B008
    *,
    seed: int = 0,
    name: str = "",
    test_start: int | None = None,
    cache: VectorCache | None = None,
    tuning: Tuning | None = None,
    engine: Engine | None = None,
    progress: Progress = lambda message: None,
) -> Bundle:
    """Train everything and measure it honestly.

    1. Sources learn from the history, but for the items of a small share, which are made newcomers. What the sources
       would have proposed in the ranker window, and what users then did, teaches a ranker.
    2. Sources learn from everything before the test. With that ranker they are measured on the test window.
    3. The ranker learns from both windows (in each, the sources had not seen it), and from the requests of the test
       window that want a newcomer, as the sources of step 1 see them; the sources learn from everything.

    Args:
        dataset: catalogue and log.
        config: see `recsys.config`.
        seed: every random draw follows from it.
        name: of the data, for the report.
        test_start: start of the test window in microseconds, when it is not to be the newest share of the log.
        cache: text vectors encoded before; without it they are kept for this run only.
        tuning: seek the ranker's settings on the ranker window first.
        engine: its processes encode new texts, train the text model, fit the rankers and try settings; without it, all
            of that is done by this one.
        progress: called with a line of text now and then.

    Raises:
        ConfigError: `features` or rules of `policy` name what does not exist.
        DataError: the log is too short to be cut in three, or nothing that was wanted could be listed, or was proposed.
    """
    configured(config.features)  # what is wrong is found now, not after minutes
    check_rules(config.policy, dataset.catalogue)
    log = dataset.log
    config = config.model_copy(update={"policy": resolve_seen(config.policy, log)})
    split = TemporalSplit.of(log, config.data, test_start)
    check_listable(dataset, split.ranker_start, split.test_start)
    with tempfile.TemporaryDirectory() as folder, engine.held() if engine else nullcontext():
        cache = cache if cache is not None else VectorCache(Path(folder) / "vectors")  # an empty one is false
        if engine is not None:
            progress("side by side: new texts, the text model, the rankers and --tune; all else in this process alone")
        if engine is not None and "text" in config.candidates.sources:
            from recsys.pipeline.encode_ahead import encode_ahead  # torch, which serving does without

            encode_ahead(dataset.catalogue.texts, config.text, cache, engine, progress)
        run = Steps(dataset, config, EventState(log), cache, seed, progress, engine)

        novices = Novices.draw(log.n_items, seed)
        young = run.over(novices.young(log, split.ranker_start))
        past = young.learn(split.ranker_start, _TEXT_SHARES[0], None)
        features = past.scoring.features(config.features)
        untold = never_met(log, split.test_start) & ~novices.chosen
        older = young.rows(past, features, young.moments(split.ranker_start, split.test_start), untold)
        trials: tuple[Trial, ...] = ()
        if tuning is not None:
            spread = engine.run if engine is not None else here
            names, directions = features.names, features.directions
            ranker, trials = tuned(older, names, config.ranker, tuning, seed, progress, directions, spread)
            config = config.model_copy(update={"ranker": ranker})
            run = replace(run, config=config)
        rankers = run.rankers(older, features, past)

        test = run.moments(split.test_start, split.end)
        young = run.over(novices.young(log, split.test_start))
        late = replace(past, scoring=replace(past.scoring, state=young.state))
        untold = never_met(log, split.end)
        fresh = young.rows(late, features, novices.wanted_in(test, seed), untold & ~novices.chosen)

        past = run.learn(split.test_start, _TEXT_SHARES[1], past.scoring.stage)
        report = replace(run.backtest(past, features, rankers, test, split, name), trials=tuple(map(asdict, trials)))
        newer = run.rows(past, features, test, untold)
        report = replace(report, features=feature_rows(features, older.table, newer.table))
        rows = RankerRows.joined([older, newer, fresh])
        del older, newer, fresh  # together as large as `rows`
        rankers = run.rankers(rows, features, past)
        del rows

        past = run.learn(split.end, _TEXT_SHARES[2], past.scoring.stage)
    return Bundle(
        config=config,
        catalogue=dataset.catalogue,
        log=log,
        stage=past.scoring.stage,
        features=features,
        rankers=rankers,
        report=report,
        fingerprint=dataset.fingerprint,
    )
