"""Retraining: learn from what happened since the served version, and serve the result if it passes every check."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from recsys.config import override
from recsys.counts import counted
from recsys.data.dataset import Dataset
from recsys.data.users.forget import without_users
from recsys.errors import RecsysError
from recsys.eval.confidence import Comparison
from recsys.pipeline.recommender.bundle import Bundle, TrainedBundle
from recsys.pipeline.retraining.forgetting import finish_forgetting, forget, is_clearing
from recsys.pipeline.retraining.gate import METRIC, check_latency, check_quality, check_size, compare
from recsys.pipeline.retraining.increment import Increment
from recsys.pipeline.retraining.new_data import check_data, check_unusable
from recsys.pipeline.training.continued import can_continue, continue_training, measure_as_served
from recsys.pipeline.training.kept_vectors import keep_vectors_of
from recsys.pipeline.training.train import train
from recsys.progress import Progress
from recsys.registry import Check, Registry, VersionChange
from recsys.store import Store
from recsys.text.cache import VectorCache

TrainingMode = Literal["from_scratch", "continued"]
"""How a challenger was trained: on all events by itself, or from the champion on (see `continue_training`)."""


@dataclass(frozen=True)
class Decision:
    """What became of a retraining.

    Attributes:
        action: `promoted`; `refused`, the data or the new version failed a check; `skipped`, there was too little to
            learn from.
        reason: one sentence.
        champion: the version that was served.
        challenger: the new version; None when none was published.
        new_events: events since the champion.
        trained: how the challenger was trained; None when nothing was.
        metric: by which the two were compared: ndcg@10 of all items, or the examination-weighted dcg@10 of shown ones;
            see `gate.compare`.
        comparison: the metric of the challenger's own test models minus the champion's, on requests new to both.
        checks: all of them, in the order in which they were made.
        set_aside: new data that could not be used, a sentence for each.
        forgotten_in: the version that took the champion's place with the same models and without the events of users
            who were forgotten; None when that was not needed.
    """

    action: Literal["promoted", "refused", "skipped"]
    reason: str
    champion: str
    challenger: str | None
    new_events: int
    trained: TrainingMode | None = None
    metric: str | None = None
    comparison: Comparison | None = None
    checks: tuple[Check, ...] = ()
    set_aside: tuple[str, ...] = ()
    forgotten_in: str | None = None


def retrain(
    registry: Registry,
    source: Store | Dataset,
    *,
    overrides: Sequence[str] = (),
    dry_run: bool = False,
    anew: bool = False,
    seed: int = 0,
    progress: Progress,
) -> Decision:
    """Retrain on the served version's log and what has come since.

    Args:
        registry: where the served version is, and the new one goes.
        source: of what has come since: the store of a server, with items, events and users to be forgotten, or a data
            set that reaches beyond what the served version has learned from.
        overrides: `retrain.KEY=VALUE`, for this run and for the new version.
        dry_run: decide, but publish, promote and record nothing.
        anew: train from scratch, whatever `retrain.full_every` says.
        seed: every random draw follows from it.
        progress: called with a line of text now and then.

    Raises:
        ConfigError: an override is wrong.
        BundleError: there is no served version, or it is damaged.
        StoreError: the store cannot be read.
        DataError: the log cannot be trained on.
    """
    champion = Bundle.load(registry)
    config, requested = (override(tree, overrides, "retrain") for tree in (champion.config, champion.requested_config))
    champion = replace(champion, config=config, requested_config=requested)
    if isinstance(source, Dataset):
        increment = Increment.from_data(champion, source)
    else:
        increment = Increment.from_store(champion, source, progress)
    return _Retraining(registry, champion, increment, dry_run=dry_run, anew=anew, seed=seed, progress=progress).decide()


@dataclass(frozen=True)
class _Retraining:
    """One run.

    Attributes:
        registry, dry_run, anew, seed, progress: as for `retrain`.
        champion: the served version.
        increment: its data and what came since.
    """

    registry: Registry
    champion: Bundle
    increment: Increment
    dry_run: bool
    anew: bool
    seed: int
    progress: Progress

    def decide(self) -> Decision:
        """Check the data, train and measure a challenger, and record what became of it.

        Users who are to be forgotten are forgotten even if training fails.
        """
        try:
            if not self.dry_run:
                finish_forgetting(self.registry, self.champion.version)
            decision = self._outcome()
        except RecsysError:
            if not self.dry_run:
                self._forget()
            raise
        if self.dry_run:
            return decision
        if decision.action == "refused":
            self.registry.refuse(decision.challenger, decision.reason, decision.checks)
        elif decision.action == "skipped":
            self.registry.skip(decision.reason, decision.checks)
        if decision.action != "promoted":
            decision = replace(decision, forgotten_in=self._forget())
        self.registry.prune(self.champion.config.retrain.keep)
        return decision

    def _forget(self) -> str | None:
        return forget(self.registry, self.champion, self.increment.digests, self.progress)

    def _outcome(self) -> Decision:
        """Whether the new data are enough and pass their checks; if so, what `_challenge` makes of them."""
        champion, increment, config = self.champion, self.increment, self.champion.config.retrain
        n_new, n_unusable, set_aside = increment.n_events, increment.n_unusable, increment.set_aside
        if n_unusable:
            set_aside += (f"{counted(n_unusable, 'event')} of unknown items or with wrong cells",)
        for sentence in set_aside:
            self.progress(f"set aside: {sentence}")
        decision = Decision("skipped", "", champion.version, None, n_new, set_aside=set_aside)
        n_positives = increment.n_positives
        if n_positives < config.min_events:
            unusable = check_unusable(n_new, n_unusable, config)
            if not unusable.passed and n_positives + n_unusable >= config.min_events:  # without them there are too few
                return _refused(decision, [unusable])
            positives = counted(n_positives, "new positive event", "new positive events")
            least = f"retrain.min_events asks for {config.min_events:,}"
            return _skipped(decision, f"{positives} among {counted(n_new, 'new event')}; {least}")
        # The events of users who are to be forgotten are not missing from the new data.
        remembered = replace(champion, log=without_users(champion.log, increment.digests))
        checks = check_data(remembered, increment.dataset, n_unusable)
        if not all(check.passed for check in checks):
            return _refused(decision, checks)
        decision = replace(decision, checks=tuple(checks))
        newer = increment.dataset.log.after(champion.data_record.end).positive().times
        if not len(newer):
            reason = "none of the new events is a positive event that is newer than the served version's data"
            return _skipped(decision, reason)
        return self._challenge(decision, int(np.quantile(newer, 0.5, method="higher")))

    def _challenge(self, decision: Decision, test_start: int) -> Decision:
        """Train a challenger, measure it against the champion, and promote it if it passes every check.

        Args:
            decision: so far, with the checks of the data.
            test_start: microseconds; the newer half of the new positive events happened from then on.
        """
        registry, champion, seed = self.registry, self.champion, self.seed
        config, dataset = champion.config.retrain, self.increment.dataset
        self.progress(f"measuring version {champion.version} on the newest requests")
        served = measure_as_served(champion, dataset, test_start, seed, self.progress)
        if not served.n_requests:
            reason = (
                "none of the newest requests wants an item that may be listed: what they want was created later, or "
                "was seen before and policy.seen leaves seen items out"
            )
            return _skipped(decision, reason)
        expected = champion.report.metrics[METRIC]["mean"]
        trained, how = self._train_challenger(test_start, served.metrics[METRIC]["mean"] or 0.0, expected or 0.0)
        challenger = replace(trained, store=self.increment.read)
        metric, comparison = compare(challenger.report, served, seed)
        checks = [
            *decision.checks,
            *check_quality(challenger.report, served, champion.report, len(challenger.catalogue), config, seed),
            check_latency(challenger, champion, config, seed),
            _check_rollback(registry.history()),
        ]
        version = None
        if not self.dry_run:
            version = registry.add(challenger, parent=champion.version)
            keep_vectors_of(registry, [champion, challenger], self.progress)
            checks.append(check_size(registry.manifest(version), registry.manifest(champion.version), config))
        decision = replace(decision, challenger=version, trained=how, metric=metric, comparison=comparison)
        if not all(check.passed for check in checks):
            return _refused(decision, checks)
        difference = f"{metric} {comparison.difference:+.4f} ({comparison.low:+.4f} to {comparison.high:+.4f})"
        reason = f"{difference} against {champion.version} on {counted(comparison.n_requests, 'request')} new to both"
        if version is not None and not registry.promote(version, reason, checks, over=champion.version):
            words = f"version {registry.current()} was made current meanwhile; that choice stands"
            return _refused(decision, [*checks, Check("current", False, words)])
        return replace(decision, action="promoted", reason=reason, checks=tuple(checks))

    def _train_challenger(self, test_start: int, found: float, expected: float) -> tuple[TrainedBundle, TrainingMode]:
        """Train the challenger, and say how.

        It is trained from scratch if that was asked for or is due, if the champion's sources cannot be fitted on the
        data, or if the champion ranks the new requests far worse than those of its own test.

        Args:
            found, expected: the champion's ndcg@10 on the new requests and in its own test.
        """
        champion, dataset, seed, progress = self.champion, self.increment.dataset, self.seed, self.progress
        config, cache = champion.config, VectorCache(self.registry.vectors_file)
        due = champion.continued + 1 >= config.retrain.full_every
        if self.anew or due or found < config.retrain.refit_below * expected or not can_continue(champion, dataset):
            progress("training from scratch")
            config = champion.config_from_scratch
            challenger = train(dataset, config, seed=seed, test_start=test_start, cache=cache, progress=progress)
            return challenger, "from_scratch"
        progress(f"training continues from version {champion.version}")
        challenger = continue_training(
            champion, dataset, seed=seed, test_start=test_start, cache=cache, progress=progress
        )
        return challenger, "continued"


def _check_rollback(history: Sequence[VersionChange]) -> Check:
    """Refused after a rollback, for which somebody had a reason: the challenger has learned from the same events as the
    version that was rolled back, and would take its place the next night."""
    chosen = next((change for change in reversed(history) if not is_clearing(change)), None)
    if chosen is None or chosen.action == "promote":
        return Check("rollback", True, "the served version was promoted, and not gone back to")
    back = f"version {chosen.previous} was rolled back on {chosen.at:%Y-%m-%d at %H:%M} UTC ({chosen.why})"
    goes_on = "once somebody has promoted a version (recsys models promote), retraining promotes again"
    return Check("rollback", False, f"{back}; {goes_on}")


def _skipped(decision: Decision, reason: str) -> Decision:
    """The decision if there is too little to learn from, or to measure on."""
    return replace(decision, reason=reason, checks=(*decision.checks, Check("events", False, reason)))


def _refused(decision: Decision, checks: Sequence[Check]) -> Decision:
    """The decision if checks failed, with these as the reason."""
    reason = "; ".join(f"{check.name}: {check.words}" for check in checks if not check.passed)
    return replace(decision, action="refused", reason=reason, checks=tuple(checks))
