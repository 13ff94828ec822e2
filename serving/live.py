"""The live state: the version that is served, kept up with the registry and with the store of events.

The store is the one way in: a posted event is appended first, then read back from the store in the order of its
offset, by the worker that took it as by every other. So each worker sees each event once, in the same order.
"""

import logging
import threading
from collections.abc import Callable
from http import HTTPStatus
from itertools import groupby

from recsys.config import parse_config
from recsys.data.events import Event
from recsys.data.forget import Forgotten
from recsys.data.item_changes import ItemChange
from recsys.data.pseudonyms import Pseudonyms
from recsys.errors import ConfigError, DataError, StoreError
from recsys.pipeline.recommend import Recommender
from recsys.pipeline.scoring import Scoring
from recsys.registry import Manifest, Registry
from recsys.store import Store, read_log
from serving.errors import ProblemError
from serving.metrics import Metrics
from serving.repeat import Repeat

logger = logging.getLogger("recsys.serving")

REGISTRY_SECONDS = 0.5
"""How often CURRENT is looked at."""

STORE_SECONDS = 0.05
"""How often events of other workers are asked for."""

PAGE = 10_000
"""Events read from the store at a time."""


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

    def catch_up(self, store: Store) -> None:
        """Observe all events, and forget all users, that this version has not seen. One caller at a time."""
        while page := read_log(store, self.offset, PAGE):
            for forgotten, entries in groupby((entry for _, entry in page), lambda entry: isinstance(entry, Forgotten)):
                if forgotten:
                    self.recommender.forget({entry.user_digest for entry in entries if isinstance(entry, Forgotten)})
                else:
                    self._observe([entry for entry in entries if isinstance(entry, Event)])
            self.offset = page[-1][0]

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
    """What the routes answer from. `start` loads the current version in the background."""

    def __init__(self, registry: Registry, store: Store, metrics: Metrics, *, pseudonymise: bool = False) -> None:
        self._registry = registry
        self._store = store
        self._metrics = metrics
        self._pseudonymise = pseudonymise
        self._served: Served | None = None
        self._seen_current: tuple[int, int] | None = None
        self._reloading = threading.Lock()
        self._updating = threading.Lock()
        self._observing = threading.Lock()
        self._store_answers = True
        self._repeats = (
            Repeat("registry", REGISTRY_SECONDS, self.refresh),
            Repeat("events", STORE_SECONDS, self.catch_up),
            Repeat("items", STORE_SECONDS, self.catch_up_items),
        )

    def start(self) -> None:
        """Begin to watch the registry and the store."""
        for repeat in self._repeats:
            repeat.start()

    def stop(self) -> None:
        """Stop watching, and wait until that is so."""
        for repeat in self._repeats:
            repeat.stop()

    @property
    def served(self) -> Served | None:
        """The version that answers; None while the first one is loading."""
        return self._served

    def serving(self) -> Served:
        """The version that answers.

        Raises:
            ProblemError: 503, none is loaded yet.
        """
        served = self._served
        if served is None:
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "no version is loaded yet; see /readyz")
        return served

    def recommender(self) -> Recommender:
        """The served recommender; a caller keeps it for the whole of one answer. Raises as `serving`."""
        return self.serving().recommender

    def catch_up(self) -> None:
        """Take in every event that is stored now; without an answer of the store, when it answers again."""
        with self._observing:
            served = self._served
            if served is not None:
                self._asking_store(lambda: served.catch_up(self._store))
                self._metrics.offset.set(served.offset)

    def catch_up_items(self) -> None:
        """Take in every change of an item that is stored now, likewise."""
        with self._updating:
            served = self._served
            if served is not None:
                self._asking_store(lambda: served.catch_up_items(self._store, self._observing))

    def refresh(self) -> None:
        """Load the current version if CURRENT has changed; what is served stays when that fails."""
        with self._reloading:
            stamp = self._stamp()
            if stamp == self._seen_current:
                return
            self._seen_current = stamp  # also when it is refused: the same damaged version is not tried again and again
            try:
                version = self._registry.resolve(None)
                if self._served is None or self._served.version != version:
                    self._swap(self._load(version))
            except Exception:
                self._metrics.refused.inc()
                kept = self._served.version if self._served else "nothing"
                logger.exception("the current version was refused; serving %s", kept)

    def _load(self, version: str) -> Served:
        manifest = self._registry.manifest(version)
        check_privacy(self._pseudonymise, manifest)
        mark = manifest.store
        offset = mark.offset if mark is not None and mark.identity == self._store.identity else 0
        return Served(Recommender.load(self._registry.path, version), offset)

    def _swap(self, new: Served) -> None:
        """Serve from the new version. The long replay goes on beside the old one's answers, the last bit in turn."""
        self._asking_store(lambda: self._replay(new, threading.Lock()))
        with self._updating, self._observing:
            self._asking_store(lambda: self._replay(new, threading.Lock()))
            self._served = new
        self._metrics.serve(new.version)
        logger.info("serving version %s", new.version)

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

    def _stamp(self) -> tuple[int, int] | None:
        """What changes when CURRENT is replaced."""
        try:
            status = self._registry.current_file.stat()
        except FileNotFoundError:
            return None
        return status.st_mtime_ns, status.st_ino
