"""Other ways to split a log for an evaluation: the version's configuration is trained and measured on each split."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np

from features.state import EventState
from recsys.config import DataConfig
from recsys.counts import counted
from recsys.data.dataset import Dataset
from recsys.data.loading import fingerprint
from recsys.data.log.interactions import InteractionLog
from recsys.data.split import TemporalSplit
from recsys.errors import DataError
from recsys.eval.results import EvaluationReport, MeasuredReport, Window
from recsys.eval.summary import join_reports
from recsys.pipeline.evaluation.evaluate import pipeline_of, with_user_ids
from recsys.pipeline.evaluation.facts import facts_of
from recsys.pipeline.evaluation.labelled import labelled_requests
from recsys.pipeline.evaluation.measure import measure
from recsys.pipeline.evaluation.request_caveats import caveats_of_log
from recsys.pipeline.past.requests import PastRequests
from recsys.pipeline.past.strongest_event import StrongestEvent
from recsys.pipeline.ranking.scoring import Scoring
from recsys.pipeline.recommender.bundle import Bundle
from recsys.pipeline.training.train import train
from recsys.progress import Progress, silent
from recsys.text.cache import VectorCache

Split = Literal["leave-one-out", "rolling"]

_SEED = 0
"""Seed of all random draws."""


@dataclass(frozen=True)
class TrainTestSplit:
    """The events that a version is trained on, and the requests that it is then measured on.

    Attributes:
        name: for readers.
        train: the events.
        test: the requests.
        caveats: what a reader of the figures has to know of this way to split.
    """

    name: str
    train: InteractionLog
    test: PastRequests
    caveats: tuple[str, ...] = ()


def evaluate_splits(
    bundle: Bundle,
    dataset: Dataset,
    split: Split,
    *,
    windows: int = 3,
    name: str = "",
    cache: VectorCache | None = None,
    progress: Progress = silent,
) -> EvaluationReport:
    """Train with a version's configuration on each cut of a data set, and measure on what was cut off.

    Args:
        bundle: only its configuration is used, nothing that it has learned.
        split: `rolling`: the newest share of the log, `data.test_fraction`, in windows one after the other, each
            measured by what has learned from all before it. `leave-one-out`: the newest request of every user that has
            an earlier one, measured by what has learned from all the rest.
        windows: of `rolling`; one training each.

    Raises:
        DataError: the log is too short to be cut so.
    """
    log, config = dataset.log, bundle.config_from_scratch
    takes_back = config.events.takes_back
    if split == "leave-one-out":
        cuts = [leave_one_out(log, _SEED, takes_back)]
    else:
        cuts = rolling(log, config.data, windows, takes_back)
    reports = []
    for cut in cuts:
        progress(f"{cut.name}: training on {counted(len(cut.train), 'event')}")
        part = replace(dataset, log=cut.train, fingerprint=fingerprint(dataset.catalogue, cut.train, dataset.profiles))
        trained = train(part, config, seed=_SEED, cache=cache, progress=progress)
        reports.append(_measured(cut, log, trained, progress))
    whole = reports[0] if len(reports) == 1 else join_reports(reports, seed=_SEED)
    # The report states facts of the whole log, not of what one cut learned from.
    headed = replace(whole, version=bundle.version, dataset=name, facts=facts_of(dataset, config))
    return with_user_ids(headed, log.user_vocabulary)


def _measured(cut: TrainTestSplit, log: InteractionLog, trained: Bundle, progress: Progress) -> MeasuredReport:
    """The figures of a bundle that has learned from one part of a log, on the requests that were cut off."""
    requests = cut.test.drawn(trained.config.data.max_requests, _SEED)
    scoring = Scoring(trained.catalogue, trained.sources, EventState(log))
    pipeline = pipeline_of(trained, scoring, log.user_vocabulary)
    caveats = (*caveats_of_log(log, requests), *cut.caveats)
    labelled = labelled_requests(pipeline.past, requests, StrongestEvent.of(trained.log, log), caveats)
    # Without `with_off_policy`: in leave-one-out the models have learned from events of the time that is measured.
    report = measure(pipeline, labelled, learned=trained.log, seed=_SEED, progress=progress)
    start, end = int(requests.times[0]), int(requests.times[-1]) + 1
    window = Window(cut.name, start, end, len(log.between(start, end)), "is measured")
    return replace(report, windows=(window,), features=trained.report.features)


def rolling(
    log: InteractionLog, config: DataConfig, windows: int, takes_back: Collection[str] = ()
) -> list[TrainTestSplit]:
    """The test window in parts with equally many positive events; each is measured by what has learned from all
    before it.

    Args:
        takes_back: see `PastRequests.of`.

    Raises:
        DataError: it has fewer distinct moments than windows.
    """
    split = TemporalSplit.of(log, config)
    times = log.positive().between(split.test_start, split.end).times
    edges = np.quantile(times, np.linspace(0, 1, windows + 1)[1:-1], method="higher")
    bounds = np.unique([split.test_start, *edges, split.end]).tolist()
    if len(bounds) <= windows:
        raise DataError(f"the test window has too few moments for {windows} windows; give a smaller --windows")
    return [
        TrainTestSplit(f"window {number} of {windows}", log.before(start), PastRequests.of(log, start, end, takes_back))
        for number, (start, end) in enumerate(pairwise(bounds), start=1)
    ]


def leave_one_out(log: InteractionLog, seed: int = 0, takes_back: Collection[str] = ()) -> TrainTestSplit:
    """The newest request of every user that has an earlier one; all that is before it is learned from.

    Args:
        seed: of the draw of unanswered requests, of which the same share is taken.
        takes_back: see `PastRequests.of`.

    Raises:
        DataError: there is no such user.
    """
    every = PastRequests.of(log, int(log.times[0]), int(log.times[-1]) + 1, takes_back)
    newest = np.full(log.n_users, -1)
    newest[every.users] = np.arange(len(every))  # in time order, so the last one stays
    requests = every.take_with_unanswered(np.sort(newest[np.bincount(every.users, minlength=log.n_users) > 1]), seed)
    if not len(requests):
        raise DataError("leave-one-out needs users with two requests or more, and the log has none; take another split")
    ends = np.full(log.n_users, np.iinfo(np.int64).max)
    ends[requests.users] = requests.times
    caveat = (
        "Leave one out: the models have learned from what others did after the moment of a request, which no "
        "recommender in service can."
    )
    return TrainTestSplit("leave one out", log.select(log.times < ends[log.users]), requests, (caveat,))
