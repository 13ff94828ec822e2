"""What every engine promises: blocks of work are done side by side."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from threadpoolctl import threadpool_limits

from recsys.errors import RecsysError
from recsys.progress import Progress

if TYPE_CHECKING:  # it needs torch, which ranking in other processes does not
    from recsys.text.team import Team

State = TypeVar("State")
Result = TypeVar("Result")
Task = tuple[Any, ...]
Message = str | RecsysError | tuple[Any]
"""What a process of a team reports: its progress, an error, or, in a tuple, its result."""


class Engine(Protocol):
    """Processes that each open once what they need, and then do one task after the other."""

    def run(
        self, open_: Callable[[], State], work: Callable[..., Result], tasks: Iterable[Task]
    ) -> Iterator[Result | None]:
        """Call `work(state, *task)` for every task in some process; results as they come, in any order.

        A None says that a process has opened its `state` and begins. A task is taken when a process becomes free, after
        the results so far were handed over, so tasks may depend on results. `open_`, `work`, and what they take and
        return must be importable in the other processes.

        Raises:
            DataError: a process died, and the engine cannot go on without it.
            RecsysError: what `open_` or `work` raised.
        """
        ...

    def together(self, work: "Callable[[Team, Progress], Result]", progress: Progress, /) -> Result:
        """Call `work(team, progress)` in all processes at once, which `torch.distributed` has joined.

        Returns:
            The result of the first process, whose progress is the only one that is reported.

        Raises:
            DataError: a process died, and the engine cannot go on without it.
            RecsysError: what `work` raised.
        """
        ...

    def held(self) -> AbstractContextManager[None]:
        """Keeps what is slow to start from one call to the next."""
        ...


def one_thread() -> None:
    """Let this process compute in one thread: the other cores are for its neighbours."""
    os.environ["POLARS_MAX_THREADS"] = "1"
    threadpool_limits(1)


def take_part(work: "Callable[[Team, Progress], Any]", team: "Team", say: Callable[[Message], None]) -> None:
    """Do the work as one process of a team, and report progress, errors and result by `say`."""
    try:
        result = work(team, say if team.rank == 0 else lambda line: None)
    except RecsysError as error:
        say(error)
        raise
    if team.rank == 0:
        say((result,))
