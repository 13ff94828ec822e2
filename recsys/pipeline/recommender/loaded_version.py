"""One loaded version, and how far into the store it has read."""

import copy
import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

from recsys.data.events.event import Event
from recsys.data.items.halving import take_fitting
from recsys.data.items.item_changes import ItemChange
from recsys.data.users.forget import Forgotten, user_digest
from recsys.errors import DataError, RecsysError
from recsys.pipeline.ranking.scoring import Scoring
from recsys.pipeline.recommender.live_events import LiveEvents
from recsys.pipeline.recommender.recommend import Recommender
from recsys.registry import SnapshotRecord
from recsys.store import Store, read_log
from recsys.store.tail import LogEntry

logger = logging.getLogger("recsys.recommender")

PAGE = 10_000
"""Entries read from the store at a time."""

MISSED = 10_000
"""Most events that wait for their item to become known; of more, the newest ones do."""


class LoadedVersion:
    """A version that takes in what the store holds.

    Attributes:
        recommender: replaced each time items change; a caller keeps one for the whole of an answer.
        log: identity of the store's log that the offsets are of.
        start: offset of the newest stored event that the version was trained on.
        offset: of the newest event that it has seen.
        items_offset: of the newest change of an item that it has seen.
        withdrawn: ids of items that were deleted.
        refused: ids of items whose newest stored change it cannot use.
        missed: events of items that are not known yet.
        snapshot: the one that its events are from; None: it has read them all from the store.
        looked_at: the newest snapshot that was found, by its `ids`; also one that cannot be used.
        is_prepared: it can read texts at once, or has failed to get ready for that.
    """

    def __init__(
        self,
        recommender: Recommender,
        log: str,
        offset: int,
        forgot: Callable[[int, set[str]], None] = lambda offset, users: None,
    ) -> None:
        """Begin.

        Args:
            recommender: of the version.
            log: identity of the store's log.
            offset: how far into the store's log it was trained on it.
            forgot: called with the offset of a mark, and digests of users who are forgotten from there on.
        """
        self.recommender = recommender
        self.version = recommender.version
        self.begin(log, offset)
        self.withdrawn: frozenset[str] = frozenset()
        self.refused: frozenset[str] = frozenset()
        self.missed: tuple[Event, ...] = ()
        self.is_prepared = False
        self._forgot = forgot

    @classmethod
    def of(
        cls,
        recommender: Recommender,
        store: Store,
        forgot: Callable[[int, set[str]], None] = lambda offset, users: None,
    ) -> "LoadedVersion":
        """A version that is yet to read what a store holds beyond its training."""
        learned = recommender.bundle.store
        if learned is not None and learned.identity != store.identity:
            logger.warning(
                "%s has learned from another store than this one: what came to that one since, such as events, deleted "
                "items and forgotten users, is not known here",
                recommender.version,
            )
            learned = None
        return cls(recommender, store.identity, learned.offset if learned is not None else 0, forgot)

    def begin(self, log: str, offset: int = 0) -> None:
        """Follow a log from an offset. What is known from another log stays known."""
        self.log = log
        self.start = self.offset = offset
        self.items_offset = 0
        self.snapshot: SnapshotRecord | None = None
        self.looked_at = ""

    def prepare(self) -> None:
        """Load what reads texts; nothing once that is done. Where it fails, texts fail, and the log says why."""
        if self.is_prepared:
            return
        try:
            self.recommender.prepare_to_read()
        except Exception as error:
            trace = None if isinstance(error, RecsysError) else error
            logger.error("%s: texts cannot be read: %s", self.version, error, exc_info=trace)
        self.is_prepared = True

    def catch_up(self, store: Store) -> None:
        """Take all entries of the log that this version has not seen. One caller at a time."""
        while page := read_log(store, self.offset, PAGE):
            self.take(page)

    def take(self, page: Sequence[LogEntry]) -> None:
        """Observe the events, and forget the users, of a stretch of the log without gaps; what is known is skipped."""
        new = [entry for entry in page if entry[0] > self.offset]
        for forgotten, group in groupby(new, lambda entry: isinstance(entry[1], Forgotten)):
            entries = list(group)
            if forgotten:
                digests = digests_in(entry for _, entry in entries)
                self.recommender.forget(digests)
                self.missed = tuple(event for event in self.missed if user_digest(event.user_id) not in digests)
                self._forgot(entries[-1][0], digests)
            else:
                self._observe([entry for _, entry in entries if isinstance(entry, Event)])
            self.offset = entries[-1][0]  # what was observed is not observed again, whatever comes
        self.offset = max(self.offset, page[-1][0])

    def catch_up_items(self, store: Store, observing: threading.Lock) -> None:
        """Take in every change of an item that this version has not seen. One caller at a time."""
        while page := store.read_items(self.items_offset, PAGE):
            self.change_items([change for _, change in page], observing)
            self.items_offset = page[-1][0]

    def change_items(self, changes: list[ItemChange], observing: threading.Lock) -> None:
        """Take in changes of items, and events that have waited for one.

        Texts are encoded while answers and events go on; events wait only while the recommender is exchanged.
        """
        scoring = self._changed(self.recommender.scoring, changes)
        gone = {change.item_id for change in changes if change.content is None}
        with observing:
            self.recommender = self.recommender.with_scoring(scoring)
            self.withdrawn = (self.withdrawn - {change.item_id for change in changes}) | gone
            self._observe_waiting()

    def with_snapshot(self, events: LiveEvents, snapshot: SnapshotRecord) -> "LoadedVersion":
        """This version as far as a snapshot goes, with the items that it has now; the rest of the log is to come."""
        other = copy.copy(self)
        other.recommender = self.recommender.with_events(events)
        other.offset, other.missed = snapshot.offset, events.missed
        other.snapshot, other.looked_at = snapshot, snapshot.ids
        other._observe_waiting()  # an item may have come since the snapshot
        return other

    def adopt(self, other: "LoadedVersion") -> None:
        """Go over to the events of what `with_snapshot` gave."""
        self.recommender, self.offset, self.missed = other.recommender, other.offset, other.missed
        self.snapshot, self.looked_at = other.snapshot, other.looked_at

    def _changed(self, scoring: Scoring, changes: list[ItemChange]) -> Scoring:
        """The scoring after the changes, without those that this version cannot use."""

        def take(before: Scoring, some: Sequence[ItemChange]) -> Scoring:
            changed = before.updated(some)
            self.refused -= {change.item_id for change in some}
            return changed

        def refuse(change: ItemChange, error: DataError) -> None:
            logger.error("a stored change of an item is not used: %s", error)
            self.refused |= {change.item_id}

        return take_fitting(scoring, changes, take, refuse)

    def _observe_waiting(self) -> None:
        """Observe the events whose items have come."""
        waiting, items = self.missed, self.recommender.catalogue.vocabulary
        self.missed = tuple(event for event in waiting if event.item_id not in items)
        self._observe([event for event in waiting if event.item_id in items])

    def _observe(self, events: list[Event]) -> None:
        """Observe events; one that this version cannot use is left to the next training."""

        def take(_: None, some: Sequence[Event]) -> None:
            if self.recommender.observe_stored(some):  # some are of unknown items
                items = self.recommender.catalogue.vocabulary
                missed = (event for event in some if event.item_id not in items)
                self.missed = (*self.missed, *missed)[-MISSED:]

        def refuse(_: Event, error: DataError) -> None:
            logger.error("a stored event changes no list: %s (its message may hold ids)", type(error).__name__)

        take_fitting(None, events, take, refuse)


def has_same_item_numbers(served: LoadedVersion, events: LiveEvents) -> bool:
    """Whether a version and a snapshot of it give items the same numbers."""
    first, items = len(served.recommender.bundle.catalogue), served.recommender.catalogue.vocabulary
    numbers = range(first, min(events.n_items, len(items)))
    return [change.item_id for change in events.items] == items.ids(numbers)


def digests_in(entries: Iterable[Event | Forgotten]) -> set[str]:
    """Digests of the users whom these entries forget."""
    return {entry.user_digest for entry in entries if isinstance(entry, Forgotten)}
