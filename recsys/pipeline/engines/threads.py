"""Work side by side in threads of this process: for work that leaves the interpreter to others, as LightGBM's does."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

from threadpoolctl import threadpool_info, threadpool_limits

from recsys.pipeline.engines.engine import Result, Task

Entry = TypeVar("Entry")

_A_WHILE = 0.2
"""Seconds of one wait. Polars handles Ctrl-C in a way that lets a wait go on; it is heard between two."""


def usable_cores() -> int:
    """Threads that OpenMP would start here: one a core, unless `OMP_NUM_THREADS` or this program says less."""
    return max((pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "openmp"), default=1)


def in_threads(work: Callable[..., Result], tasks: Sequence[Task], n: int) -> Iterator[Result]:
    """Call `work(*task)` for every task, `n` at a time, which share the cores; results as they come, in any order.

    Threads with a task each keep the cores busier than one task after the other, whose every loop is split among all
    cores.

    Raises:
        BaseException: what `work` raised first. Tasks that have not begun are left undone.
    """
    waiting, done = SimpleQueue[Task](), SimpleQueue[tuple[Result] | BaseException]()
    for task in tasks:
        waiting.put(task)
    share = max(1, usable_cores() // n)

    def work_on() -> None:
        threadpool_limits(share, user_api="openmp")  # of this thread alone, which ends here
        with suppress(Empty):
            while True:
                task = waiting.get_nowait()
                try:
                    done.put((work(*task),))
                except BaseException as error:  # whatever it is: else nobody would hear of it, and all would wait
                    done.put(error)

    with threadpool_limits(share, user_api="blas"):
        try:
            for _ in range(min(n, len(tasks))):
                Thread(target=work_on, daemon=True).start()  # an interrupted program does not wait for it
            for _ in tasks:
                found = _next_of(done)
                if isinstance(found, BaseException):
                    raise found
                yield found[0]
        finally:
            with suppress(Empty):
                while True:
                    waiting.get_nowait()


def _next_of(queue: SimpleQueue[Entry]) -> Entry:
    """The next entry, once there is one."""
    while True:
        with suppress(Empty):
            return queue.get(timeout=_A_WHILE)
