"""May the challenger replace the champion? Checks on requests from which neither has learned, and guardrails.

Quality is judged by a paired bootstrap; the guardrails look at what a mean of ndcg does not show.
"""

import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from recsys.config import SOURCES, RetrainConfig
from recsys.counts import counted
from recsys.data.requests.list_positions import discounts
from recsys.data.requests.request import Request
from recsys.eval.confidence import Comparison
from recsys.eval.protocol import Measurement
from recsys.eval.results import EvaluationReport, MeasuredReport
from recsys.pipeline.evaluation.rankings import K
from recsys.pipeline.evaluation.shown import METRIC as SHOWN_METRIC
from recsys.pipeline.recommender.bundle import Bundle
from recsys.pipeline.recommender.recommend import Recommender
from recsys.registry import Check, Manifest

METRIC = f"ndcg@{K}"
_FEWEST = 30
"""Fewest requests of a slice that may refuse a challenger: resampling one or two of them says nothing of chance."""

_TIMED = 30
"""Lists that are timed with either version."""


def compare(challenger: MeasuredReport, champion: MeasuredReport, seed: int) -> tuple[str, Comparison]:
    """The metric by which these requests are judged, and the challenger's own test models minus the champion by it."""
    paired = _paired(challenger, champion)
    return paired.metric, paired.compared(seed)


def check_quality(
    challenger: MeasuredReport,
    champion: MeasuredReport,
    own_test: EvaluationReport,
    n_items: int,
    config: RetrainConfig,
    seed: int,
) -> Iterator[Check]:
    """All checks by two measurements of the same requests.

    Args:
        challenger, champion: of the newest window, which neither has learned from.
        own_test: what the champion reached in its own test.
        n_items: number of items that past lists could hold.
    """
    ours, theirs = challenger.measurements, champion.measurements
    yield from _signal(challenger, own_test, n_items, config)
    paired = _paired(challenger, champion)
    yield paired.not_worse("quality", config.tolerance, seed)
    for name in ("cold_item", "cold_user") if paired.metric == METRIC else ():
        mask = theirs.masks.get(name)
        if mask is not None and np.count_nonzero(mask) >= _FEWEST:
            part = _PairedMeasurements(ours.full.select(mask), theirs.full.select(mask), METRIC, f"on {name} requests")
            yield part.not_worse(name.replace("_", " "), config.max_cold_loss, seed)
    yield _coverage(ours.full, theirs.full, config)
    yield from _calibration(challenger, champion, config)


class _PairedMeasurements(NamedTuple):
    """Two measurements of the same requests.

    Attributes:
        ours, theirs: the challenger's and the champion's.
        metric: by which they are compared.
        where: what the requests are, in words.
    """

    ours: Measurement
    theirs: Measurement
    metric: str
    where: str

    def compared(self, seed: int) -> Comparison:
        """The challenger minus the champion."""
        return self.ours.against(self.theirs, self.metric, seed=seed)

    def not_worse(self, name: str, tolerance: float, seed: int) -> Check:
        """Refused if chance does not explain the loss, and it is more than the tolerance, a share of the metric.

        The message says which losses so few requests cannot show. If every possible loss led to a refusal, a small shop
        would be left with its first version.
        """
        found, reached = self.compared(seed), self.theirs.mean(self.metric)
        worse = found.verdict == "worse" and -found.difference > tolerance * reached
        difference = f"{self.metric} {found.difference:+.4f} ({found.low:+.4f} to {found.high:+.4f})"
        words = f"{difference} {self.where}, {found.n_requests:,} of them"
        words += f"; a loss above {tolerance:.0%} that is not chance is refused"
        margin = (found.high - found.low) / 2
        if margin > tolerance * reached > 0:
            words += f"; so few requests show it only above about {margin / reached:.1%}"
        return Check(name, not worse, words)


def _paired(challenger: MeasuredReport, champion: MeasuredReport) -> _PairedMeasurements:
    """The measurements that decide whether the challenger is better.

    If at least half of the requests began with a list that was shown, the order of what was shown decides, see
    `recsys.pipeline.evaluation.shown`; otherwise all items are ranked.
    """
    ours, theirs = challenger.measurements, champion.measurements
    if ours.shown is None or theirs.shown is None or not ours.shown.n_requests:
        return _PairedMeasurements(ours.full, theirs.full, METRIC, "on all requests")
    where = "in the order of what was shown, on requests with a list"
    return _PairedMeasurements(ours.shown, theirs.shown, SHOWN_METRIC, where)


def _signal(
    challenger: EvaluationReport, own_test: EvaluationReport, n_items: int, config: RetrainConfig
) -> Iterator[Check]:
    """Whether the new requests can be ranked at all: where labels or users were shuffled, no version does well.

    What counts is how far a version is ahead of chance, which finds much in a small catalogue; or else of the best list
    that is the same for everybody: during a campaign all users want the same, and no longer when it is over.
    """
    found, expected = _reached(challenger), _reached(own_test)
    if found is None or expected is None:
        return
    chance = float(np.sum(discounts(np.arange(K)))) / max(n_items, K)  # of a request that wants one item
    enough = expected <= chance or found - chance >= config.min_signal * (expected - chance)
    now, then = _one_for_all(challenger), _one_for_all(own_test)
    if now is not None and then is not None:
        enough |= found > now and found - now >= config.min_signal * (expected - then)
    words = (
        f"{METRIC} {found:.4f} on the newest requests; the served version had {expected:.4f} in its own test, "
        f"chance {chance:.4f}; below {config.min_signal:.0%} of what is beyond chance, events may name the wrong users"
    )
    yield Check("signal", enough, words)


def _reached(report: EvaluationReport) -> float | None:
    """ndcg@10 of the lists; None where nothing was measured."""
    return report.metrics[METRIC]["mean"]


def _one_for_all(report: EvaluationReport) -> float | None:
    """ndcg@10 of the best simple ranking that is the same for every user; None where there is none."""
    rankings = (report.baselines.get(one.ranking) for one in SOURCES.values() if not one.is_personal)
    means = [mean for ranking in rankings if ranking is not None and (mean := ranking[METRIC]["mean"]) is not None]
    return max(means, default=None)


def _coverage(ours: Measurement, theirs: Measurement, config: RetrainConfig) -> Check:
    now, then = (len(np.unique(one.items[one.items >= 0])) for one in (ours, theirs))
    listed = counted(now, "item is", "items are")
    words = (
        f"{listed} in some list, {then:,} with the served version; a loss of {config.max_coverage_loss:.0%} is allowed"
    )
    return Check("coverage", now >= (1 - config.max_coverage_loss) * then, words)


def _calibration(challenger: EvaluationReport, champion: EvaluationReport, config: RetrainConfig) -> Iterator[Check]:
    for name in sorted(challenger.calibration.keys() & champion.calibration.keys()):
        bins = [report.calibration[name] for report in (challenger, champion)]
        now, then = (one.expected_calibration_error for one in bins)
        ours, theirs = (one.ratio_in_words for one in bins)
        words = f"calibration error of {name} {now:.3f} ({ours}), {then:.3f} ({theirs}) with the served version"
        yield Check(
            f"calibration of {name}",
            now - then <= config.max_calibration_loss,
            f"{words}; a rise of {config.max_calibration_loss:g} is allowed",
        )


def check_latency(challenger: Bundle, champion: Bundle, config: RetrainConfig, seed: int) -> Check:
    """The processor time of single lists for the same known users: other work on the machine does not count."""
    ids = champion.log.user_vocabulary.ids(range(champion.log.n_users))
    chosen = np.random.default_rng(seed).permutation(len(ids))[:_TIMED]
    recommenders = Recommender(challenger), Recommender(champion)
    seconds = [_timed(recommenders, Request(user_id=ids[user])) for user in chosen]
    return latency_check([ours for ours, _ in seconds[1:]], [theirs for _, theirs in seconds[1:]], config)


def latency_check(ours: list[float], theirs: list[float], config: RetrainConfig) -> Check:
    """The median of the ratios of each pair of times, seconds."""
    if not ours:
        return Check("latency", True, "too few known users to time lists for")
    ratio = float(np.median(np.array(ours) / np.array(theirs)))
    words = f"a list takes {1e3 * np.median(ours):.1f} ms of the processor, {ratio:.2f} times the served version's; "
    return Check("latency", ratio <= config.max_latency, f"{words}{config.max_latency:g} times are allowed")


def check_size(challenger: Manifest, champion: Manifest, config: RetrainConfig) -> Check:
    """Bytes on disk."""
    now, then = (sum(file.size for file in manifest.files.values()) for manifest in (challenger, champion))
    words = f"{now / 1e6:,.1f} MB, {now / then:.2f} times the served version's; {config.max_size:g} times are allowed"
    return Check("size", now <= config.max_size * then, words)


def _timed(recommenders: tuple[Recommender, Recommender], request: Request) -> tuple[float, float]:
    seconds = []
    for recommender in recommenders:
        start = time.process_time()
        recommender.recommend(request)
        seconds.append(time.process_time() - start)
    return seconds[0], seconds[1]
