"""The engine of one machine: processes that share what they map from files."""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from multiprocessing.connection import Connection, wait
from typing import Any

from recsys.errors import DataError, RecsysError
from recsys.pipeline.engine import Result, State, Task, one_thread


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
                processes[-1].start()
                theirs.close()
                busy.add(ours)
            while busy:
                for connection in wait(list(busy)):
                    assert isinstance(connection, Connection)
                    result = _received(connection)
                    further = [*islice(coming, 1)]
                    if not further:
                        busy.remove(connection)
                        connection.close()
                    else:
                        connection.send(further[0])
                    yield result
        finally:
            for connection in busy:
                connection.close()
            for process in processes:
                process.terminate()
                process.join()


def _received(connection: Connection) -> Any:
    try:
        result = connection.recv()
    except (EOFError, ConnectionError) as error:
        raise DataError("a worker process died; run again to go on from what it left (rank: with --resume)") from error
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
