"""A thread that calls one function periodically until it is stopped."""

import logging
import threading
from collections.abc import Callable

logger = logging.getLogger("recsys.serving")


class PeriodicTask:
    """Calls `action` at once, then `pause()` seconds after it returned, or when it is woken.

    An error is logged and does not end it.
    """

    def __init__(self, name: str, pause: Callable[[], float], action: Callable[[], None]) -> None:
        self._pause = pause
        self._action = action
        self._stopping = False
        self._woken = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Have the next call made now."""
        self._woken.set()

    def stop(self) -> None:
        """Let the call under way finish, and end."""
        self._stopping = True
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping:
            try:
                self._action()
            except Exception:
                logger.exception("%s failed; it is tried again in %g s", self._thread.name, self._pause())
            self._woken.wait(self._pause())
            self._woken.clear()  # before `_stopping` is read again, so that a stop in between is not missed
