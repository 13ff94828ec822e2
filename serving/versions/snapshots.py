"""When a snapshot of live events is written, and whether one that is found may be used."""

import logging
import threading
import time
from dataclasses import replace

from recsys.errors import BundleError, StoreError
from recsys.pipeline.recommender.live_events import LiveEvents, items_since, load_snapshot, save_snapshot
from recsys.pipeline.recommender.loaded_version import LoadedVersion
from recsys.registry import Registry, SnapshotRecord, StoreMark
from recsys.store import Store

logger = logging.getLogger("recsys.serving")

EVENTS = 100_000
"""A snapshot is written when this many events are in a worker's own memory, or would be read at a restart: 19 MB,
2.5 s."""

EVENTS_AT_STOP = 1_000
"""The same, when the server stops."""

PAUSE_SECONDS = 600.0
"""Pause after a snapshot could not be written or removed."""

DAMAGED = "damaged"
"""Stands in for the name of a snapshot that is too damaged to have one."""


class SnapshotKeeper:
    """Writes snapshots of what served versions know, and finds them again; one for a worker."""

    def __init__(self, registry: Registry, store: Store) -> None:
        self._registry = registry
        self._snapshots = registry.snapshots
        self._store = store
        self._not_before = 0.0
        self._written = ""
        self._forgotten: int | None = None
        self._forget_again_at = 0.0

    def find(self, served: LoadedVersion) -> tuple[SnapshotRecord, LiveEvents] | None:
        """The newest snapshot of a version, mapped, where it was not looked at before; None where it is of no use."""
        while (name := self._name(served.version)) not in ("", served.looked_at):
            try:
                record = self._snapshots.record(served.version)
                if record is None:
                    return None
                self._check(record)
                known = served.recommender.scoring.state.segments
                return record, load_snapshot(self._snapshots, record, served.recommender.bundle, known)
            except BundleError as error:
                if name == self._name(served.version):  # otherwise it was replaced meanwhile
                    self.refuse(served, name, str(error))
        return None

    def refuse(self, served: LoadedVersion, name: str, why: str) -> None:
        """Log what is wrong with a snapshot, and ignore it from now on."""
        served.looked_at = name
        if name == self._written:  # the disk does not keep what is written
            self._not_before = time.monotonic() + PAUSE_SECONDS
        logger.warning("%s: a snapshot is not used, the store is read instead: %s", served.version, why)

    def _name(self, version: str) -> str:
        """The name of the newest snapshot; empty where there is none."""
        try:
            record = self._snapshots.record(version)
        except BundleError:
            return DAMAGED
        return record.ids if record is not None else ""

    def _check(self, record: SnapshotRecord) -> None:
        """Refuse a snapshot that says nothing about this store.

        Raises:
            BundleError: it is of another one, or holds what this one has not.
        """
        if record.identity != self._store.identity:
            raise BundleError(f"it is of another store, {record.identity[:80]!r}")
        try:
            last = max([self._store.last_offset(), *(n for n, _ in self._store.read_forgotten(record.offset - 1))])
            self._store.reserve(record.offset)  # lest the log comes there once more, with other events
        except StoreError:
            return  # it fails again, and is reported, when events are read
        if last < record.offset:
            raise BundleError(f"it goes to offset {record.offset}, the store only to {last}")

    def behind(self, served: LoadedVersion) -> int:
        """How many entries of the log a restart would have to read."""
        there = self._name(served.version) not in ("", DAMAGED)
        return served.offset - (served.snapshot.offset if there and served.snapshot is not None else served.start)

    def write_when_due(self, served: LoadedVersion, observing: threading.Lock) -> None:
        """Write a snapshot where there are many events in memory or behind the last one. Not in a request."""
        if max(served.recommender.scoring.state.in_memory, self.behind(served)) >= EVENTS:
            self._write(served, observing)

    def write_at_stop(self, served: LoadedVersion, observing: threading.Lock) -> None:
        """Write one where a restart would have to read more than a moment."""
        if self.behind(served) >= EVENTS_AT_STOP:
            self._write(served, observing)

    def _write(self, served: LoadedVersion, observing: threading.Lock) -> None:
        if time.monotonic() < self._not_before:
            return
        version = served.version
        try:
            with self._snapshots.writing(version) as alone:
                if not alone or version not in self._registry.versions() or self._is_behind_another(served):
                    return
                with observing:
                    recommender, before = served.recommender, served.snapshot
                    known = replace(recommender.events(), missed=served.missed)
                    mark = StoreMark(identity=served.log, offset=served.offset)
                events = replace(known, items=items_since(recommender.bundle, recommender.catalogue))
                record = save_snapshot(self._snapshots, recommender.bundle, events, mark, before)
                self._snapshots.publish(record)
                self._written = record.ids
            # Whoever was forgotten meanwhile was taken out of the snapshots before this one.
            if marks := self._store.read_forgotten(mark.offset):
                self.forget(marks[-1][0])
        except (OSError, StoreError) as error:
            self._not_before = time.monotonic() + PAUSE_SECONDS
            logger.error("%s: no snapshot can be written, in %g s it is tried again: %s", version, PAUSE_SECONDS, error)
        else:
            logger.info("%s: a snapshot holds its events up to offset %d", version, mark.offset)

    def _is_behind_another(self, served: LoadedVersion) -> bool:
        """Whether there is a snapshot that this version should go over to first."""
        name, own = self._name(served.version), served.snapshot
        if name in ("", DAMAGED):
            return False
        if own is not None and own.ids == name:
            return own.offset >= served.offset
        return name != served.looked_at

    def forget(self, offset: int) -> None:
        """Remove snapshots that do not know of those who are forgotten from an offset on; later, if the disk refuses.
        Until then no list is made from what they hold of them: whoever loads one reads the log behind it."""
        self._forgotten = max(offset, self._forgotten or 0)
        self._forget_on_disk()

    def finish_forgetting(self) -> None:
        """Remove what could not be removed before."""
        if self._forgotten is not None and time.monotonic() >= self._forget_again_at:
            self._forget_on_disk()

    def _forget_on_disk(self) -> None:
        offset = self._forgotten
        if offset is None:  # another thread has done it
            return
        try:
            self._snapshots.forget(self._store.identity, offset)
            if self._forgotten == offset:
                self._forgotten = None
        except OSError as error:
            self._forget_again_at = time.monotonic() + PAUSE_SECONDS
            words = "a snapshot that holds events of a forgotten user cannot be removed, in %g s it is tried again: %s"
            logger.error(words, PAUSE_SECONDS, error)
