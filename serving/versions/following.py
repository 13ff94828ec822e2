"""How served versions take in what the store holds.

The store is the one way in: a posted event is appended first, then read back from the store in the order of its
offset, by the worker that took it as by every other. So each worker sees each event once, in the same order. Where
servers share a tail, the others get from there what one has read.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from functools import partial

from recsys.data.events.event import Event
from recsys.data.users.forget import Forgotten
from recsys.errors import StoreError
from recsys.moments import clock
from recsys.pipeline.recommender.loaded_version import PAGE, LoadedVersion
from recsys.store import Store, read_log
from recsys.store.tail import LogEntry, SharedTail
from serving.watching.metrics import Metrics

logger = logging.getLogger("recsys.serving")

MOST_PUBLISHED = 2_000
"""Most entries that are published at once: more are a replay, and other servers read them from the store."""

LATE = 60 * 1_000_000
"""Microseconds after which an event counts as posted late, and its delay not as a lag of the server."""


class StoreFollower:
    """Reads the store for versions. While it does not answer they stay as they are: it is read when it answers again.

    No two callers at a time may have the same version take events, nor the same version take items.

    Attributes:
        store_answers: whether it did when it was last asked.

    Args:
        tail: shares with other servers what was read; None: there is none.
    """

    def __init__(self, store: Store, metrics: Metrics, tail: SharedTail | None) -> None:
        self._store = store
        self._metrics = metrics
        self._tail = tail
        self.store_answers = True

    def read_log(self, versions: Sequence[LoadedVersion]) -> None:
        """Have all versions that answer take the entries of the store that they lack, and publish these to other
        servers."""
        if versions:
            self._asked(partial(self._read_pages, versions))
            self._note_offset(versions)

    def take_published(self, versions: Sequence[LoadedVersion], after: int, page: Sequence[LogEntry]) -> bool:
        """Have all that answer take what another server has read.

        Args:
            versions: all that answer.
            after: an offset of the log.
            page: all entries from there to the last one.

        Returns:
            Whether they took it; they do not where that would leave a gap.
        """
        if any(served.offset < after for served in versions):
            return False
        self._take(versions, page)
        self._note_offset(versions)
        return True

    def read_items(self, versions: Sequence[LoadedVersion], observing: threading.Lock) -> bool:
        """Have versions take every change of an item that is stored and that they have not seen.

        Args:
            versions: all that answer.
            observing: held by whoever has these versions take events; taken while one exchanges its recommender.

        Returns:
            Whether there was one.
        """
        before = [served.items_offset for served in versions]
        for served in versions:
            self._asked(partial(served.catch_up_items, self._store, observing))
        return before != [served.items_offset for served in versions]

    def read_events(self, served: LoadedVersion) -> None:
        """Have one version take all events that are stored, while nobody else works on it."""
        self._asked(partial(served.catch_up, self._store))

    def replay(self, served: LoadedVersion) -> bool:
        """Have one version take all changes of items that are stored, then all events: these may be of new items.

        Returns:
            Whether the store answered. Otherwise the version does not know who is forgotten and what is deleted.
        """
        return self._asked(partial(self._replay, served))

    def _replay(self, served: LoadedVersion) -> None:
        self._follow_new_log([served])
        served.catch_up_items(self._store, threading.Lock())  # it has nobody to keep out
        served.catch_up(self._store)

    def _read_pages(self, versions: Sequence[LoadedVersion]) -> None:
        while True:
            after = min(served.offset for served in versions)
            page = read_log(self._store, after, PAGE)
            if self._follow_new_log(versions):
                continue
            if not page:
                return
            self._take(versions, page)
            if self._tail is not None and len(page) <= MOST_PUBLISHED:
                self._tail.publish(after, page)

    def _follow_new_log(self, versions: Sequence[LoadedVersion]) -> bool:
        """Start at the beginning if the store has another log than before, for which the offsets so far mean nothing.

        Returns:
            Whether it is another one.
        """
        log = self._store.identity
        anew = [served for served in versions if served.log != log]
        for served in anew:
            served.begin(log)
        if anew:
            logger.warning("the store's log was emptied; lists go on from what it holds now")
        return bool(anew)

    def _take(self, versions: Sequence[LoadedVersion], page: Sequence[LogEntry]) -> None:
        known = min((served.offset for served in versions), default=0)
        for served in versions:
            served.take(page)
        self._note_lag([entry for offset, entry in page if offset > known])

    def _note_offset(self, versions: Sequence[LoadedVersion]) -> None:
        if versions:
            self._metrics.offset.set(min(served.offset for served in versions))

    def _note_lag(self, entries: Sequence[Event | Forgotten]) -> None:
        """Record how long new events took to come here; replayed ones, and those posted late, say nothing of that."""
        now = clock()
        for entry in entries:
            if isinstance(entry, Event) and 0 <= now - entry.timestamp < LATE:
                self._metrics.lag.observe((now - entry.timestamp) / 1e6)

    def _asked(self, ask: Callable[[], None]) -> bool:
        """Whether the store answered. If it did not, that is logged and not raised, because lists go on without it."""
        answers = True
        try:
            ask()
        except StoreError as error:
            answers = False
            if self.store_answers:
                logger.error("the event store does not answer, lists go on without it: %s", error)
        else:
            if not self.store_answers:
                logger.warning("the event store answers again")
        self.store_answers = answers
        self._metrics.store_up.set(answers)
        return answers
