"""Where blocks of work are done side by side: what every engine promises."""

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
"""What a process of a team says: how far it is, what went wrong, or, in a tuple, what came out."""


class Engine(Protocol):
    """Processes that each open once what they need, and then do one task after the other."""

    def run(
        self, open_: Callable[[], State], work: Callable[..., Result], tasks: Iterable[Task]
    ) -> Iterator[Result | None]:
        """Call `work(state, *task)` for every task in some process; results as they come, in any order.

        A None says that a process has opened its `state` and begins. Tasks are taken as processes become free, each
        after the result before it was handed over, so they may follow from results. All of `open_`, `work` and what
        goes through them must be known to the other processes.

        Raises:
            DataError: a process died, and the engine cannot go on without it.
            RecsysError: what `open_` or `work` raised.
        """
        ...

    def together(self, work: "Callable[[Team, Progress], Result]", progress: Progress, /) -> Result:
        """Call `work(team, progress)` in all processes at once, which `torch.distributed` has joined.

        Returns:
            What it gives in the first one, which alone is heard of on the way.

        Raises:
            DataError: a process died, and the engine cannot go on without it.
            RecsysError: what `work` raised.
        """
        ...

    def held(self) -> AbstractContextManager[None]:
        """Keeps what is slow to start from one call to the next."""
        ...


def one_thread() -> None:
    """Let this process compute in one thread: the others are for its neighbours."""
    os.environ["POLARS_MAX_THREADS"] = "1"
    threadpool_limits(1)


def take_part(work: "Callable[[Team, Progress], Any]", team: "Team", say: Callable[[Message], None]) -> None:
    """One process of a team: do the work, and say what is to be heard of it."""
    try:
        result = work(team, say if team.rank == 0 else lambda line: None)
    except RecsysError as error:
        say(error)
        raise
    if team.rank == 0:
        say((result,))
