"""The live state: the version that is served, kept up with the registry and with the store of events.

The store is the one way in: a posted event is appended first, then read back from the store in the order of its
offset, by the worker that took it as by every other. So each worker sees each event once, in the same order.
"""

import logging
import threading
from collections.abc import Callable
from http import HTTPStatus

from recsys.data.events import Event
from recsys.errors import DataError, StoreError
from recsys.pipeline.recommend import Recommender
from recsys.registry import Registry
from recsys.store import EventLog
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
    """One loaded version and how far into the store it has read."""

    def __init__(self, recommender: Recommender, offset: int) -> None:
        self.recommender = recommender
        self.version = recommender.version
        self.offset = offset

    def catch_up(self, store: EventLog) -> None:
        """Observe every stored event that this version has not seen. One caller at a time."""
        while page := store.read(self.offset, PAGE):
            self._observe([event for _, event in page])
            self.offset = page[-1][0]

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


class LiveState:
    """What the routes answer from. `start` loads the current version in the background."""

    def __init__(self, registry: Registry, store: EventLog, metrics: Metrics) -> None:
        self._registry = registry
        self._store = store
        self._metrics = metrics
        self._served: Served | None = None
        self._seen_current: tuple[int, int] | None = None
        self._reloading = threading.Lock()
        self._observing = threading.Lock()
        self._store_answers = True
        self._repeats = (
            Repeat("registry", REGISTRY_SECONDS, self.refresh),
            Repeat("events", STORE_SECONDS, self.catch_up),
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

    def recommender(self) -> Recommender:
        """The served recommender; a caller keeps it for the whole of one answer.

        Raises:
            ProblemError: 503, none is loaded yet.
        """
        served = self._served
        if served is None:
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "no version is loaded yet; see /readyz")
        return served.recommender

    def catch_up(self) -> None:
        """Take in every event that is stored now; without an answer of the store, when it answers again."""
        with self._observing:
            served = self._served
            if served is not None:
                self._asking_store(lambda: served.catch_up(self._store))
                self._metrics.offset.set(served.offset)

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
        mark = self._registry.manifest(version).store
        offset = mark.offset if mark is not None and mark.identity == self._store.identity else 0
        return Served(Recommender.load(self._registry.path, version), offset)

    def _swap(self, new: Served) -> None:
        """Serve from the new version. The long replay goes on beside the old one's answers, the last bit in turn."""
        self._asking_store(lambda: new.catch_up(self._store))
        with self._observing:
            self._asking_store(lambda: new.catch_up(self._store))
            self._served = new
        self._metrics.serve(new.version)
        logger.info("serving version %s", new.version)

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
