"""A circuit breaker (Nygard, Release It!, 2007) before a database: nobody waits a second time for a silent one."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from recsys.errors import StoreError

PAUSE_SECONDS = 1.0
"""After a call without an answer, how long nobody asks: those who wait for each other's calls would add up theirs."""


class CircuitBreaker:
    """Fails calls at once while a server is silent: frozen, unplugged, held by another. One call at a time goes on
    asking it.

    Safe to use from many threads.

    Args:
        name: of the server, in messages.
        remedy: what to check, in messages.
        late: what the library raises where the server has not answered in time.
    """

    def __init__(self, name: str, remedy: str, late: type[Exception]) -> None:
        self._message = f"{name} does not answer; {remedy}"
        self._late = late
        self._silent_since: float | None = None
        self._asking = threading.Lock()

    def trip(self) -> None:
        """The server has not answered in time."""
        self._silent_since = time.monotonic()

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Around what may wait for the server.

        Raises:
            StoreError: it is silent, and another call is asking it, or has asked a moment ago.
        """
        if self._silent_since is None:
            with self._noted():
                yield
        elif self._asking.acquire(blocking=False):
            try:
                self._check_pause()
                with self._noted():
                    yield
            finally:
                self._asking.release()
        else:
            raise StoreError(self._message)

    @contextmanager
    def _noted(self) -> Iterator[None]:
        try:
            yield
        except self._late:
            self.trip()
            raise
        except BaseException:  # it has answered, if not what was hoped for
            self._silent_since = None
            raise
        else:
            self._silent_since = None

    def _check_pause(self) -> None:
        since = self._silent_since
        if since is not None and time.monotonic() < since + PAUSE_SECONDS:
            raise StoreError(self._message)
