"""The engine of one machine: processes that share what they map from files."""

import multiprocessing
import pickle
import signal
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from itertools import chain, islice
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING, Any

from recsys.errors import DataError, RecsysError
from recsys.pipeline.engines.engine import Message, Result, State, Task, one_thread, take_part
from recsys.progress import Progress

if TYPE_CHECKING:
    from recsys.text.team import Team


@dataclass(frozen=True)
class Processes:
    """An `Engine` of `n` processes, or as many as there are tasks. None is started again: a run that lost one ends."""

    n: int

    def run(
        self, open_: Callable[[], State], work: Callable[..., Result], tasks: Iterable[Task]
    ) -> Iterator[Result | None]:
        """See `Engine.run`."""
        context = multiprocessing.get_context("spawn")  # a fork would inherit the locks of other libraries' threads
        coming, busy, processes = iter(tasks), set[Connection](), []
        first = [*islice(coming, self.n)]
        coming = chain(first, coming)
        try:
            for _ in first:
                ours, theirs = context.Pipe()
                processes.append(context.Process(target=_serve, args=(open_, work, theirs), daemon=True))
                _start(processes[-1])
                theirs.close()
                busy.add(ours)
            while busy:
                for connection in wait(list(busy)):
                    assert isinstance(connection, Connection)
                    yield _received(connection)
                    task = next(coming, None)
                    if task is None:
                        busy.remove(connection)
                        connection.close()
                        continue
                    try:
                        connection.send(task)
                    except ConnectionError as error:
                        raise DataError(_DIED) from error
        finally:
            for connection in busy:
                connection.close()
            for process in processes:
                process.terminate()
                process.join()

    def together(self, work: "Callable[[Team, Progress], Result]", progress: Progress, /) -> Result:
        """See `Engine.together`."""
        context, team = multiprocessing.get_context("spawn"), dict[Connection, BaseProcess]()
        # As multiprocessing does it, but for weights: torch has processes share those, and each is to change its own.
        content = pickle.dumps(work)
        with tempfile.TemporaryDirectory() as folder:
            try:
                for rank in range(self.n):
                    ours, theirs = context.Pipe(duplex=False)
                    arguments = (content, rank, self.n, f"file://{folder}/team", theirs)
                    team[ours] = context.Process(target=_take_part, args=arguments, daemon=True)
                    _start(team[ours])
                    theirs.close()
                first, *_ = speaking = list(team)
                while True:
                    for connection in wait(speaking):
                        assert isinstance(connection, Connection)
                        message = _received(connection, None if connection is first else team[connection])
                        if message is None:  # another one's part is done before the first one's result is here
                            speaking.remove(connection)
                            continue
                        if isinstance(message, bytes):
                            result: Result = pickle.loads(message)  # noqa: S301  (of our own process)
                            return result
                        progress(message)
            finally:
                for process in team.values():
                    process.terminate()
                    process.join()

    def held(self) -> AbstractContextManager[None]:
        """Nothing: see `Engine.held`."""
        return nullcontext()


_DIED = "a worker process died; run again to go on from what it left (rank: with --resume)"


def _start(process: BaseProcess) -> None:
    """Start a process that an interrupt from the terminal does not reach, because this process ends it."""
    if threading.current_thread() is not threading.main_thread():  # only that one may set signal handlers
        process.start()
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process.start()
    finally:
        signal.signal(signal.SIGINT, before)


def _received(connection: Connection, helper: BaseProcess | None = None) -> Any:
    """The next message of a process; None from a helper that has ended as it should.

    Raises:
        RecsysError: the one that the process reports. DataError: the process died.
    """
    try:
        result = connection.recv()
    except (EOFError, ConnectionError) as error:
        if helper is not None:
            helper.join()
            if helper.exitcode == 0:
                return None
        raise DataError(_DIED) from error
    if isinstance(result, RecsysError):
        raise result
    return result


def _serve(open_: Callable[[], Any], work: Callable[..., Any], connection: Connection) -> None:
    """A worker: do what comes until the parent closes its end or is gone."""
    try:
        one_thread()
        state = open_()
        connection.send(None)
        while True:
            connection.send(work(state, *connection.recv()))
    except RecsysError as error:
        connection.send(error)
    except (EOFError, ConnectionError):
        return


def _take_part(content: bytes, rank: int, size: int, meeting: str, connection: Connection) -> None:
    """A process of a team."""
    from recsys.text.team import joined  # torch, which ranking does without

    def say(message: Message) -> None:
        connection.send(pickle.dumps(message[0]) if isinstance(message, tuple) else message)

    one_thread()
    with suppress(RecsysError), joined(rank, size, meeting) as team:  # an error has been said
        take_part(pickle.loads(content), team, say)  # noqa: S301  (of our own process)
