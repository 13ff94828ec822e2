"""The steps that a training is made of: sources learn, rows are made, rankers are fitted, a window is measured."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from features.feature_set import FeatureSet
from features.state import EventState
from recsys.config import Config
from recsys.data.dataset import Dataset
from recsys.data.interactions import InteractionLog
from recsys.data.split import TemporalSplit
from recsys.eval.results import EvaluationReport, Window
from recsys.pipeline.candidates.fitting import SourceFitting
from recsys.pipeline.candidates.sources import Sources
from recsys.pipeline.engines.engine import Engine
from recsys.pipeline.evaluation.caveats import caveats_of_log
from recsys.pipeline.evaluation.measure import BASELINES
from recsys.pipeline.evaluation.shown import dcg_of_shown
from recsys.pipeline.evaluation.window import facts_of, measure_window
from recsys.pipeline.past.pipeline import PastPipeline
from recsys.pipeline.past.requests import PastRequests
from recsys.pipeline.past.scoring import PastScoring
from recsys.pipeline.past.strongest_event import StrongestEvent
from recsys.pipeline.ranking.rankers import Rankers
from recsys.pipeline.ranking.scoring import Scoring
from recsys.pipeline.training.item_dropout import ALWAYS_MET, NEVER_MET, moments_met
from recsys.pipeline.training.rows import training_rows
from recsys.progress import Progress
from recsys.rank.rows import RankerRows
from recsys.text.cache import VectorCache
from recsys.text.interest import WARM_PASSES

_NEWCOMERS = 0.1
"""Share of the requests that teach the ranker a second time, without their users."""

_HARDLY_ANY = 0.1
"""Share of the requests whose users have a history below which carts teach the ranker what a history says."""


@dataclass(frozen=True)
class TrainingSteps:
    """What all steps of one training share.

    Attributes:
        part_of: the log that `dataset` holds a part of: its strongest event is what is bought, in every step. None: the
            data set's own.
        warm_passes: of the text model in a step that goes on from an earlier one, see `InterestModel.fit`.
    """

    dataset: Dataset
    config: Config
    state: EventState
    cache: VectorCache | None
    seed: int
    progress: Progress
    engine: Engine | None = None
    part_of: InteractionLog | None = None
    warm_passes: float = WARM_PASSES

    def with_log(self, log: InteractionLog) -> "TrainingSteps":
        """The same steps over a part of the log."""
        return replace(self, dataset=replace(self.dataset, log=log), state=EventState(log), part_of=self.dataset.log)

    def learn(self, until: int, text_share: float, earlier: Sources | None) -> PastScoring:
        """Fit the sources on the events before `until`.

        Args:
            until: microseconds.
            text_share: share of the text budget, in [0, 1].
            earlier: the sources of an earlier step, to continue from; None starts from scratch.
        """
        log = self.dataset.log.before(until)
        self.progress(f"sources learn from {len(log):,} events")
        fitting = SourceFitting(
            self.dataset.catalogue,
            self.dataset.profiles,
            self.config,
            self.seed,
            self.cache,
            self.warm_passes,
            self.engine,
            self.progress,
        )
        return self.past(fitting.fit(log, self.config.text.budget_minutes * text_share, earlier))

    def past(self, sources: Sources) -> PastScoring:
        """Sources that are asked about past requests of the log."""
        scoring = Scoring(self.dataset.catalogue, sources, self.state)
        return PastScoring(scoring, self.config, self.dataset.log.user_vocabulary)

    def requests_in(self, start: int, end: int) -> PastRequests:
        """The requests of a window (microseconds, `end` excluded), sampled down to `data.max_requests`."""
        found = PastRequests.of(self.dataset.log, start, end)
        return found.drawn(self.config.data.max_requests, self.seed)

    def rows(
        self,
        past: PastScoring,
        features: FeatureSet,
        requests: PastRequests,
        start: int,
        dropped: NDArray[np.bool_] | None = None,
    ) -> RankerRows:
        """The ranker's rows of a window that the sources have not seen, see `training_rows`.

        Some requests give rows once more as if nothing were known of who asks: where nearly everybody has a history,
        the ranker would never see what is worth listing for a newcomer. Nothing but the items themselves speaks there,
        so rows of items that nobody has met are there too, as many as there are: what they are worth on the whole.

        Where hardly anybody has a history, as in a shop of guests, nothing teaches what one says. There all requests
        give rows once more as if a part of what was chosen were in the cart, see `PastRequests.half_chosen`. Where many
        have one, those rows would blur what it says of the next visit (docs/experiments.md).

        Args:
            requests: of the window that starts at `start`, microseconds.
            dropped: (n_items,) items whose past is hidden. They give rows at all times, as do items that are created in
                the window: what is chosen of those stands beside what is not.
        """
        dropped = np.zeros(len(past.scoring.catalogue), dtype=bool) if dropped is None else dropped
        always = dropped | (past.scoring.facts.created >= start)
        log = self.dataset.log if self.part_of is None else self.part_of
        met = np.where(always, ALWAYS_MET, moments_met(log))
        newcomers = requests.sample(math.ceil(_NEWCOMERS * len(requests)), self.seed)
        newcomers = replace(newcomers, users=np.full_like(newcomers.users, -1))
        carts = self._carts(past, requests, log)
        strongest, known = float(log.weights.max(initial=0)), np.where(dropped, NEVER_MET, ALWAYS_MET)
        return RankerRows.joined(
            [
                *training_rows(past, requests, features, strongest, self.progress, met),
                *training_rows(past, newcomers, features, strongest, self.progress, known),
                *training_rows(past, carts, features, strongest, self.progress, met),
            ]
        )

    def _carts(self, past: PastScoring, requests: PastRequests, log: InteractionLog) -> PastRequests:
        """The requests that are asked once more in the midst of what was chosen; none where histories teach enough."""
        has_history = past.scoring.histories(requests.users, requests.times, 1).lengths > 0
        if len(requests) and has_history.mean() >= _HARDLY_ANY:
            requests = requests.sample(0, self.seed)
        return requests.half_chosen(log.typical_weight, self.seed)

    def rankers(self, rows: RankerRows, features: FeatureSet, past: PastScoring) -> Rankers:
        """The ranker and its ablations."""
        sources = past.scoring.sources.names
        return Rankers.fit(rows, features, sources, self.config.ranker, self.seed, self.progress, self.engine)

    def backtest(
        self,
        pipeline: PastPipeline,
        test: PastRequests,
        split: TemporalSplit,
        name: str,
        baselines: Mapping[str, str] = BASELINES,
    ) -> EvaluationReport:
        """Measure on the test window what has learned from nothing in it."""
        log = self.dataset.log
        window = log.between(split.ranker_start, split.test_start)
        first, before, cut = int(log.times[0]), log.before(split.ranker_start), log.before(split.test_start)
        report = measure_window(
            pipeline,
            test,
            log.between(split.test_start, split.end),
            learned=cut,
            strongest=StrongestEvent.of(log, log),
            seed=self.seed,
            progress=self.progress,
            baselines=baselines,
            caveats=caveats_of_log(log, test),
        )
        return replace(
            report,
            dataset=name,
            windows=(
                Window("history", first, split.ranker_start, len(before), "teaches the sources"),
                Window("ranker window", split.ranker_start, split.test_start, len(window), "teaches the ranker"),
                Window("test", split.test_start, split.end, len(log) - len(cut), "is measured"),
            ),
            facts=facts_of(self.dataset, self.config),
            shown=dcg_of_shown(pipeline, test, self.seed),
        )
