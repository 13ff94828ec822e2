"""The steps that a training is made of: sources learn, rows are made, rankers are fitted, a window is measured."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from features.state import EventState
from recsys.config import Config, RankerConfig
from recsys.counts import counted
from recsys.data.dataset import Dataset
from recsys.data.log.interactions import InteractionLog
from recsys.data.log.taken_back import without_taken_back
from recsys.data.split import TemporalSplit
from recsys.eval.results import MeasuredReport, Window
from recsys.pipeline.candidates.fitting import SourceFitting
from recsys.pipeline.candidates.sources import Sources
from recsys.pipeline.evaluation.facts import facts_of
from recsys.pipeline.evaluation.labelled import labelled_requests
from recsys.pipeline.evaluation.logged import with_off_policy
from recsys.pipeline.evaluation.measure import BASELINES, measure
from recsys.pipeline.evaluation.request_caveats import caveats_of_log
from recsys.pipeline.evaluation.shown import dcg_of_shown
from recsys.pipeline.past.requests import PastRequests
from recsys.pipeline.past.scoring import PastPipeline, PastScoring
from recsys.pipeline.past.strongest_event import StrongestEvent
from recsys.pipeline.ranking.rankers import Rankers
from recsys.pipeline.ranking.scoring import Scoring
from recsys.pipeline.training.item_dropout import ALWAYS_MET, NEVER_MET
from recsys.pipeline.training.rows import UnseenWindow, training_rows
from recsys.pipeline.training_run import TrainingRun
from recsys.rank.rows import RankerRows
from recsys.rank.samples import LearningRows

_NEWCOMERS = 0.1
"""Share of the requests that teach the ranker a second time, without the histories of their users."""

_UNDER_WAY = 0.25
"""Share of the requests that teach the ranker once more as if some of what was chosen were in the cart already."""

_AHEAD = 0.25
"""Requests that teach the ranker once more as if asked before their users came, as a share of all."""

_LISTS_AHEAD = 0.5
"""Lists that teach the ranker of named items once more as if their items had been named before their users came, as a
share of all."""

_MOST_OF_GIVEN = 2_000
"""Requests of a window that teach the ranker of given histories: each gives rows up to twice."""


@dataclass(frozen=True)
class TrainingSteps:
    """What all steps of one training share.

    Attributes:
        part_of: the whole log, if `dataset` holds only a part of it: the strongest event of the whole counts as bought
            in every step. None: `dataset` holds the whole log.
    """

    dataset: Dataset
    config: Config
    state: EventState
    run: TrainingRun
    part_of: InteractionLog | None = None

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
        log = without_taken_back(self.dataset.log.before(until), self.config.events.takes_back)
        self.run.progress(f"sources learn from {counted(len(log), 'event')}")
        fitting = SourceFitting(self.dataset.catalogue, self.dataset.profiles, self.config, self.run)
        return self.past(fitting.fit(log, self.config.text.budget_minutes * text_share, earlier))

    def past(self, sources: Sources) -> PastScoring:
        """These sources, ready to score past requests of the log."""
        scoring = Scoring(self.dataset.catalogue, sources, self.state)
        return PastScoring(scoring, self.config, self.dataset.log.user_vocabulary)

    def requests_in(self, start: int, end: int) -> PastRequests:
        """The requests of a window (microseconds, `end` excluded), sampled down to `data.max_requests`."""
        found = PastRequests.of(self.dataset.log, start, end, self.config.events.takes_back)
        return found.drawn(self.config.data.max_requests, self.run.seed)

    def rows(self, window: UnseenWindow, requests: PastRequests) -> RankerRows:
        """The ranker's rows of requests of a window, see `training_rows`.

        Some requests give rows a second time, as if their users had no history: where nearly everybody has one, the
        ranker would never learn what to list for a newcomer. Here little but the items themselves can make a
        difference, so items that nobody has met yet give rows too, and teach how much such items are wanted.

        Where the items of a basket have one time, no request falls between them, and nothing would teach what goes with
        a cart. So some requests give rows once more with part of the basket chosen already. More of them would blur
        what a history says of the next visit (docs/experiments/newcomers.md).

        And some give rows once more as if asked ahead, at a moment before their users came, as lists of a batch are:
        see `PastRequests.asked_ahead`. What was shown in the visit says nothing of these: it was shown later.
        """
        log, seed = self._whole_log, self.run.seed
        newcomers = requests.sample(math.ceil(_NEWCOMERS * len(requests)), seed).anonymous()
        under_way = requests.sample(math.ceil(_UNDER_WAY * len(requests)), seed).with_partial_baskets(
            log.typical_weight, seed
        )
        ahead = requests.asked_ahead(log, window.start, math.ceil(_AHEAD * len(requests)), seed).without_lists()
        met, known = window.moments_met(log), np.where(window.is_hidden, NEVER_MET, ALWAYS_MET)
        return self._rows(window, ((requests, met), (newcomers, known), (under_way, met), (ahead, met)))

    def rows_of_given(self, window: UnseenWindow, requests: PastRequests) -> RankerRows:
        """The rows of a ranker of requests that bring their history.

        Such a request does not say whether its history is all that a user did, or the cart of a guest. So the ranker
        learns from both: from whole histories as bare items, and from parts of what was chosen together.
        """
        past, log, seed = window.past, self._whole_log, self.run.seed
        requests = requests.sample(_MOST_OF_GIVEN, seed)
        histories = past.scoring.histories(requests.users, requests.times, past.config.data.max_history)
        whole = requests.with_given_histories(histories, log.typical_weight, seed)
        carts = requests.with_partial_baskets(log.typical_weight, seed).anonymous()
        met = window.moments_met(log)
        return self._rows(window, ((whole, met), (carts, met)))

    def rows_of_lists_ahead(self, window: UnseenWindow, requests: PastRequests, others: float) -> RankerRows:
        """The rows of lists as if their items had been named before their users came, see `RankerRows.of_lists`.

        Who orders the lists of tomorrow names much that nobody has met yet, which is rare in a list when it is shown.
        So here such items give rows too.
        """
        log, seed, lists = self._whole_log, self.run.seed, requests.with_lists_alone()
        ahead = lists.asked_ahead(log, window.start, math.ceil(_LISTS_AHEAD * len(lists)), seed)
        always = np.full(log.n_items, ALWAYS_MET)
        # Of each block only what was shown is kept, a tenth of its rows.
        blocks = training_rows(window, ahead, self._strongest, self.run.progress, always)
        return RankerRows.joined(block.of_lists(others, seed) for block in blocks)

    def _rows(self, window: UnseenWindow, parts: Sequence[tuple[PastRequests, NDArray[np.int64]]]) -> RankerRows:
        """Rows of several sets of requests, each with the `met` of `training_rows`."""
        found = (training_rows(window, requests, self._strongest, self.run.progress, met) for requests, met in parts)
        return RankerRows.joined(chain.from_iterable(found))

    @property
    def _strongest(self) -> float:
        return float(self._whole_log.weights.max(initial=0))

    @property
    def _whole_log(self) -> InteractionLog:
        return self.dataset.log if self.part_of is None else self.part_of

    def to_learn_from(self, *windows: RankerRows) -> LearningRows:
        """The rows that rankers need, of windows in time order."""
        return LearningRows.of(*windows, config=self.config.ranker, seed=self.run.seed)

    def rankers(self, rows: LearningRows, window: UnseenWindow) -> Rankers:
        """The ranker and its ablations, fitted on rows of this window and perhaps of earlier ones."""
        return self._rankers(rows, window, self.config.ranker)

    def own_rankers(self, rows: LearningRows, window: UnseenWindow) -> Rankers:
        """A ranker of requests of one kind alone, without ablations."""
        return self._rankers(rows, window, self.config.ranker.model_copy(update={"ablation": False}))

    def _rankers(self, rows: LearningRows, window: UnseenWindow, config: RankerConfig) -> Rankers:
        return Rankers.fit(rows, window.features, window.past.scoring.sources.names, config, self.run)

    def backtest(
        self,
        pipeline: PastPipeline,
        test: PastRequests,
        split: TemporalSplit,
        baselines: Mapping[str, str] = BASELINES,
    ) -> MeasuredReport:
        """Measure, on the test window, a pipeline that has learned nothing from it."""
        log, seed = self.dataset.log, self.run.seed
        window = log.between(split.ranker_start, split.test_start)
        first, before, cut = int(log.times[0]), log.before(split.ranker_start), log.before(split.test_start)
        labelled = labelled_requests(pipeline.past, test, StrongestEvent.of(log, log), caveats_of_log(log, test))
        report = measure(pipeline, labelled, learned=cut, seed=seed, progress=self.run.progress, baselines=baselines)
        report = with_off_policy(report, pipeline, log.between(split.test_start, split.end), seed)
        metric = f"ndcg@{report.k}"
        found = report.metrics[metric]
        if found["mean"] is not None:
            figures = f"{metric} {found['mean']:.4f} ({found['low']:.4f} to {found['high']:.4f})"
            self.run.progress(f"measured on {counted(report.n_requests, 'request')}: {figures}")
        return replace(
            report,
            windows=(
                Window("history", first, split.ranker_start, len(before), "teaches the sources"),
                Window("ranker window", split.ranker_start, split.test_start, len(window), "teaches the ranker"),
                Window("test", split.test_start, split.end, len(log) - len(cut), "is measured"),
            ),
            facts=facts_of(self.dataset, self.config),
            measurements=replace(report.measurements, shown=dcg_of_shown(pipeline, test, seed)),
        )
