"""All that one evaluation found: what `recsys evaluate --json` prints and what the report shows."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.eval.confidence import Comparison
from recsys.eval.dial import DialName, DialPoint
from recsys.eval.metrics.reliability import Reliability
from recsys.eval.offpolicy import OffPolicy
from recsys.eval.protocol import Measurement, Metrics

STABLE, SHIFTED = 0.1, 0.25
"""A feature with less drift than the first is stable, one with at least the second has shifted (Siddiqi, Credit risk
scorecards, 2006)."""


@dataclass(frozen=True)
class Window:
    """A stretch of the log and what it was used for.

    Attributes:
        start, end: microseconds since 1970 UTC; events with start <= time < end.
        n_events: events in it.
        use: one sentence, for readers.
    """

    name: str
    start: int
    end: int
    n_events: int
    use: str


@dataclass(frozen=True)
class SliceResult:
    """A kind of requests: how many, and what the full pipeline reached on them."""

    n_requests: int
    metrics: Metrics


@dataclass(frozen=True)
class CandidateRecall:
    """Share of the targets that were among the candidates: the ceiling of everything after.

    Attributes:
        budget: candidates per request.
        merged: recall of all sources together at the budget.
        sources: of each source, the share of the targets that are candidates and among its own best at the budget.
        weights: `known` (users with a history) and `newcomers` -> source -> how much its ranks counted when candidates
            were merged, 1 on the whole; empty in reports of earlier releases.
    """

    budget: int
    merged: float
    sources: Mapping[str, float]
    weights: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class FeatureRow:
    """One column of the ranker's table, in the window it learned from and in the test window.

    Attributes:
        meaning: one sentence, for readers.
        coverage, newer_coverage: share of the rows that have a value, in the older and the newer window.
        low, median, high: 5th, 50th and 95th percentile of the older values; None without any.
        drift: population stability index of the newer window against the older one; None for an empty window.
    """

    name: str
    group: str
    meaning: str
    coverage: float
    newer_coverage: float
    low: float | None
    median: float | None
    high: float | None
    drift: float | None


@dataclass(frozen=True)
class Measurements:
    """Every ranking request by request: what the means of a report were taken over.

    Attributes:
        full: of the full pipeline.
        others: of the baselines and the ablation, by their names in the report.
        masks: slice -> (n_requests,) True for its requests.
        events: event -> (n_requests,) True for the requests with that event.
        shown: how the full pipeline orders what was shown; None where the log does not say what was shown.
    """

    full: Measurement
    others: Mapping[str, Measurement]
    masks: Mapping[str, NDArray[np.bool_]]
    events: Mapping[str, NDArray[np.bool_]]
    shown: Measurement | None = None


@dataclass(frozen=True, kw_only=True)
class EvaluationReport:
    """One evaluation of one version.

    Attributes:
        version: the bundle's version.
        dataset: name of the data, for readers.
        n_requests: requests measured.
        k: length of the lists measured.
        windows: which part of the log did what, oldest first.
        facts: further lines about the data, label to text.
        caveats: what a reader must know before trusting the figures.

        metrics: of the full pipeline.
        baselines: simpler rankings over the same requests.
        ablation: the pipeline without one of its parts.
        slices: the full pipeline on kinds of requests.
        comparisons: paired differences in ndcg, the full pipeline minus each baseline and ablation.
        pairs: the same of any two other rankings, the first minus the second.

        candidates: recall at the candidate budget.
        calibration: predicted probabilities against what happened, by name (`p_click`, `p_purchase`).
        importances: feature to its gain in the ranker.
        features: the ranker's columns as they were in training.
        trials: settings that were tried before training and the ndcg@10 of each on the ranker window, best first.
        dials: what the settings of `policy.discovery` and `policy.diversity` gave, the ranker's order first.
        off_policy: reward per position, estimated from logged propensities; None where none were logged.

        per_request: the full pipeline's figures, one row a request, see `Measurement.to_polars`. What `evaluate`
            returns has `user_id` in place of the user's number, and `request_id` where a file gave the requests.
    """

    # What was measured, on what
    version: str
    dataset: str
    n_requests: int
    k: int
    windows: tuple[Window, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    caveats: tuple[str, ...] = ()

    # Rankings side by side
    metrics: Metrics
    baselines: Mapping[str, Metrics]
    ablation: Mapping[str, Metrics]
    slices: Mapping[str, SliceResult]
    comparisons: Mapping[str, Comparison]
    pairs: Mapping[tuple[str, str], Comparison] = field(default_factory=dict)

    # The parts of the full pipeline
    candidates: CandidateRecall | None = None
    calibration: Mapping[str, Reliability] = field(default_factory=dict)
    importances: Mapping[str, float] = field(default_factory=dict)
    features: tuple[FeatureRow, ...] = ()
    trials: tuple[Mapping[str, Any], ...] = ()
    dials: Mapping[DialName, tuple[DialPoint, ...]] = field(default_factory=dict)
    off_policy: OffPolicy | None = None

    # Request by request
    per_request: pl.DataFrame | None = field(default=None, repr=False, compare=False)

    def to_json(self) -> dict[str, Any]:
        """The object of `recsys evaluate --json`; figures first, then what else was found."""
        return {
            "version": self.version,
            "n_requests": self.n_requests,
            "metrics": self.metrics,
            "baselines": dict(self.baselines),
            "ablation": dict(self.ablation),
            "slices": {name: part.metrics for name, part in self.slices.items()},
            "slice_sizes": {name: part.n_requests for name, part in self.slices.items()},
            "comparisons": {
                name: {**asdict(comparison), "verdict": comparison.verdict}
                for name, comparison in self.comparisons.items()
            },
            "pairs": [
                {"first": first, "second": second, **asdict(comparison), "verdict": comparison.verdict}
                for (first, second), comparison in self.pairs.items()
            ],
            "dataset": self.dataset,
            "k": self.k,
            "windows": [asdict(window) for window in self.windows],
            "facts": dict(self.facts),
            "caveats": list(self.caveats),
            "candidate_recall": None if self.candidates is None else asdict(self.candidates),
            "calibration": {
                name: {
                    "expected_calibration_error": bins.expected_calibration_error if len(bins.counts) else None,
                    "predicted": bins.predicted.tolist(),
                    "observed": bins.observed.tolist(),
                    "counts": bins.counts.tolist(),
                }
                for name, bins in self.calibration.items()
            },
            "importances": dict(self.importances),
            **{f"{name}_dial": [asdict(point) for point in self.dials.get(name, ())] for name in get_args(DialName)},
            "trials": list(self.trials),
            "off_policy": None if self.off_policy is None else self.off_policy.to_json(),
            "features": [asdict(row) for row in self.features],
        }

    @classmethod
    def from_json(cls, tree: Mapping[str, Any], per_request: pl.DataFrame | None = None) -> "EvaluationReport":
        """What `to_json` gave, as it was, and the figures request by request where they were kept beside it."""
        sizes, candidates = tree["slice_sizes"], tree["candidate_recall"]
        return cls(
            version=tree["version"],
            dataset=tree["dataset"],
            k=tree["k"],
            n_requests=tree["n_requests"],
            metrics=tree["metrics"],
            baselines=tree["baselines"],
            ablation=tree["ablation"],
            slices={name: SliceResult(sizes[name], metrics) for name, metrics in tree["slices"].items()},
            comparisons={name: _comparison(comparison) for name, comparison in tree["comparisons"].items()},
            pairs={(pair["first"], pair["second"]): _comparison(pair) for pair in tree.get("pairs", [])},
            windows=tuple(Window(**window) for window in tree["windows"]),
            facts=tree["facts"],
            caveats=tuple(tree["caveats"]),
            candidates=None if candidates is None else CandidateRecall(**candidates),
            calibration={
                name: Reliability(*(np.array(bins[part]) for part in ("predicted", "observed", "counts")))
                for name, bins in tree["calibration"].items()
            },
            importances=tree["importances"],
            dials={
                name: tuple(DialPoint(**point) for point in tree[f"{name}_dial"])
                for name in get_args(DialName)
                if tree.get(f"{name}_dial")
            },
            trials=tuple(tree.get("trials", [])),
            off_policy=OffPolicy.from_json(tree["off_policy"]) if tree.get("off_policy") else None,
            features=tuple(FeatureRow(**row) for row in tree.get("features", ())),
            per_request=per_request,
        )


@dataclass(frozen=True, kw_only=True)
class MeasuredReport(EvaluationReport):
    """A report and the measurements that it sums up, in the process that made them. Files keep the report alone.

    Attributes:
        measurements: every ranking request by request.
    """

    measurements: Measurements = field(repr=False, compare=False)


def _comparison(tree: Mapping[str, Any]) -> Comparison:
    return Comparison(**{each.name: tree[each.name] for each in fields(Comparison)})
