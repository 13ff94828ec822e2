"""Retraining: learn from what happened since the served version, and serve the result if nothing speaks against it."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import takewhile
from typing import Any, Literal, TypeVar

import numpy as np

from recsys.config import override
from recsys.data.catalogue import ItemCatalogue
from recsys.data.dataset import Dataset
from recsys.data.events import Event
from recsys.data.forget import Forgotten, user_digest, without_users
from recsys.data.item_changes import change_fitting_items
from recsys.data.loading import append_events
from recsys.data.pseudonyms import Pseudonyms
from recsys.errors import RecsysError
from recsys.eval.confidence import Comparison
from recsys.pipeline.bundle import Bundle
from recsys.pipeline.continued_training import can_continue, continue_training, measure_as_served, renumbered
from recsys.pipeline.gate import METRIC, check_latency, check_quality, check_size, compare
from recsys.pipeline.new_data import check_data, check_unusable
from recsys.pipeline.train import train
from recsys.progress import Progress
from recsys.registry import Check, Registry, StoreMark
from recsys.store import Store, read_log
from recsys.text.cache import VectorCache

_PAGE = 10_000

Entry = TypeVar("Entry")


@dataclass(frozen=True)
class Decision:
    """What became of a retraining.

    Attributes:
        action: `promoted`; `refused`, something speaks against the data or the new version; `skipped`, there was too
            little to learn from.
        reason: one sentence.
        champion: the version that was served.
        challenger: the new version; None when none was published.
        new_events: events since the champion.
        trained: `anew`, or `on` from the champion; None when nothing was trained.
        metric: what they were compared by: ndcg@10 of all items, or the examination-weighted dcg@10 of shown ones; see
            `gate.compare`.
        comparison: the metric of the challenger's own test models minus the champion's, on requests new to both.
        checks: everything that was looked at.
        set_aside: what of the new data could not be used, a sentence each.
        forgotten_in: the version that took the champion's place with the same models and without the events of users
            who were forgotten; None when that was not needed.
    """

    action: Literal["promoted", "refused", "skipped"]
    reason: str
    champion: str
    challenger: str | None
    new_events: int
    trained: Literal["anew", "on"] | None = None
    metric: str | None = None
    comparison: Comparison | None = None
    checks: tuple[Check, ...] = ()
    set_aside: tuple[str, ...] = ()
    forgotten_in: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)


@dataclass(frozen=True)
class _News:
    """The champion's data and what came since.

    Attributes:
        dataset: in numbers that extend the champion's.
        n_events: new ones.
        n_unusable: further ones that were set aside.
        set_aside: sentences.
        digests: of users who are to be forgotten.
        read: how far the store is in it.
    """

    dataset: Dataset
    n_events: int
    n_unusable: int
    set_aside: tuple[str, ...]
    digests: Collection[str]
    read: StoreMark | None


def retrain_from_store(
    registry: Registry,
    store: Store,
    *,
    overrides: Sequence[str] = (),
    dry_run: bool = False,
    anew: bool = False,
    seed: int = 0,
    progress: Progress,
) -> Decision:
    """Retrain on the served version's log and what the store holds beyond it: items, events, users to be forgotten.

    Args:
        registry: where the served version is, and the new one goes.
        store: of the server.
        overrides: `retrain.KEY=VALUE`, from now on: the new version keeps them.
        dry_run: decide, but publish, promote and write down nothing.
        anew: train everything anew, whatever `retrain.full_every` says.
        seed: every random draw follows from it.
        progress: called with a line of text now and then.

    Raises:
        ConfigError: an override is wrong.
        BundleError: there is no served version, or it is damaged.
        StoreError: the store cannot be read.
        DataError: the log cannot be trained on.
    """
    champion = _champion(registry, overrides)
    mark = champion.store
    start = mark.offset if mark is not None and mark.identity == store.identity else 0
    store.reserve(start)  # it may have been put back from a backup of before
    events, digests, offset = _read(store, start)
    changes = [change for _, change in _pages(store.read_items, 0)]  # after the events, which may be of new items
    catalogue, set_aside = change_fitting_items(champion.catalogue, changes)
    events = [*_passed_over(store, start, champion.catalogue, catalogue), *events]
    pseudonyms = Pseudonyms.of_config(champion.config.privacy)
    if pseudonyms is not None:  # a server without them may have written to the store
        events = [replace(event, user_id=pseudonyms.of(event.user_id)) for event in events]
    log = without_users(replace(champion.log, n_items=len(catalogue)), digests)
    progress(
        f"since version {champion.version}: {len(events):,} stored events, "
        f"{len(catalogue) - len(champion.catalogue):,} new items, {len(digests):,} forgotten users"
    )
    dataset = append_events(Dataset(catalogue, log), events, champion.config)
    read = StoreMark(identity=store.identity, offset=offset)
    n_new, n_unusable = len(dataset.log) - len(log), dataset.n_rejected
    news = _News(replace(dataset, n_rejected=champion.n_rejected), n_new, n_unusable, set_aside, digests, read)
    return _Retraining(registry, champion, news, dry_run=dry_run, anew=anew, seed=seed, progress=progress).decide()


def retrain_from_data(
    registry: Registry,
    dataset: Dataset,
    *,
    overrides: Sequence[str] = (),
    dry_run: bool = False,
    anew: bool = False,
    seed: int = 0,
    progress: Progress,
) -> Decision:
    """Retrain on a data set that goes on beyond what the served version has learned from; see `retrain_from_store`.

    Raises:
        BundleError, DataError: as above.
    """
    champion = _champion(registry, overrides)
    n_new = len(dataset.log.after(champion.data_record.end))
    n_unusable = max(0, dataset.n_rejected - champion.n_rejected)  # what was bad then is no fault of what is new
    news = _News(renumbered(dataset, champion), n_new, n_unusable, (), (), champion.store)
    return _Retraining(registry, champion, news, dry_run=dry_run, anew=anew, seed=seed, progress=progress).decide()


def _champion(registry: Registry, overrides: Sequence[str]) -> Bundle:
    champion = Bundle.load(registry)
    return replace(champion, config=override(champion.config, overrides, "retrain"))


@dataclass(frozen=True)
class _Retraining:
    """One run.

    Attributes:
        registry, dry_run, anew, seed, progress: as for `retrain_from_store`.
        champion: the served version.
        news: what came since.
    """

    registry: Registry
    champion: Bundle
    news: _News
    dry_run: bool
    anew: bool
    seed: int
    progress: Progress

    def decide(self) -> Decision:
        """Check the data, train and measure a challenger, and write down what became of it.

        Users who are to be forgotten are forgotten also where training fails.
        """
        try:
            if not self.dry_run:
                self._finish_forgetting()
            decision = self._decided()
        except RecsysError:
            if not self.dry_run:
                self._forget()
            raise
        if self.dry_run:
            return decision
        if decision.action != "promoted":
            self.registry.refuse(decision.challenger, decision.reason, decision.checks)
            decision = replace(decision, forgotten_in=self._forget())
        self.registry.prune(self.champion.config.retrain.keep)
        return decision

    def _decided(self) -> Decision:
        champion, news = self.champion, self.news
        set_aside = news.set_aside
        if news.n_unusable:
            set_aside += (f"{news.n_unusable:,} events of unknown items or with wrong cells",)
        for sentence in set_aside:
            self.progress(f"set aside: {sentence}")
        decision = Decision("skipped", "", champion.version, None, news.n_events, set_aside=set_aside)
        config = champion.config.retrain
        if news.n_events < config.min_events:
            unusable = check_unusable(news.n_events, news.n_unusable, config)
            if not unusable.passed and news.n_events + news.n_unusable >= config.min_events:  # they are what is missing
                return replace(decision, action="refused", reason=_objections([unusable]), checks=(unusable,))
            reason = f"{news.n_events:,} new events; retrain.min_events asks for {config.min_events:,}"
            return replace(decision, reason=reason, checks=(Check("events", False, reason),))
        remembered = replace(champion, log=without_users(champion.log, news.digests))  # who is forgotten is not missing
        checks = check_data(remembered, news.dataset, news.n_unusable)
        decision = replace(decision, checks=tuple(checks))
        if not all(check.passed for check in checks):
            return replace(decision, action="refused", reason=_objections(checks))
        newer = news.dataset.log.after(champion.data_record.end).positive().times
        if not len(newer):
            reason = "none of the new events is a sign of interest that is newer than the served version's data"
            return replace(decision, reason=reason, checks=(*checks, Check("events", False, reason)))
        return self._challenge(decision, int(np.quantile(newer, 0.5, method="higher")))

    def _challenge(self, decision: Decision, test_start: int) -> Decision:
        """Train a challenger, measure it against the champion, and promote it if no check speaks against it.

        Args:
            test_start: from which on the newer half of the new signs of interest happened, microseconds.
        """
        registry, champion, seed = self.registry, self.champion, self.seed
        config, dataset = champion.config.retrain, self.news.dataset
        self.progress(f"measuring version {champion.version} on the newest requests")
        served = measure_as_served(champion, dataset, test_start, seed, self.progress)
        if not served.n_requests:
            reason = (
                "none of the newest requests wants an item that may be listed: what they want is not available, or was "
                "seen before and policy.seen leaves seen items out"
            )
            return replace(decision, reason=reason, checks=(*decision.checks, Check("events", False, reason)))
        expected = champion.report.metrics[METRIC]["mean"]
        trained, how = self._trained(test_start, served.metrics[METRIC]["mean"] or 0.0, expected or 0.0)
        challenger = replace(trained, store=self.news.read)
        metric, comparison = compare(challenger.report, served, seed)
        n_items = int(np.count_nonzero(challenger.catalogue.available))
        checks = [
            *decision.checks,
            *check_quality(challenger.report, served, expected, n_items, config, seed),
            check_latency(challenger, champion, config, seed),
        ]
        version = None
        if not self.dry_run:
            version = registry.publish(challenger, parent=champion.version, promote=False)
            checks.append(check_size(registry.manifest(version), registry.manifest(champion.version), config))
        difference = f"{metric} {comparison.difference:+.4f} ({comparison.low:+.4f} to {comparison.high:+.4f})"
        reason = f"{difference} against {champion.version} on {comparison.n_requests:,} requests new to both"
        passed = all(check.passed for check in checks)
        if passed and version is not None and not registry.promote(version, reason, checks, over=champion.version):
            words = f"version {registry.current()} was made current meanwhile; that choice stands"
            checks.append(Check("current", passed := False, words))
        return replace(
            decision,
            action="promoted" if passed else "refused",
            reason=reason if passed else _objections(checks),
            challenger=version,
            trained=how,
            metric=metric,
            comparison=comparison,
            checks=tuple(checks),
        )

    def _trained(self, test_start: int, found: float, expected: float) -> tuple[Bundle, Literal["anew", "on"]]:
        """A challenger: the champion that goes on, or one anew where that is asked for, or due, or the champion ranks
        the new requests (`found`) far worse than those that it was measured on (`expected`)."""
        champion, dataset, seed, progress = self.champion, self.news.dataset, self.seed, self.progress
        config, cache = champion.config, VectorCache(self.registry.vectors_file)
        due = champion.continued + 1 >= config.retrain.full_every
        if self.anew or due or found < config.retrain.refit_below * expected or not can_continue(champion, dataset):
            progress("training anew")
            return train(dataset, config, seed=seed, test_start=test_start, cache=cache, progress=progress), "anew"
        progress(f"training goes on from version {champion.version}")
        return continue_training(
            champion, dataset, seed=seed, test_start=test_start, cache=cache, progress=progress
        ), "on"

    def _forget(self) -> str | None:
        """The champion without the events of users who were forgotten, in its place: they must not wait for a training.

        What the models learned from many users stays until the next training; no model holds a user.

        Returns:
            The version that is served now; None where nobody of it is to be forgotten, or another one was made current
            meanwhile: of that, the next run sees to it.
        """
        champion, digests = self.champion, self.news.digests
        ids = champion.log.user_vocabulary.ids(range(champion.log.n_users))
        if not any(user_digest(id_) in digests for id_ in ids):
            return None
        cleared = replace(champion, log=without_users(champion.log, digests))
        why = _why_cleared(champion.version)
        self.progress(f"publishing {why}")
        version = self.registry.publish(cleared, parent=champion.version, promote=False, why=why)
        is_served = self.registry.promote(version, why, over=champion.version)
        self.registry.remove(champion.version)
        if not is_served:
            self.progress(f"version {self.registry.current()} was made current meanwhile: it may hold forgotten users")
        return version if is_served else None

    def _finish_forgetting(self) -> None:
        """Remove what a run that was cut short had cleared and not removed any more."""
        version = self.champion.version
        parent = self.registry.manifest(version).parent
        why = [change.why for change in self.registry.history() if change.version == version]
        if parent is not None and parent in self.registry.versions() and _why_cleared(parent) in why:
            self.registry.remove(parent)


def _why_cleared(version: str) -> str:
    return f"version {version} without the events of users who were forgotten"


def _objections(checks: Collection[Check]) -> str:
    return "; ".join(f"{check.name}: {check.words}" for check in checks if not check.passed)


def _read(store: Store, after: int) -> tuple[list[Event], set[str], int]:
    """All events beyond an offset, who was forgotten since, and the offset of the last entry.

    Events that were read before their user was forgotten are left out; those of one who came back are not.
    """
    events: list[Event] = []
    forgotten: dict[str, int] = {}
    for offset, entry in _pages(partial(read_log, store), after):
        if isinstance(entry, Forgotten):
            forgotten[entry.user_digest] = len(events)
        else:
            events.append(entry)
        after = offset
    if forgotten:
        events = [event for at, event in enumerate(events) if at >= forgotten.get(user_digest(event.user_id), 0)]
    return events, set(forgotten), after


def _passed_over(store: Store, until: int, before: ItemCatalogue, now: ItemCatalogue) -> list[Event]:
    """Events up to an offset of items that have come since: earlier trainings did not know these, and left them out."""
    new = {*now.vocabulary.ids(range(len(before), len(now)))}
    known = takewhile(lambda entry: entry[0] <= until, _pages(store.read, 0)) if new and until else ()
    return [event for _, event in known if event.item_id in new]


def _pages(read: Callable[[int, int], list[tuple[int, Entry]]], after: int) -> Iterator[tuple[int, Entry]]:
    while page := read(after, _PAGE):
        yield from page
        after = page[-1][0]
