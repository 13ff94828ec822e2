"""Measure on a window of a log: who asked for a list in it, and what they did then."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from recsys.config import Config
from recsys.data.dataset import Dataset
from recsys.data.interactions import InteractionLog
from recsys.eval.offpolicy import off_policy
from recsys.eval.ranking import Targets
from recsys.eval.results import EvaluationReport
from recsys.pipeline.evaluation.caveats import caveats_of_availability
from recsys.pipeline.evaluation.labelled import LabelledBlock, LabelledRequests
from recsys.pipeline.evaluation.logged import logged_placements
from recsys.pipeline.evaluation.measure import BASELINES, measure
from recsys.pipeline.past.pipeline import PastPipeline
from recsys.pipeline.past.requests import PastRequests
from recsys.pipeline.past.scoring import PastScoring
from recsys.pipeline.past.strongest_event import StrongestEvent
from recsys.progress import Progress


def measure_window(
    pipeline: PastPipeline,
    requests: PastRequests,
    events: InteractionLog | None,
    *,
    learned: InteractionLog,
    strongest: StrongestEvent | None,
    seed: int,
    progress: Progress,
    baselines: Mapping[str, str] = BASELINES,
    caveats: Sequence[str] = (),
) -> EvaluationReport:
    """What a pipeline reaches on the past requests of a window.

    Args:
        pipeline: what is measured.
        requests: of the window, in the numbers of the pipeline; a target below 0 is unknown to it, and missed.
        events: of the window, in the same numbers: where propensities are logged, they say what other lists would have
            earned. None: the pipeline has learned from some of them.
        learned: what the pipeline has learned from.
        strongest: what is taken for a purchase; None: not known.
        seed, progress, baselines: see `measure`.
        caveats: see `LabelledRequests`; one of items that are not available today is added.
    """
    most = pipeline.past.config.data.max_requests
    logged = None if events is None else logged_placements(pipeline, events, most, seed)
    labelled = LabelledRequests(
        labelled_blocks(pipeline.past, requests, strongest),
        strongest.name if strongest else None,
        requests.share_answered,
        (*caveats, *caveats_of_availability(pipeline.past.scoring.catalogue)),
    )
    trained = events_of_items(learned)
    report = measure(pipeline, labelled, trained=trained, seed=seed, progress=progress, baselines=baselines)
    return report if logged is None else replace(report, off_policy=off_policy(logged, seed=seed))


def events_of_items(learned: InteractionLog) -> NDArray[np.int64]:
    """(n_items,) signs of interest in each item that were learned from."""
    return np.bincount(learned.positive().items, minlength=learned.n_items)


def labelled_blocks(
    past: PastScoring, requests: PastRequests, strongest: StrongestEvent | None
) -> Iterator[LabelledBlock]:
    """The requests of a window with what was wanted, and what of it got the strongest event, where that is known."""
    for part, block in past.blocks(requests):
        targets = Targets(part.target_offsets, part.target_items)
        bought = targets.keep(part.target_weights == strongest.weight) if strongest else None
        yield LabelledBlock(block, targets, part.users, bought)


def facts_of(dataset: Dataset, config: Config) -> dict[str, str]:
    """Lines about the data, for the report."""
    log = dataset.log
    names = {name: int(np.count_nonzero(log.events == code)) for code, name in enumerate(log.event_names)}
    return {
        "items": f"{len(dataset.catalogue):,}",
        "users": f"{log.n_users:,}",
        **(
            {"profiles": f"{len(dataset.profiles):,} users, in {len(dataset.profiles.groups):,} groups"}
            if dataset.profiles
            else {}
        ),
        "events": ", ".join(f"{count:,} {name}" for name, count in names.items() if count),
        "seen items": {
            "exclude": "are left out: only items new to the user count",
            "demote": "are listed behind items new to the user",
            "keep": "may be listed again: people come back to items here",
        }.get(config.policy.seen, config.policy.seen),
        **(
            {"hardly known items": f"come forward in these lists: policy.discovery is {config.policy.discovery}"}
            if config.policy.discovery
            else {}
        ),
        "request": "one user at one moment, or the events with one request_id, with what follows on the same items "
        "within the hour; every item is ranked",
        "candidates": f"{config.candidates.n} from {', '.join(config.candidates.sources)}",
    }
