"""Processes that each hold one published version, whose arrays they share as mapped files."""

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from recsys.data.interactions import InteractionLog
from recsys.errors import DataError, RecsysError
from recsys.pipeline.bundle import Bundle
from recsys.pipeline.recommend import Recommender
from recsys.registry import Registry

Task = tuple[Any, ...]


@dataclass(frozen=True)
class Workers:
    """How to start processes that rank.

    Attributes:
        registry: where the version is.
        version: its name.
        n: how many processes.
        log: folder of a log (`InteractionLog.save`) that stands in for the version's own; None: its own.
    """

    registry: Path
    version: str
    n: int
    log: Path | None = None

    def run(self, work: Callable[..., int], tasks: Iterable[Task]) -> Iterator[int]:
        """Call `work(recommender, *task)` for every task in some process; results as they come, in any order.

        The first result of each process is a 0: it has loaded the version and begins.

        Raises:
            DataError: a process died.
            RecsysError: what `work` raised.
        """
        context = multiprocessing.get_context("spawn")  # a fork would inherit the locks of other libraries' threads
        coming, busy, processes = iter(tasks), set[Connection](), []
        try:
            for _ in range(self.n):
                ours, theirs = context.Pipe()
                processes.append(context.Process(target=_serve, args=(self, work, theirs), daemon=True))
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


def _received(connection: Connection) -> int:
    try:
        result = connection.recv()
    except (EOFError, ConnectionError) as error:
        raise DataError("a worker process died; run again with --resume to go on from what it left") from error
    if isinstance(result, RecsysError):
        raise result
    return int(result)


def _serve(workers: Workers, work: Callable[..., int], connection: Connection) -> None:
    """A worker: do what comes until the parent closes its end or is gone."""
    try:
        recommender = _opened(workers)
        connection.send(0)
        while True:
            connection.send(work(recommender, *connection.recv()))
    except RecsysError as error:
        connection.send(error)
    except (EOFError, ConnectionError):
        return


def _opened(workers: Workers) -> Recommender:
    """The version, in a process that runs one thread."""
    os.environ["POLARS_MAX_THREADS"] = "1"
    threadpool_limits(1)
    bundle = Bundle.load(Registry(workers.registry), workers.version)
    if workers.log is not None:
        bundle = replace(bundle, log=InteractionLog.load(workers.log, len(bundle.catalogue)))
    return Recommender(bundle)
