"""Work off the event loop: some threads, a bounded queue, and a clear no when it is full."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from http import HTTPStatus
from typing import TypeVar

from serving.errors import ProblemError

Result = TypeVar("Result")

logger = logging.getLogger("recsys.serving")


class BoundedPool:
    """Threads for one kind of work. Used from one event loop.

    Args:
        under_way: is told how many calls run or wait.
    """

    def __init__(
        self, name: str, threads: int, queue: int, under_way: Callable[[int], None] = lambda calls: None
    ) -> None:
        self._tell = under_way
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._limit = threads + queue
        self._under_way = 0

    async def run(self, function: Callable[[], Result]) -> Result:
        """Call the function in a thread.

        Raises:
            ProblemError: 429, as many calls as the pool takes are running or waiting.
        """
        if self._under_way >= self._limit:
            raise ProblemError(HTTPStatus.TOO_MANY_REQUESTS, "the server is at its limit; try again in a moment")
        return await asyncio.wrap_future(self._submit(function))

    def try_to(self, function: Callable[[], None]) -> None:
        """Call the function in a thread, if there is room; nobody waits for it, and its error is logged."""
        if self._under_way < self._limit:
            self._submit(function).add_done_callback(_log_error)

    def _submit(self, function: Callable[[], Result]) -> "Future[Result]":
        self._under_way += 1
        self._tell(self._under_way)
        loop, call = asyncio.get_running_loop(), self._executor.submit(function)
        # Counted until the thread is free, also when nobody waits for the result any more.
        call.add_done_callback(lambda _: loop.call_soon_threadsafe(self._free_one))
        return call

    def _free_one(self) -> None:
        self._under_way -= 1
        self._tell(self._under_way)

    def close(self) -> None:
        """Wait for what is running and let the threads go."""
        self._executor.shutdown()


def _log_error(call: "Future[None]") -> None:
    if error := call.exception():
        logger.error("work that nobody waits for failed", exc_info=error)
