"""From measurements of the same requests to one report: means with intervals, paired comparisons, slices, caveats."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from recsys.eval.caveats import caveats_of_events, caveats_of_rivals, caveats_of_size
from recsys.eval.confidence import compare_all
from recsys.eval.metrics.reliability import Reliability
from recsys.eval.protocol import Measurement
from recsys.eval.results import MeasuredReport, Measurements, SliceResult

_FULL = ""
"""Name of the full pipeline among compared rankings."""

_ALWAYS = ("cold_item", "cold_user")
"""Slices that a report names even if they hold no request."""


def summarise(
    full: Measurement,
    *,
    baselines: Mapping[str, Measurement],
    ablation: Mapping[str, Measurement],
    slices: Mapping[str, NDArray[np.bool_]],
    events: Mapping[str, NDArray[np.bool_]] | None = None,
    seed: int = 0,
) -> MeasuredReport:
    """Summarise measurements of the same requests, compare in pairs, and slice; most empty slices are left out.

    Args:
        full: the full pipeline.
        baselines, ablation: other rankings by name; the names must differ.
        slices: name to (n_requests,) mask.
        events: the same of the requests with an event; slices too, in which simpler rankings are compared as well.
        seed: of every bootstrap.

    Raises:
        DataError: a ranking was measured on other requests.
    """
    metric, events = f"ndcg@{full.k}", events or {}
    comparable = full.mean(metric) == full.mean(metric)  # NaN where no request has a target
    others = {**baselines, **ablation} if comparable else {}
    for other in others.values():
        full.check_comparable(other)
    columns = {name: one.values[metric] for name, one in {_FULL: full, **others}.items()}
    compared = compare_all(columns, clusters=full.users, seed=seed) if others else {}
    comparisons = {name: compared[_FULL, name] for name in others}
    masks = {**slices, **{f"event: {name}": mask for name, mask in events.items()}}
    return MeasuredReport(
        version="",
        dataset="",
        k=full.k,
        n_requests=full.n_requests,
        metrics=full.summary(seed=seed),
        baselines={name: other.summary(seed=seed) for name, other in baselines.items()},
        ablation={name: other.summary(seed=seed) for name, other in ablation.items()},
        slices={
            name: SliceResult(int(mask.sum()), full.select(mask).summary(seed=seed))
            for name, mask in masks.items()
            if mask.any() or name in _ALWAYS
        },
        comparisons=comparisons,
        pairs={pair: comparison for pair, comparison in compared.items() if _FULL not in pair},
        caveats=(
            *caveats_of_size(full),
            *caveats_of_rivals({name: found for name, found in comparisons.items() if name in baselines}),
            *(caveats_of_events(full, baselines, events, seed) if comparable else ()),
        ),
        per_request=full.to_polars(),
        measurements=Measurements(full, {**baselines, **ablation}, slices, events),
    )


def join_reports(parts: Sequence[MeasuredReport], *, seed: int = 0) -> MeasuredReport:
    """Reports of windows one after the other, as one: what all of them have, over all requests.

    Args:
        parts: each with the window that it is of.
        seed: of every bootstrap.
    """
    measurements = [part.measurements for part in parts]
    others = {
        name: Measurement.joined([part.others[name] for part in measurements])
        for name in _in_all([part.others for part in measurements])
    }
    report = summarise(
        Measurement.joined([part.full for part in measurements]),
        baselines={name: others[name] for name in parts[0].baselines if name in others},
        ablation={name: others[name] for name in parts[0].ablation if name in others},
        slices=_joined_masks([part.masks for part in measurements]),
        events=_joined_masks([part.events for part in measurements]),
        seed=seed,
    )
    return replace(
        report,
        windows=tuple(window for part in parts for window in part.windows),
        calibration={
            name: Reliability.joined([part.calibration[name] for part in parts])
            for name in _in_all([part.calibration for part in parts])
        },
        caveats=(*_joined_caveats(parts), *report.caveats),
    )


def _in_all(mappings: Sequence[Mapping[str, object]]) -> list[str]:
    """The names that all mappings have, in the order of the first one."""
    return [name for name in mappings[0] if all(name in other for other in mappings)]


def _joined_masks(masks: Sequence[Mapping[str, NDArray[np.bool_]]]) -> dict[str, NDArray[np.bool_]]:
    return {name: np.concatenate([own[name] for own in masks]) for name in _in_all(masks)}


def _joined_caveats(parts: Sequence[MeasuredReport]) -> Iterator[str]:
    """What is said of every window once, then what is said of some; but nothing of their sizes, for all are one."""
    caveats: dict[str, list[str]] = {}
    for part in parts:
        of_size = list(caveats_of_size(part.measurements.full))
        caveats[part.windows[0].name] = [line for line in part.caveats if line not in of_size]
    shared = [line for line in next(iter(caveats.values())) if all(line in own for own in caveats.values())]
    yield from shared
    for name, own in caveats.items():
        yield from (f"In {name}: {line}" for line in own if line not in shared)
