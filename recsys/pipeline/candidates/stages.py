"""The stages of one block of requests: how long each took, what was left out, and until when one may begin."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")

logger = logging.getLogger("recsys.pipeline")


class Stages:
    """Times the stages. None is left out, and errors are raised: for training, evaluation and batches.

    Attributes:
        seconds: of each stage, in the order in which they began.
        left_out: stages that came too late, or failed.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.left_out: list[str] = []

    def run(self, name: str, action: Callable[[], Result]) -> Result:
        """Run a stage that no list can do without."""
        started = time.perf_counter()
        try:
            return action()
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started

    def attempt(self, name: str, within: float, action: Callable[[], Result]) -> Result | None:
        """Run a stage that a list can do without; None when it is left out.

        Args:
            within: share of the time allowed for the list, after which the stage is not begun.
        """
        return action()


class LiveStages(Stages):
    """Times the stages, and leaves out what comes too late or fails: a caller waits.

    Args:
        allowed: seconds from now for the whole.
    """

    def __init__(self, allowed: float) -> None:
        super().__init__()
        self._allowed = allowed
        self._started = time.perf_counter()

    def attempt(self, name: str, within: float, action: Callable[[], Result]) -> Result | None:
        """See `Stages.attempt`; an error is logged."""
        if time.perf_counter() - self._started > within * self._allowed:
            self._leave_out(name)
            return None
        try:
            return action()
        except Exception:
            logger.exception("a list is made without %s", name)
            self._leave_out(name)
            return None

    def _leave_out(self, name: str) -> None:
        """Note it once, however often it was to run."""
        if name not in self.left_out:
            self.left_out.append(name)
