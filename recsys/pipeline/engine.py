"""Where blocks of work are done side by side: what every engine promises."""

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TypeVar

from threadpoolctl import threadpool_limits

State = TypeVar("State")
Result = TypeVar("Result")
Task = tuple[Any, ...]


class Engine(Protocol):
    """Processes that each open once what they need, and then do one task after the other."""

    def run(
        self, open_: Callable[[], State], work: Callable[..., Result], tasks: Iterable[Task]
    ) -> Iterator[Result | None]:
        """Call `work(state, *task)` for every task in some process; results as they come, in any order.

        A None says that a process has opened its `state` and begins. Tasks are taken as processes become free, so they
        may be made on the way. All of `open_`, `work` and what goes through them must be known to the other processes.

        Raises:
            DataError: a process died, and the engine cannot go on without it.
            RecsysError: what `open_` or `work` raised.
        """
        ...


def one_thread() -> None:
    """Let this process compute in one thread: the others are for its neighbours."""
    os.environ["POLARS_MAX_THREADS"] = "1"
    threadpool_limits(1)
