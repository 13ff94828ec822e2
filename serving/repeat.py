"""A thread that does one thing again and again until it is stopped."""

import logging
import threading
from collections.abc import Callable

logger = logging.getLogger("recsys.serving")


class Repeat:
    """Calls `action` at once, then every `seconds` after it returned. An error is logged and does not end it."""

    def __init__(self, name: str, seconds: float, action: Callable[[], None]) -> None:
        self._seconds = seconds
        self._action = action
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Let the call under way finish, and end."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while True:
            try:
                self._action()
            except Exception:
                logger.exception("%s failed; it is tried again in %g s", self._thread.name, self._seconds)
            if self._stopping.wait(self._seconds):
                return
