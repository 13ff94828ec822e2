"""The engine of many machines: actors on a Ray cluster, and Ray Train (see `ray_training`; no other file imports ray).

Moritz et al., Ray: a distributed framework for emerging AI applications, OSDI 2018.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, cast

from recsys.errors import ConfigError, DataError, RecsysError, StoreError
from recsys.pipeline.engines.engine import Result, State, Task, one_thread
from recsys.progress import Progress

if TYPE_CHECKING:
    from recsys.text.team import Team

_DEATHS = 3
"""How often each worker may die, on average, before there is another result: a part that always kills its worker must
end the run."""

_OBJECT_STORE = 256 * 2**20
"""Bytes for results on their way, where Ray is started on this machine only."""


@dataclass(frozen=True)
class RayCluster:
    """An `Engine`. A worker that dies, with its node or without, is replaced, and what it was doing is done again.

    It joins the cluster that `RAY_ADDRESS` names; without it, Ray is started on this machine and ended again.

    Attributes:
        n: processes; None: one for every processor of the cluster.
    """

    n: int | None = None

    def run(
        self, open_: Callable[[], State], work: Callable[..., Result], tasks: Iterable[Task]
    ) -> Iterator[Result | None]:
        """See `Engine.run`."""
        with self.held():
            import ray

            n = self._size()
            actor = ray.remote(num_cpus=1)(_Worker)
            opening = ray.put((open_, work))  # one copy a machine
            coming, deaths = iter(tasks), 0
            first = [*islice(coming, n)]
            coming = chain(first, coming)
            busy: dict[Any, tuple[Any, Task | None]] = {}

            def begin() -> None:
                worker = actor.remote()
                busy[worker.begin.remote(opening)] = worker, None

            try:
                for _ in first:
                    begin()
                while busy:
                    reference = ray.wait(list(busy))[0][0]
                    worker, task = busy.pop(reference)
                    result = _result_of(reference)
                    if isinstance(result, _Death):
                        ray.kill(worker)  # alive, if only its result was lost with a node
                        deaths += 1
                        if deaths > _DEATHS * n:
                            words = f"worker processes die again and again; the last one gave: {result.error}"
                            raise DataError(words) from result.error
                        coming = coming if task is None else chain([task], coming)
                        begin()
                        continue
                    deaths = 0 if task is not None else deaths
                    yield cast("Result | None", result)
                    task = next(coming, None)
                    if task is not None:
                        busy[worker.do.remote(task)] = worker, task
                    else:
                        ray.kill(worker)  # its processor is for one that may have to be started again
            finally:
                for worker, _ in busy.values():
                    ray.kill(worker)

    def together(self, work: "Callable[[Team, Progress], Result]", progress: Progress, /) -> Result:
        """See `Engine.together`. When a process dies, all start over, from their checkpoint if they keep one."""
        with self.held():
            try:
                from recsys.pipeline.engines.ray_training import together
            except ImportError as error:
                raise ConfigError(f"training together needs Ray Train: install recsys[ray] ({error})") from error
            return together(work, self._size(), progress)

    @contextmanager
    def held(self) -> Iterator[None]:
        """A connection to the cluster; one that is there already is used and left.

        Raises:
            ConfigError: Ray is not installed.
            StoreError: the cluster cannot be reached.
        """
        try:
            import ray
        except ImportError as error:
            raise ConfigError("--engine ray needs Ray: install recsys[ray] on every machine of the cluster") from error
        if ray.is_initialized():
            yield
            return
        address = os.environ.get("RAY_ADDRESS")
        own: dict[str, Any] = {"num_cpus": self.n, "include_dashboard": False, "object_store_memory": _OBJECT_STORE}
        try:
            ray.init(address=address or "local", log_to_driver=False, logging_level="ERROR", **({} if address else own))
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise StoreError(f"the Ray cluster {address or 'of this machine'} cannot be reached: {error}") from error
        try:
            yield
        finally:
            ray.shutdown()

    def _size(self) -> int:
        import ray

        return self.n or max(1, int(ray.cluster_resources().get("CPU", 1)))


@dataclass(frozen=True)
class _Death:
    """What stands in for the result of a worker that has died, or whose result was lost with a node."""

    error: Exception


def _result_of(reference: Any) -> Any:
    """The result that a worker has for a reference, or its `_Death`.

    Raises:
        RecsysError: what the worker raised; as any other error too.
    """
    import ray

    try:
        return ray.get(reference)
    except (ray.exceptions.RayActorError, ray.exceptions.ObjectLostError) as error:
        return _Death(error)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, RecsysError):
            raise error.cause from None
        raise


class _Worker:
    """What runs in a process of the cluster."""

    def begin(self, opening: tuple[Callable[[], Any], Callable[..., Any]]) -> None:
        """Open the state: not when the actor is made, so that what goes wrong comes back as it is."""
        one_thread()
        open_, work = opening
        self._state, self._work = open_(), work

    def do(self, task: Task) -> Any:
        """One task."""
        return self._work(self._state, *task)
