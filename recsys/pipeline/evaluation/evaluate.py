"""How good a version is: on requests of a file, on events that came after it, or as measured in its training."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.state import EventState
from recsys.counts import counted
from recsys.data.dataset import Dataset
from recsys.data.ids.vocabulary import Vocabulary
from recsys.data.requests.request import Request
from recsys.errors import DataError
from recsys.eval.ranking import Targets
from recsys.eval.results import EvaluationReport, Window
from recsys.pipeline.candidates.request_block import RequestKind, block_size
from recsys.pipeline.evaluation.facts import facts_of
from recsys.pipeline.evaluation.labelled import LabelledBlock, LabelledRequests, labelled_requests
from recsys.pipeline.evaluation.logged import with_off_policy
from recsys.pipeline.evaluation.measure import measure
from recsys.pipeline.evaluation.request_caveats import caveats_of_log
from recsys.pipeline.past.requests import PastRequests
from recsys.pipeline.past.scoring import PastPipeline, PastScoring
from recsys.pipeline.past.strongest_event import StrongestEvent
from recsys.pipeline.ranking.scoring import Scoring
from recsys.pipeline.recommender.bundle import Bundle
from recsys.pipeline.recommender.matching import MatchedDataset, with_newer_events
from recsys.pipeline.recommender.recommend import Recommender
from recsys.progress import Progress, silent

_SEED = 0
"""Seed of the draw among many requests, and of every bootstrap."""


_WITH_OWN_RANKER = {
    RequestKind.BRINGS_HISTORY: "bring their history",
    RequestKind.NAMES_CANDIDATES: "name the items to rank",
}


def evaluate(
    bundle: Bundle,
    dataset: Dataset,
    requests: Sequence[Request] | None = None,
    *,
    name: str = "",
    progress: Progress = silent,
) -> EvaluationReport:
    """Measure a version on requests that it has not learned from.

    * With `requests`, these are ranked, each at its own time, with the events of `dataset` before that time known. A
      request without a time is asked right after the last event that the version has learned from.
    * Without `requests`, the version is measured on the events of `dataset` that are newer than all that it has learned
      from.
    * If there are none, because it was trained on this very data, the figures are those of its training, which measured
      the test window with models that had not seen it.

    Raises:
        DataError: no request has a target that may be listed, or the data set holds nothing newer and is not what the
            version was trained on.
    """
    if requests is not None:
        return _on_requests(bundle, dataset, requests, name, progress)
    if len(dataset.log.after(bundle.data_record.end)):
        return _on_newer(bundle, dataset, name, progress)
    if dataset.fingerprint != bundle.fingerprint:
        raise DataError(
            f"no event is newer than what version {bundle.version} was trained on, and it was trained on other data, "
            "so figures would only measure what it has learned by heart; train with --until, or give --requests"
        )
    progress("no newer events: these are the figures that training measured on its test window")
    return with_user_ids(replace(bundle.report, version=bundle.version), bundle.log.user_vocabulary)


def _on_requests(
    bundle: Bundle, dataset: Dataset, requests: Sequence[Request], name: str, progress: Progress
) -> EvaluationReport:
    """Measure on given requests. Events newer than the version are known to it, but it has not learned from them."""
    wanted = [request for request in requests if request.targets]
    if not wanted:
        raise DataError("no request has a target: evaluation needs a column `target` with the items wanted")
    end, known = bundle.data_record.end, bundle
    if end is not None and len(dataset.log.after(end)):
        known = with_newer_events(bundle, dataset)  # known, but the version has not learned from them
    if end is not None:
        wanted = [request if request.time is not None else replace(request, time=end + 1) for request in wanted]
    recommender = Recommender(known)
    caveats = [*_caveats_of_targets(bundle, requests), *_caveats_of_times(end, wanted)]
    pipeline = pipeline_of(bundle, recommender.scoring, known.log.user_vocabulary)
    kinds = {_kind_of(request) for request in wanted}
    if own := [_WITH_OWN_RANKER[kind] for kind in sorted(kinds) if bundle.rankers.of(kind) is not bundle.rankers]:
        # The ablations belong to the other ranker: beside lists of this one they would not show what a part adds.
        pipeline = replace(pipeline, rankers=bundle.rankers.alone)
        caveats.append(
            f"Requests {' or '.join(own)} and have a ranker of their own, so what each part adds is not reported."
        )
    report = measure(
        pipeline,
        LabelledRequests(_labelled_blocks(recommender, wanted), caveats=caveats),
        learned=bundle.log,
        seed=_SEED,
        progress=progress,
    )
    if len(kinds) == 1:
        report = replace(report, importances=bundle.rankers.of(*kinds).full.importance)
    if not report.n_requests:
        raise DataError(
            "no request wants an item that may be listed: each one is not available, or was seen before and "
            "policy.seen leaves seen items out; correct the column available, or train with policy.seen = 'keep'"
        )
    return _headed(replace(report, per_request=_named(report.per_request, wanted)), bundle, name)


def _kind_of(request: Request) -> RequestKind:
    """See `RequestBlock.kinds`."""
    if request.history:
        return RequestKind.BRINGS_HISTORY
    return RequestKind.USUAL if request.candidates is None else RequestKind.NAMES_CANDIDATES


def _caveats_of_targets(bundle: Bundle, requests: Sequence[Request]) -> Iterator[str]:
    """Sentences about requests that want nothing, or items that the version does not know."""
    if n_aimless := sum(not request.targets for request in requests):
        yield f"Left out: {counted(n_aimless, 'request')} without a target."
    wanted = (item for request in requests for item in dict.fromkeys(request.targets))
    targets = bundle.catalogue.vocabulary.numbers(wanted)
    if (targets < 0).any():
        yield _missed(targets)


def _caveats_of_times(end: int | None, requests: Sequence[Request]) -> Iterator[str]:
    """A sentence if requests are not later than `end`, microseconds, up to which the version has learned."""
    if n_early := sum(end is not None and request.time is not None and request.time <= end for request in requests):
        asked = counted(n_early, "request is", "requests are")
        yield f"{asked} of a time from which the version has learned, so its figures may be too good."


def pipeline_of(bundle: Bundle, scoring: Scoring, users: Vocabulary) -> PastPipeline:
    """The pipeline of a version, to rank past requests.

    Args:
        scoring: its sources, with a state that holds all events.
        users: ids of the user numbers in the requests.
    """
    return PastPipeline(PastScoring(scoring, bundle.config, users), bundle.features, bundle.rankers)


def _headed(report: EvaluationReport, bundle: Bundle, name: str) -> EvaluationReport:
    """The report with the names of version and data, facts of the version's data, and the features of its report."""
    return replace(
        report,
        version=bundle.version,
        dataset=name,
        facts=facts_of(Dataset(bundle.catalogue, bundle.log, profiles=bundle.sources.user_profiles), bundle.config),
        features=bundle.report.features,
    )


def _named(figures: pl.DataFrame | None, requests: Sequence[Request]) -> pl.DataFrame | None:
    """The figures of each request under the ids that its file gave, in place of the user's number."""
    if figures is None:
        return None
    of = [requests[index] for index in figures["request"]]
    ids = {"request_id": [one.request_id for one in of], "user_id": [one.user_id for one in of]}
    return pl.DataFrame(ids, schema=dict.fromkeys(ids, pl.String)).hstack(figures.drop("user"))


def with_user_ids(report: EvaluationReport, users: Vocabulary) -> EvaluationReport:
    """The report with the figures of each request under the ids of users, in place of their numbers."""
    if report.per_request is None:
        return report
    ids = pl.Series("user_id", users.ids(report.per_request["user"]), pl.String)
    return replace(report, per_request=report.per_request.rename({"user": "user_id"}).with_columns(ids))


def _missed(targets: NDArray[np.int32]) -> str:
    return f"{np.mean(targets < 0):.1%} of the items wanted are unknown to the version; they count as missed."


def _labelled_blocks(recommender: Recommender, requests: Sequence[Request]) -> Iterator[LabelledBlock]:
    vocabulary = recommender.catalogue.vocabulary
    size = block_size(len(vocabulary))
    # Numbers of the requests, not of the version, so that those of a user whom it does not know belong together.
    users = {user: number for number, user in enumerate(dict.fromkeys(one.user_id for one in requests if one.user_id))}
    for start in range(0, len(requests), size):
        part = [request.unexplored() for request in requests[start : start + size]]
        numbers = np.array([users.get(request.user_id or "", -1) for request in part], dtype=np.int32)
        targets = Targets.of(vocabulary.numbers(dict.fromkeys(request.targets)).tolist() for request in part)
        yield LabelledBlock(recommender.block(part), targets, numbers)


def _on_newer(bundle: Bundle, dataset: Dataset, name: str, progress: Progress) -> EvaluationReport:
    """Measure on the requests in the events that came after the version, each as at its own moment."""
    newer = dataset.log.after(bundle.data_record.end)
    takes_back = bundle.config.events.takes_back
    found = PastRequests.of(dataset.log, int(newer.times[0]), int(newer.times[-1]) + 1, takes_back)
    requests = found.drawn(bundle.config.data.max_requests, _SEED)
    if not len(requests):
        raise DataError(f"the events after version {bundle.version} hold no positive event; add newer events that do")
    # Users, items and events are matched by id. An item that the version does not know is a target that it misses.
    matched = MatchedDataset.of(bundle, dataset)
    state = EventState(bundle.log)  # a data set of only the newest days must not make every user look new
    state.append(matched.log.after(bundle.data_record.end))
    scoring = Scoring(bundle.catalogue, bundle.sources, state)
    targets = matched.items[requests.targets.items]
    users = matched.users[requests.users]
    known = replace(requests, users=users, profile_users=users, targets=requests.targets._replace(items=targets))
    # The version's own strongest event: if it has learned from purchases, a like in newer events is no purchase.
    strongest = StrongestEvent.of(bundle.log, dataset.log)
    caveats = caveats_of_log(dataset.log, requests)
    if (targets < 0).any():
        caveats = (*caveats, _missed(targets))
    # To the end of the log, because a list may be open long after it was asked for.
    start, end = int(requests.times[0]), int(dataset.log.times[-1]) + 1
    pipeline = pipeline_of(bundle, scoring, matched.log.user_vocabulary)
    labelled = labelled_requests(pipeline.past, known, strongest, caveats)
    report = measure(pipeline, labelled, learned=bundle.log, seed=_SEED, progress=progress)
    report = with_off_policy(report, pipeline, matched.log.between(start, end), _SEED)
    windows = (Window("test", start, end, len(dataset.log.between(start, end)), "is measured"),)
    headed = _headed(replace(report, windows=windows), bundle, name)
    return with_user_ids(headed, matched.log.user_vocabulary)
