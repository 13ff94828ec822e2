"""The live state: the versions that are served, kept up with the registry and with the store of events.

The store is the one way in: a posted event is appended first, then read back from the store in the order of its
offset, by the worker that took it as by every other. So each worker sees each event once, in the same order. Where
servers share a tail, the others get from there what one has read.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from http import HTTPStatus
from itertools import groupby

from recsys.config import VariantConfig, parse_config
from recsys.data.events import Event
from recsys.data.forget import Forgotten
from recsys.data.item_changes import ItemChange
from recsys.data.pseudonyms import Pseudonyms
from recsys.data.requests import Request
from recsys.errors import ConfigError, DataError, StoreError
from recsys.pipeline.recommend import Recommender
from recsys.pipeline.scoring import Scoring
from recsys.registry import Manifest, Registry
from recsys.store import Store, read_log
from recsys.store.tail import Entry, SharedTail
from serving.errors import ProblemError
from serving.metrics import Metrics
from serving.repeat import Repeat
from serving.variants import assigned, shadows

logger = logging.getLogger("recsys.serving")

REGISTRY_SECONDS = 0.5
"""How often CURRENT is looked at."""

STORE_SECONDS = 0.05
"""How often events of other workers are asked for."""

SHARED_SECONDS = 0.2
"""The same, while the others tell them through a shared tail."""

TOLD = 2_000
"""Most entries that are told at once: more are a replay, which others read for themselves."""

PAGE = 10_000
"""Events read from the store at a time."""


LATE = 60 * 1_000_000
"""Microseconds after which an event was posted late: that is no lag of ours."""


class Served:
    """One loaded version and how far into the store it has read.

    Attributes:
        recommender: another one each time items change; a caller keeps one for the whole of an answer.
        offset: of the newest event that it has seen.
        items_offset: of the newest change of an item that it has seen.
        withdrawn: ids of items that were deleted.
    """

    def __init__(self, recommender: Recommender, offset: int) -> None:
        self.recommender = recommender
        self.version = recommender.version
        self.offset = offset
        self.items_offset = 0
        self.withdrawn: frozenset[str] = frozenset()
        self._prepared = False

    def prepare(self) -> None:
        """Load what reads texts; nothing once that is done."""
        if not self._prepared:
            self._prepared = True
            self.recommender.prepare_to_read()

    def catch_up(self, store: Store) -> None:
        """Take all entries of the log that this version has not seen. One caller at a time."""
        while page := read_log(store, self.offset, PAGE):
            self.take(page)

    def take(self, page: Sequence[Entry]) -> None:
        """Observe the events, and forget the users, of a stretch of the log without gaps; what is known is skipped."""
        new = [entry for offset, entry in page if offset > self.offset]
        for forgotten, entries in groupby(new, lambda entry: isinstance(entry, Forgotten)):
            if forgotten:
                self.recommender.forget(digests_in(entries))
            else:
                self._observe([entry for entry in entries if isinstance(entry, Event)])
        self.offset = max(self.offset, page[-1][0])

    def catch_up_items(self, store: Store, observing: threading.Lock) -> None:
        """Take in every change of an item that this version has not seen. One caller at a time.

        Texts are encoded beside the answers and the events; events wait only while the recommender is exchanged.
        """
        while page := store.read_items(self.items_offset, PAGE):
            changes = [change for _, change in page]
            scoring = self._changed(self.recommender.scoring, changes)
            gone = {change.item_id for change in changes if change.content is None}
            with observing:
                self.recommender = self.recommender.over(scoring)
                self.withdrawn = (self.withdrawn - {change.item_id for change in changes}) | gone
            self.items_offset = page[-1][0]

    def _changed(self, scoring: Scoring, changes: list[ItemChange]) -> Scoring:
        """The scoring after the changes; one that this version cannot use is found by halving, and left out."""
        try:
            return scoring.updated(changes)
        except DataError as error:
            if len(changes) == 1:
                logger.error("a stored item is in no list: %s", error)
                return scoring
            half = len(changes) // 2
            return self._changed(self._changed(scoring, changes[:half]), changes[half:])

    def _observe(self, events: list[Event]) -> None:
        """Observe events; one that this version cannot use is found by halving, and left to the next training."""
        try:
            self.recommender.observe(events)
        except DataError as error:
            if len(events) == 1:
                logger.error("a stored event changes no list: %s (its message may hold ids)", type(error).__name__)
                return
            half = len(events) // 2
            self._observe(events[:half])
            self._observe(events[half:])


def digests_in(entries: Iterable[Event | Forgotten]) -> set[str]:
    """Of the users that the entries forget."""
    return {entry.user_digest for entry in entries if isinstance(entry, Forgotten)}


def check_privacy(pseudonymise: bool, manifest: Manifest) -> None:
    """Refuse a version that would have user ids stored as they are, where pseudonyms are asked for.

    Raises:
        ConfigError: the version was trained on user ids; or on pseudonyms, and the environment has no key.
    """
    trained = parse_config(dict(manifest.config)).privacy
    if pseudonymise and not trained.pseudonymise:
        raise ConfigError(
            f"privacy.pseudonymise = true, but version {manifest.version} was trained on user ids; "
            "train again with it, or set it to false"
        )
    Pseudonyms.of_config(trained)


class LiveState:
    """What the routes answer from. `start` loads the versions in the background.

    Args:
        variants: which versions answer side by side; the first is what everything but lists is answered from.
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
        self._registry = registry
        self._store = store
        self._metrics = metrics
        self._variants = tuple(variants)
        self._pseudonymise = pseudonymise
        self._reads_texts = reads_texts
        self._forget = forget
        self._tail = tail
        self._answering: Mapping[str, Served] = {}
        self._seen: object = None
        self._reloading = threading.Lock()
        self._updating = threading.Lock()
        self._observing = threading.Lock()
        self._store_answers = True
        self._events = Repeat("events", self._store_seconds, self.catch_up)
        self._items = Repeat("items", self._store_seconds, self.catch_up_items)
        self._repeats = (Repeat("registry", lambda: REGISTRY_SECONDS, self._watch), self._events, self._items)

    def start(self) -> None:
        """Begin to watch the registry and the store."""
        for repeat in self._repeats:
            repeat.start()
        if self._tail is not None:
            self._tail.start(self._heard, self._items.wake)

    def stop(self) -> None:
        """Stop watching, and wait until that is so."""
        if self._tail is not None:
            self._tail.close()
        for repeat in self._repeats:
            repeat.stop()

    @property
    def served(self) -> Served | None:
        """The version of the first variant; None while it is loading."""
        return self._answering.get(self._variants[0].name)

    def serving(self) -> Served:
        """The version of the first variant.

        Raises:
            ProblemError: 503, none is loaded yet.
        """
        served = self.served
        if served is None:
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "no version is loaded yet; see /readyz")
        return served

    def answering(self, unit: str) -> tuple[str, Served]:
        """The variant that answers a user, or whatever else is to stay with one, and its version.

        The first variant stands in for one whose version cannot be loaded. Raises as `serving`.
        """
        name = assigned(self._variants, unit).name
        served = self._answering.get(name)
        return (self._variants[0].name, self.serving()) if served is None else (name, served)

    def shadowing(self, answering: str, request_id: str) -> list[tuple[str, Served]]:
        """The variants that make this list as well, unseen, and their versions."""
        chosen = [variant.name for variant in shadows(self._variants, answering, request_id)]
        return [(name, served) for name in chosen if (served := self._answering.get(name)) is not None]

    def recommender(self) -> Recommender:
        """The served recommender; a caller keeps it for the whole of one answer. Raises as `serving`."""
        return self.serving().recommender

    def catch_up(self) -> None:
        """Take in every event that is stored now; without an answer of the store, when it answers again."""
        with self._observing:
            self._asking_store(self._read_log)
            self._note_offset()

    def catch_up_items(self) -> None:
        """Take in every change of an item that is stored now, likewise."""
        with self._updating:
            before = [served.items_offset for served in self._versions()]
            for served in self._versions():
                self._asking_store(lambda served=served: served.catch_up_items(self._store, self._observing))  # type: ignore[misc]
            changed = before != [served.items_offset for served in self._versions()]
        if changed and self._tail is not None:
            self._tail.tell_items_changed()

    def refresh(self) -> None:
        """Load what the variants name, if the registry has changed; what is served stays when that fails."""
        with self._reloading:
            stamp = self._stamp()
            if stamp == self._seen:
                return
            self._seen = stamp  # also when it is refused: the same damaged version is not tried again and again
            for variant in self._variants:
                before = self._answering.get(variant.name)
                try:
                    version = self._wanted(variant)
                    if before is None or before.version != version:
                        self._swap(variant.name, self.at_hand(version) or self._load(version))
                except Exception:
                    self._metrics.refused.inc()
                    kept = before.version if before else "nothing"
                    logger.exception("%s: the version was refused; serving %s", variant.name, kept)

    def _watch(self) -> None:
        self.refresh()
        for served in self._versions() if self._reads_texts else []:
            served.prepare()

    def _wanted(self, variant: VariantConfig) -> str:
        if variant.version == "current":
            return self._registry.resolve(None)
        versions = self._registry.versions()
        if variant.version == "newest" and versions:
            return versions[-1]
        return self._registry.resolve(variant.version)

    def at_hand(self, version: str) -> Served | None:
        """A version that answers already; None where it does not."""
        return next((served for served in self._versions() if served.version == version), None)

    def _versions(self) -> list[Served]:
        """Each served version once."""
        return list({id(served): served for served in self._answering.values()}.values())

    def _read_log(self) -> None:
        """Have all versions take what the store has and they have not; tell the others."""
        versions = self._versions()
        while versions:
            after = min(served.offset for served in versions)
            page = read_log(self._store, after, PAGE)
            if not page:
                return
            self._take(page)
            if self._tail is not None and len(page) <= TOLD:
                self._tail.tell(after, page)

    def _heard(self, after: int, page: list[Entry]) -> None:
        """Take what another server has read, or read the store where that leaves a gap."""
        with self._observing:
            if all(served.offset >= after for served in self._versions()):
                self._take(page)
                self._note_offset()
                return
        self._events.wake()

    def _take(self, page: Sequence[Entry]) -> None:
        for served in self._versions():
            served.take(page)
        self._note_lag(page)
        if digests := digests_in(entry for _, entry in page):
            self._forget(digests)

    def _note_offset(self) -> None:
        if self._answering:
            self._metrics.offset.set(min(served.offset for served in self._answering.values()))

    def _note_lag(self, page: Sequence[Entry]) -> None:
        """How long new events took to come here; what is replayed or was posted late says nothing."""
        now = time.time_ns() // 1_000
        for _, entry in page:
            if isinstance(entry, Event) and 0 <= now - entry.timestamp < LATE:
                self._metrics.lag.observe((now - entry.timestamp) / 1e6)

    def _store_seconds(self) -> float:
        return SHARED_SECONDS if self._tail is not None and self._tail.hears else STORE_SECONDS

    def load(self, version: str) -> Served:
        """Another version, which knows what the served one knows of stored events and items.

        Raises:
            BundleError: there is no such version, or it is damaged.
            ConfigError: it knows users by their ids, where pseudonyms are asked for.
        """
        other = self._load(version)
        self.follow(other)
        return other

    def follow(self, other: Served) -> None:
        """Have a version from `load` take in what was stored since. One caller at a time."""
        self._asking_store(lambda: self._replay(other, threading.Lock()))

    def _load(self, version: str) -> Served:
        manifest = self._registry.manifest(version)
        check_privacy(self._pseudonymise, manifest)
        mark = manifest.store
        offset = mark.offset if mark is not None and mark.identity == self._store.identity else 0
        recommender = Recommender.load(self._registry.path, version)
        recommender.recommend(Request(n=1))  # compiled loops are there before anyone waits for them
        return Served(recommender, offset)

    def _swap(self, variant: str, new: Served) -> None:
        """Serve from the new version. The long replay goes on beside the old one's answers, the last bit in turn.

        The old one is gone when the last list from it is made: nothing else holds it.
        """
        if self.at_hand(new.version) is not new:
            self._asking_store(lambda: self._replay(new, threading.Lock()))
        with self._updating, self._observing:
            self._asking_store(lambda: self._replay(new, threading.Lock()))
            self._answering = {**self._answering, variant: new}
        self._metrics.serve({name: served.version for name, served in self._answering.items()})
        logger.info("%s serves version %s", variant, new.version)

    def _replay(self, new: Served, nobody_else: threading.Lock) -> None:
        """Items first: events may be of new ones."""
        new.catch_up_items(self._store, nobody_else)
        new.catch_up(self._store)

    def _asking_store(self, action: Callable[[], None]) -> None:
        """Lists go on without the store: what it holds is read when it answers again."""
        try:
            action()
        except StoreError as error:
            if self._store_answers:
                logger.error("the event store does not answer, lists go on without it: %s", error)
            self._store_answers = False
        else:
            if not self._store_answers:
                logger.warning("the event store answers again")
            self._store_answers = True
        self._metrics.store_up.set(self._store_answers)

    def _stamp(self) -> object:
        """What changes when CURRENT is replaced, or, with several variants, a version is published."""
        versions = self._registry.versions() if len(self._variants) > 1 else []
        try:
            status = self._registry.current_file.stat()
        except FileNotFoundError:
            return versions
        return status.st_mtime_ns, status.st_ino, versions
