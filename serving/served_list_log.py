"""The log of answered lists, which says in which list the item of a later event was shown."""

import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Collection

from recsys.data.requests.served_list import ServedList
from recsys.data.users.forget import user_digest
from recsys.errors import StoreError
from recsys.store import Store
from serving.watching.metrics import Metrics

logger = logging.getLogger("recsys.serving")

WAITING = 20_000
"""Most lists that wait to be stored; while the store is down the oldest are lost, and counted."""

REMEMBERED = 20_000
"""Newest lists of this worker that are found without asking the store."""


class ServedListLog:
    """Keeps lists in the store a moment after they were answered, so that no answer waits for the disk.

    Args:
        seconds: how long lists are kept; 0 keeps none.
    """

    def __init__(self, store: Store, metrics: Metrics, seconds: int) -> None:
        self._store = store
        self._metrics = metrics
        self._seconds = seconds
        self._lock = threading.Lock()
        self._waiting: deque[ServedList] = deque()
        self._failing = False
        self._recent: OrderedDict[str, ServedList] = OrderedDict()

    def note(self, served: ServedList) -> None:
        """A list was answered, or made in the shadow."""
        if not self._seconds:
            return
        with self._lock:
            self._waiting.append(served)
            self._trim()
            if served.shown:
                self._recent[served.request_id] = served
                if len(self._recent) > REMEMBERED:
                    self._recent.popitem(last=False)

    def flush(self) -> None:
        """Store what waits; it goes on waiting while the store does not answer."""
        with self._lock:
            batch, self._waiting = list(self._waiting), deque()
        if not batch:
            return
        try:
            self._store.keep_lists(batch, self._seconds)
        except StoreError as error:
            with self._lock:
                self._waiting.extendleft(reversed(batch))
                self._trim()
            if not self._failing:
                logger.error("answered lists wait to be stored: %s", error)
            self._failing = True
        except Exception:  # a fault of ours: trying the same again would not help
            self._metrics.lists_lost.inc(len(batch))
            raise
        else:
            self._failing = False

    def _trim(self) -> None:
        while len(self._waiting) > WAITING:
            self._waiting.popleft()
            self._metrics.lists_lost.inc()

    def find(self, request_ids: Collection[str]) -> dict[str, ServedList]:
        """The lists of these requests; unknown ones are left out.

        Raises:
            StoreError: the store cannot be asked.
        """
        if not request_ids or not self._seconds:
            return {}
        with self._lock:
            found = {id_: self._recent[id_] for id_ in request_ids if id_ in self._recent}
        missing = [id_ for id_ in request_ids if id_ not in found]
        self._metrics.cache.labels("answered lists", "hit").inc(len(found))
        self._metrics.cache.labels("answered lists", "miss").inc(len(missing))
        return {**found, **self._store.lists(missing)} if missing else found

    def forget(self, digests: Collection[str]) -> None:
        """Drop users' lists that are not stored yet, or are still remembered.

        Args:
            digests: `user_digest` of their ids.
        """
        with self._lock:
            self._waiting = deque(served for served in self._waiting if not _is_of(served, digests))
            for id_ in [id_ for id_, served in self._recent.items() if _is_of(served, digests)]:
                del self._recent[id_]


def _is_of(served: ServedList, digests: Collection[str]) -> bool:
    return served.user_id is not None and user_digest(served.user_id) in digests
