"""Work off the event loop: some threads, a bounded queue, and a clear no when it is full."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TypeVar

from serving.errors import ProblemError

Result = TypeVar("Result")


class BoundedPool:
    """Threads for one kind of work. Used from one event loop."""

    def __init__(self, name: str, threads: int, queue: int) -> None:
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
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, function)
        finally:
            self._under_way -= 1

    def close(self) -> None:
        """Wait for what is running and let the threads go."""
        self._executor.shutdown()
