"""The live state: versions are exchanged beside the answers when registry, store or snapshots change.

Which version answers whom is in `served`, how one is loaded in `loading`, how it takes in what the store holds in
`following`.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Collection, Sequence

from recsys.config import VariantConfig
from recsys.errors import RecsysError, StoreError
from recsys.registry import Registry
from recsys.store import Store
from recsys.store.tail import LogEntry, SharedTail
from serving.following import StoreFollower
from serving.loaded_version import LoadedVersion, numbered_alike
from serving.loading import VersionLoader
from serving.metrics import Metrics
from serving.periodic import PeriodicTask
from serving.served import ServedVersions
from serving.snapshots import SnapshotKeeper

logger = logging.getLogger("recsys.serving")

REGISTRY_SECONDS = 0.5
"""How often CURRENT is read."""

RETRY_SECONDS = 5.0
"""After a load has failed while nothing is served, or has to wait for the store."""

REFUSED_SECONDS = 60.0
"""After a version was refused while another one is served: it may have been mended in place."""

STORE_SECONDS = 0.05
"""How often events of other workers are asked for."""

SHARED_SECONDS = 0.2
"""The same, while the others tell them through a shared tail."""

SNAPSHOT_SECONDS = 1.0
"""How often snapshots are looked for."""


class LiveState:
    """What the routes answer from. `start` loads the versions in the background.

    Attributes:
        served: which version answers whom.

    Args:
        variants: which versions answer side by side, see `ServedVersions`.
        reads_texts: load at once what reads texts, beside the first answers.
        forget: called with digests of users that are forgotten.
        tail: shared with other servers; None: there is none.
    """

    def __init__(
        self,
        registry: Registry,
        store: Store,
        metrics: Metrics,
        variants: Sequence[VariantConfig] = (VariantConfig(name="champion"),),
        *,
        pseudonymise: bool = False,
        reads_texts: bool = False,
        forget: Callable[[Collection[str]], None] = lambda digests: None,
        tail: SharedTail | None = None,
    ) -> None:
        self._metrics = metrics
        self.served = ServedVersions(variants)
        self._reads_texts = reads_texts
        self._tail = tail
        self._last_stamp: object = None
        self._retry_at = math.inf
        # Whoever takes several takes them in this order (Service.putting comes before); no list waits for any of them.
        # Which version answers changes with all three held, so that it stays the same for whoever holds one.
        self._reloading = threading.Lock()  # versions are chosen and loaded
        self._updating = threading.Lock()  # served versions take changes of items, or go over to a snapshot
        self._observing = threading.Lock()  # served versions take events, or exchange their recommender
        self._events = PeriodicTask("events", self._store_seconds, self.catch_up)
        self._items = PeriodicTask("items", self._store_seconds, self.catch_up_items)
        self._keeper = SnapshotKeeper(registry, store)
        self._follower = StoreFollower(store, metrics, tail)
        self._loader = VersionLoader(registry, store, self._keeper, pseudonymise=pseudonymise, forget=forget)
        self._tasks = (
            PeriodicTask("registry", lambda: REGISTRY_SECONDS, self._watch_registry),
            self._events,
            self._items,
            PeriodicTask("snapshots", lambda: SNAPSHOT_SECONDS, self.keep_snapshots),
        )

    def start(self) -> None:
        """Begin to watch the registry and the store."""
        for task in self._tasks:
            task.start()
        if self._tail is not None:
            self._tail.start(self._take_from_tail, self._items.wake)

    def stop(self) -> None:
        """Stop watching, and wait until that is so."""
        if self._tail is not None:
            self._tail.close()
        for task in self._tasks:
            task.stop()
        for served in self.served.each():
            self._keeper.write_at_stop(served, self._observing)

    def catch_up(self) -> None:
        """Take in every event that is stored now; without an answer of the store, when it answers again."""
        with self._observing:
            self._follower.read_log(self.served.each())

    def prepare_to_forget(self) -> None:
        """Make what finds users by their marks, while events are taken as usual; nothing once that is done."""
        for served in self.served.each():
            _ = served.recommender.bundle.digests

    def catch_up_items(self) -> None:
        """Take in every change of an item that is stored now, likewise."""
        with self._updating:
            changed = self._follower.read_items(self.served.each(), self._observing)
        if changed and self._tail is not None:
            self._tail.publish_items_changed()

    def keep_snapshots(self) -> None:
        """Write snapshots of what is known where that is due, and go over to newer ones."""
        self._keeper.finish_forgetting()
        for served in self.served.each():
            self._adopt_newer_snapshot(served)
            self._keeper.write_when_due(served, self._observing)
            self._adopt_newer_snapshot(served)
        self._metrics.note_snapshots([served.snapshot for served in self.served.each()])
        self._metrics.in_memory.set(sum(served.recommender.scoring.state.in_memory for served in self.served.each()))

    def _adopt_newer_snapshot(self, served: LoadedVersion) -> None:
        """Take the events of a newer snapshot in place of those in memory, and the rest from the store, as at a start.

        A worker that numbers new items otherwise, because it met them in another order, loads the version once more.
        """
        found = self._keeper.find(served)
        if found is None or found[0].offset > served.offset:
            return
        self.catch_up_items()
        with self._updating:
            if agrees := numbered_alike(served, found[1]):
                self._take_snapshot(served, served.with_snapshot(found[1], found[0]))
        if not agrees:
            with self._reloading:
                names = self.served.variants_of(served)
                if names:
                    self._serve(names, self._loader.load(served.version))

    def _take_snapshot(self, served: LoadedVersion, new: LoadedVersion) -> None:
        """Most of the log is read while the old events answer, only its end under the lock."""
        self._follower.read_events(new)
        with self._observing:
            self._follower.read_events(new)
            if new.log == served.log and new.offset >= served.offset:  # else the store is away, or has begun anew
                served.adopt(new)

    def refresh(self, *, at_once: bool = False) -> None:
        """Load what the variants name, if the registry has changed; what is served stays when that fails.

        A load that failed is tried again: what kept it from working may pass, such as memory or a disk that was not
        there, and a damaged version may be mended.

        Args:
            at_once: try again now what has failed before.
        """
        with self._reloading:
            stamp = self._loader.stamp(self.served.variants)
            if stamp == self._last_stamp and not at_once and time.monotonic() < self._retry_at:
                return
            self._last_stamp = stamp
            waits = [self._load_wanted(variant) for variant in self.served.variants]
            if self.served.first is None:
                waits.append(RETRY_SECONDS)
                logger.error("no version is served; it is tried again in %g s", RETRY_SECONDS)
            self._retry_at = time.monotonic() + min(waits)

    def _load_wanted(self, variant: VariantConfig) -> float:
        """Serve what a variant names; the seconds after which to try again, infinite where that has worked."""
        before = self.served.of_variant(variant.name)
        kept = before.version if before else "nothing"
        try:
            version = self._loader.wanted(variant)
            if before is None or before.version != version:
                if self.served.each():  # which say so; before the first one is loaded, nobody has asked
                    self._check_store(self._follower.store_answers)
                self._serve([variant.name], self.served.find(version) or self._loader.load(version))
        except StoreError as error:
            logger.warning("%s: another version waits; serving %s: %s", variant.name, kept, error)
            return RETRY_SECONDS
        except Exception as error:
            self._metrics.refused.inc()
            trace = None if isinstance(error, RecsysError) else error  # which says itself what is wrong, and where
            logger.error("%s: the version was refused, serving %s: %s", variant.name, kept, error, exc_info=trace)
            return REFUSED_SECONDS
        return math.inf

    def _check_store(self, answers: bool) -> None:
        """Refuse to serve a version that cannot learn who is forgotten and what is deleted."""
        if not answers:
            raise StoreError("the event store does not answer, which knows what was deleted since the version was made")

    def _watch_registry(self) -> None:
        self.refresh()
        for served in self.served.each() if self._reads_texts else []:
            served.prepare()

    def _take_from_tail(self, after: int, page: list[LogEntry]) -> None:
        """Take what another server has read, or read the store where that leaves a gap."""
        taken = False
        try:
            with self._observing:
                taken = self._follower.take_published(self.served.each(), after, page)
        except Exception:  # whoever listens goes on
            logger.exception("what another server has published could not be taken, the store is read instead")
        if not taken:
            self._events.wake()

    def _store_seconds(self) -> float:
        return SHARED_SECONDS if self._tail is not None and self._tail.is_subscribed else STORE_SECONDS

    def load(self, version: str) -> LoadedVersion:
        """Another version, which knows what the served one knows of stored events and items.

        Raises:
            BundleError: there is no such version, or it is damaged.
            ConfigError: it knows users by their ids, where pseudonyms are asked for.
            StoreError: the store does not answer.
        """
        other = self._loader.load(version)
        self.catch_up_version(other)
        return other

    def catch_up_version(self, other: LoadedVersion) -> None:
        """Have a version from `load` take in what was stored since. One caller at a time.

        Raises:
            StoreError: the store does not answer.
        """
        self._check_store(self._follower.replay(other))

    def _serve(self, variants: Sequence[str], new: LoadedVersion) -> None:
        """Serve from the new version. Most of the replay runs while the old one answers, only its end under the locks.

        The old one is freed when the last list from it is made: nothing else holds it.
        """
        if self.served.find(new.version) is not new:
            self._follower.replay(new)
        with self._updating, self._observing:
            self._check_store(self._follower.replay(new))
            self.served.exchange(variants, new)
        self._metrics.note_versions(self.served.names())
        logger.info("%s serves version %s", ", ".join(variants), new.version)
