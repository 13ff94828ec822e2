"""The live state: what the server answers from, and the threads that keep it up to date beside the answers.

Which version answers whom is in `served`; how one is loaded in `loading`, exchanged for another in `refreshing`, how
it takes in what the store holds in `following`, when a snapshot is written or may be used in `snapshots`.
"""

import logging
from collections.abc import Callable, Collection

from recsys.data.items.catalogue import ItemCatalogue
from recsys.pipeline.recommender.loaded_version import LoadedVersion, has_same_item_numbers
from recsys.registry import Registry
from recsys.store import Store
from recsys.store.tail import LogEntry, SharedTail, TailListener
from serving.periodic import PeriodicTask
from serving.settings import Settings
from serving.versions.following import StoreFollower
from serving.versions.loading import VersionLoader
from serving.versions.locks import Locks
from serving.versions.refreshing import VersionRefresher
from serving.versions.served import ServedVersions
from serving.versions.snapshots import SnapshotKeeper
from serving.watching.metrics import Metrics

logger = logging.getLogger("recsys.serving")

REGISTRY_SECONDS = 0.5
"""How often CURRENT is read."""

STORE_SECONDS = 0.05
"""How often events of other workers are asked for."""

SHARED_SECONDS = 0.2
"""The same, while the others pass them on through a shared tail."""

SNAPSHOT_SECONDS = 1.0
"""How often snapshots are looked for."""


class LiveState:
    """What the routes answer from. `start` loads the versions in the background.

    Attributes:
        served: which version answers whom.
        refresher: has them exchanged when the registry changes.

    Args:
        settings: those of the server, whose `registry` and `store` are given opened.
        forget: called with digests of users that are forgotten.
        tail: shared with other servers; None: there is none.
    """

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        store: Store,
        metrics: Metrics,
        *,
        forget: Callable[[Collection[str]], None] = lambda digests: None,
        tail: SharedTail | None = None,
    ) -> None:
        self._metrics = metrics
        self.served = ServedVersions(settings.serving.variants)
        self._reads_texts = settings.serving.encoder == "start"
        self._tail = tail
        self._locks = Locks()
        self._events = PeriodicTask("events", self._store_seconds, self.catch_up)
        self._items = PeriodicTask("items", self._store_seconds, self.catch_up_items)
        self._keeper = SnapshotKeeper(registry, store)
        self._follower = StoreFollower(store, metrics, tail)
        loader = VersionLoader(registry, store, self._keeper, pseudonymise=settings.pseudonymise, forget=forget)
        self.refresher = VersionRefresher(
            self.served, self._locks, loader, self._follower, metrics, reads_texts=self._reads_texts
        )
        self._tasks = (
            PeriodicTask("registry", lambda: REGISTRY_SECONDS, self.load),
            self._events,
            self._items,
            PeriodicTask("snapshots", lambda: SNAPSHOT_SECONDS, self.keep_snapshots),
        )

    @property
    def what_is_missing(self) -> str:
        """What is yet to be loaded before every request gets its own answer; empty: nothing."""
        first = self.served.first
        if first is None:
            return "no version is loaded yet"
        return "the text encoder is not loaded yet" if self._reads_texts and not first.is_prepared else ""

    def load(self) -> None:
        """Load what the registry names, if that has changed, and what reads texts."""
        self.refresher.refresh()
        for served in self.served.each() if self._reads_texts else []:
            served.prepare()

    def start(self) -> None:
        """Begin to watch the registry and the store."""
        for task in self._tasks:
            task.start()
        if self._tail is not None:
            self._tail.start(TailListener(self._take_from_tail, self._items.wake))

    def stop(self) -> None:
        """Stop watching, and wait until that is so."""
        if self._tail is not None:
            self._tail.close()
        for task in self._tasks:
            task.stop()
        for served in self.served.each():
            self._keeper.write_at_stop(served, self._locks.observing)

    def catch_up(self) -> None:
        """Take in every event that is stored now; if the store does not answer, later."""
        with self._locks.observing:
            self._follower.read_log(self.served.each())

    def prepare_to_forget(self) -> None:
        """Build the index that finds users to be forgotten, while events are taken in as usual; does nothing the second
        time."""
        for served in self.served.each():
            _ = served.recommender.bundle.digests

    def catch_up_items(self) -> None:
        """Take in every change of an item that is stored now, likewise."""
        with self._locks.updating:
            changed = self._follower.read_items(self.served.each(), self._locks.observing)
        if changed and self._tail is not None:
            self._tail.publish_items_changed()

    def read_ahead(self, items: ItemCatalogue) -> None:
        """Encode the texts of items before they are stored: the other workers, who take them in from there, find the
        vectors in the registry's cache."""
        for served in self.served.each():
            served.recommender.scoring.read_ahead(items)

    def keep_snapshots(self) -> None:
        """Write snapshots of what is known where that is due, and go over to newer ones."""
        self._keeper.finish_forgetting()
        for served in self.served.each():
            self._adopt_newer_snapshot(served)
            self._keeper.write_when_due(served, self._locks.observing)
            self._adopt_newer_snapshot(served)
        self._metrics.note_snapshots([served.snapshot for served in self.served.each()])
        self._metrics.in_memory.set(sum(served.recommender.scoring.state.in_memory for served in self.served.each()))

    def _adopt_newer_snapshot(self, served: LoadedVersion) -> None:
        """Take the events of a newer snapshot in place of those in memory, and the rest from the store, as at a start.

        A worker that numbers new items differently, because it met them in another order, loads the version again.
        """
        found = self._keeper.find(served)
        if found is None or found[0].offset > served.offset:
            return
        self.catch_up_items()
        with self._locks.updating:
            if agrees := has_same_item_numbers(served, found[1]):
                self._take_snapshot(served, served.with_snapshot(found[1], found[0]))
        if not agrees:
            self.refresher.reload(served)

    def _take_snapshot(self, served: LoadedVersion, new: LoadedVersion) -> None:
        """Most of the log is read while the old events answer, only its end under the lock."""
        self._follower.read_events(new)
        with self._locks.observing:
            self._follower.read_events(new)
            if new.log == served.log and new.offset >= served.offset:  # else the store is away, or has begun anew
                served.adopt(new)

    def _take_from_tail(self, after: int, page: list[LogEntry]) -> None:
        """Take what another server has read, or read the store where that leaves a gap."""
        taken = False
        try:
            with self._locks.observing:
                taken = self._follower.take_published(self.served.each(), after, page)
        except Exception:  # whoever listens goes on
            logger.exception("what another server has published could not be taken, the store is read instead")
        if not taken:
            self._events.wake()

    def _store_seconds(self) -> float:
        return SHARED_SECONDS if self._tail is not None and self._tail.is_subscribed else STORE_SECONDS
