"""`policy.discovery = auto`: how many hardly known items lists should hold."""

from dataclasses import replace

import numpy as np

from features.state import EventState
from recsys.eval.dial import DialPoint, worthwhile_discovery
from recsys.pipeline.evaluation.dial_curves import DialCurves
from recsys.pipeline.evaluation.labelled import labelled_blocks
from recsys.pipeline.evaluation.rankings import K
from recsys.pipeline.past.requests import PastRequests
from recsys.pipeline.past.scoring import PastPipeline
from recsys.pipeline.training.steps import TrainingSteps

_COMES_FORWARD = "up to there the positions that hardly known items gain earn nearly as much as others"
_STAYS = "hardly known items are too few to judge by, or would earn less than what they replace"


def discovery_curve(pipeline: PastPipeline, requests: PastRequests, state: EventState) -> tuple[DialPoint, ...]:
    """What each setting gives on the newest of the requests, from which `Rankers.older` has not learned.

    Args:
        requests: of the newest window that the rankers have learned from.
        state: all events, also those of dropped items, because items that are really hardly known are wanted less than
            items whose past is only hidden.

    Returns:
        One point a setting, the ranker's order first; none where no request was held out.
    """
    older = pipeline.rankers.older
    if older is None:
        return ()
    newest = requests.take(np.flatnonzero(requests.times >= older.until))
    pipeline = replace(pipeline, rankers=replace(pipeline.rankers, full=older.ranker))
    curves = DialCurves(None, pipeline.past.scoring.with_state(state).positive_counts, K)
    for labelled in labelled_blocks(pipeline.past, newest, None):
        reachable = labelled.reachable()
        ranked = pipeline.rank(reachable.block, [K] * len(reachable.block))
        curves.add(ranked, reachable.block, reachable.targets)
    return curves.result().get("discovery", ())


def with_worthwhile_discovery(steps: TrainingSteps, *curves: tuple[DialPoint, ...]) -> TrainingSteps:
    """The steps with the `policy.discovery` that these curves favour, see `worthwhile_discovery`."""
    dial = worthwhile_discovery(curves)
    steps.run.progress(f"policy.discovery is {dial:g}: {_COMES_FORWARD if dial else _STAYS}")
    return replace(steps, config=steps.config.changed(policy={"discovery": dial}))
