"""Work off the event loop: some threads, a bounded queue, and a clear no when it is full."""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from queue import SimpleQueue
from typing import Any, TypeVar

from serving.errors import ProblemError

Result = TypeVar("Result")

logger = logging.getLogger("recsys.serving")

_LAST_SECONDS = 15.0
"""How long a server that stops waits for its last calls: longer than a store may take for one."""

_Call = tuple[Callable[[], Any], "asyncio.Future[Any]"]
_Inbox = SimpleQueue[_Call | None]
"""What one thread is given: a call, or None when it may go."""


class BoundedPool:
    """Threads for one kind of work. Used from one event loop.

    An executor of the standard library wakes the loop twice for each call and copies one future into another; threads
    that wait at one queue are all woken by a call, and take the interpreter from the one that makes it. Here a call is
    given to one thread, the one that has worked last.

    Args:
        under_way: called with the number of calls that run or wait.
    """

    def __init__(
        self, name: str, threads: int, queue: int, under_way: Callable[[int], None] = lambda calls: None
    ) -> None:
        self._report = under_way
        self._limit = threads + queue
        self._under_way = 0
        self._handing = threading.Lock()
        self._waiting: deque[_Call] = deque()
        self._inboxes: list[_Inbox] = [SimpleQueue() for _ in range(threads)]
        self._idle = [*self._inboxes]
        self._threads = [
            threading.Thread(target=self._work, args=(inbox,), name=f"{name}_{place}", daemon=True)
            for place, inbox in enumerate(self._inboxes)
        ]
        for thread in self._threads:
            thread.start()

    async def run(self, function: Callable[[], Result]) -> Result:
        """Call the function in a thread.

        Raises:
            ProblemError: 429, as many calls as the pool takes are running or waiting.
        """
        if self._under_way >= self._limit:
            raise ProblemError(HTTPStatus.TOO_MANY_REQUESTS, "the server is at its limit; try again in a moment")
        return await self._submit(function)

    def try_to(self, function: Callable[[], None]) -> None:
        """Call the function in a thread, if there is room; nobody waits for it, and its error is logged."""
        if self._under_way < self._limit:
            self._submit(function).add_done_callback(_log_error)

    def close(self) -> None:
        """Wait for what is running and waiting, but not for ever, and let the threads go."""
        for inbox in self._inboxes:
            inbox.put(None)
        end = time.monotonic() + _LAST_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        if any(thread.is_alive() for thread in self._threads):
            logger.error("a call did not end within %g s, the server stops without it", _LAST_SECONDS)

    def _submit(self, function: Callable[[], Result]) -> "asyncio.Future[Result]":
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._under_way += 1
        self._report(self._under_way)
        with self._handing:
            inbox = self._idle.pop() if self._idle else None
            if inbox is None:
                self._waiting.append((function, done))
        if inbox is not None:
            inbox.put((function, done))
        return done

    def _work(self, inbox: _Inbox) -> None:
        while (call := inbox.get()) is not None:
            while call is not None:
                self._make(*call)
                call = None  # it holds what it works with, such as a version that is not served any more
                with self._handing:
                    if self._waiting:
                        call = self._waiting.popleft()
                    else:
                        self._idle.append(inbox)

    def _make(self, function: Callable[[], Any], done: "asyncio.Future[Any]") -> None:
        result, error = None, None
        try:
            if not done.cancelled():  # otherwise whoever asked has gone while it waited
                result = function()
        except BaseException as raised:
            error = raised
        done.get_loop().call_soon_threadsafe(self._finish, done, result, error)

    def _finish(self, done: "asyncio.Future[Any]", result: Any, error: BaseException | None) -> None:
        """In the loop. A call counts until its thread is free, also when nobody waits for the result any more."""
        self._under_way -= 1
        self._report(self._under_way)
        if done.cancelled():
            return
        if error is None:
            done.set_result(result)
        else:
            done.set_exception(error)


def _log_error(call: "asyncio.Future[None]") -> None:
    if error := call.exception():
        logger.error("work that nobody waits for failed", exc_info=error)
