"""Training: three windows in time, an honest test, then the same models on everything."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from features.configured import configured
from features.feature_set import FeatureSet
from features.state import EventState
from recsys.config import Config
from recsys.data.dataset import Dataset
from recsys.data.split import TemporalSplit
from recsys.eval.results import EvaluationReport, Window
from recsys.pipeline.bundle import Bundle
from recsys.pipeline.evaluate import asked_of, caveats_of, facts_of
from recsys.pipeline.measure import measure
from recsys.pipeline.moments import Moments, grade_of_weights
from recsys.pipeline.past import Past
from recsys.pipeline.rankers import Rankers
from recsys.pipeline.rules import resolve_seen
from recsys.pipeline.scoring import Scoring
from recsys.pipeline.stage_one import Progress, StageOne
from recsys.pipeline.training_rows import training_rows
from recsys.rank.rows import RankerRows
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
    progress: Progress = lambda message: None,
) -> Bundle:
    """Train everything and measure it honestly.

    1. Sources learn from the history. What they would have proposed in the ranker window, and what users then did,
       teaches a ranker.
    2. Sources learn from everything before the test. With that ranker they are measured on the test window.
    3. The ranker learns from both windows (in each, the sources had not seen it); the sources learn from everything.

    Args:
        dataset: catalogue and log.
        config: see `recsys.config`.
        seed: every random draw follows from it.
        name: of the data, for the report.
        test_start: start of the test window in microseconds, when it is not to be the newest share of the log.
        cache: text vectors encoded before; without it they are kept for this run only.
        progress: called with a line of text now and then.

    Raises:
        ConfigError: `features` names what does not exist.
        DataError: the log is too short to be cut in three, or no candidate was ever wanted.
    """
    configured(config.features)  # a wrong one is found now, not after minutes
    log = dataset.log
    config = config.model_copy(update={"policy": resolve_seen(config.policy, log)})
    split = TemporalSplit.of(log, config.data, test_start)
    with tempfile.TemporaryDirectory() as folder:
        run = _Run(dataset, config, EventState(log), cache or VectorCache(Path(folder) / "vectors"), seed, progress)

        past = run.learn(split.ranker_start, 0, None)
        features = past.scoring.features(config.features)
        older = run.rows(past, features, run.moments(split.ranker_start, split.test_start))
        rankers = run.rankers(older, features, past)

        past = run.learn(split.test_start, 1, past)
        test = run.moments(split.test_start, split.end)
        report = run.backtest(past, features, rankers, test, split, name)
        newer = run.rows(past, features, test)
        rankers = run.rankers(RankerRows.joined([older, newer]), features, past)

        past = run.learn(split.end, 2, past)
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


@dataclass(frozen=True)
class _Run:
    """What all steps of one training share."""

    dataset: Dataset
    config: Config
    state: EventState
    cache: VectorCache
    seed: int
    progress: Progress

    def learn(self, until: int, step: int, warm: Past | None) -> Past:
        """Fit the sources on the events before `until`, going on from an earlier step."""
        log = self.dataset.log.before(until)
        self.progress(f"step {step + 1} of {len(_TEXT_SHARES)}: sources learn from {len(log):,} events")
        stage = StageOne.fit(
            self.dataset.catalogue,
            log,
            self.config,
            seed=self.seed,
            text_minutes=self.config.text.budget_minutes * _TEXT_SHARES[step],
            cache=self.cache,
            warm=warm.scoring.stage if warm else None,
            progress=self.progress,
        )
        return Past(Scoring(self.dataset.catalogue, stage, self.state), self.config)

    def moments(self, start: int, end: int) -> Moments:
        """The requests of a window, as many as are looked at."""
        return Moments.of(self.dataset.log, start, end).sample(self.config.data.max_requests, self.seed)

    def rows(self, past: Past, features: FeatureSet, moments: Moments) -> RankerRows:
        """The ranker's rows of a window that the sources have not seen."""
        return training_rows(past, moments, features, len(grade_of_weights(self.dataset.log)), self.progress)

    def rankers(self, rows: RankerRows, features: FeatureSet, past: Past) -> Rankers:
        """The ranker and its ablations."""
        sources = past.scoring.stage.sources
        return Rankers.fit(rows, features, sources, self.config.ranker, self.seed, self.progress)

    def backtest(
        self, past: Past, features: FeatureSet, rankers: Rankers, test: Moments, split: TemporalSplit, name: str
    ) -> EvaluationReport:
        """Measure on the test window what has learned from nothing in it."""
        log = self.dataset.log
        window = log.between(split.ranker_start, split.test_start)
        first, before, cut = int(log.times[0]), log.before(split.ranker_start), log.before(split.test_start)
        return measure(
            past.scoring,
            features,
            rankers,
            asked_of(past, test),
            n_candidates=self.config.candidates.n,
            trained=np.bincount(cut.positive().items, minlength=log.n_items),
            version="",
            dataset=name,
            seed=self.seed,
            progress=self.progress,
            windows=(
                Window("history", first, split.ranker_start, len(before), "teaches the sources"),
                Window("ranker window", split.ranker_start, split.test_start, len(window), "teaches the ranker"),
                Window("test", split.test_start, split.end, len(log) - len(cut), "is measured"),
            ),
            facts=facts_of(self.dataset, self.config),
            caveats=caveats_of(self.dataset.log, test),
        )
