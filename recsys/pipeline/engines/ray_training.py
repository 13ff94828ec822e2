"""Ray Train: the processes of a Ray cluster as a team. Imported by `ray_cluster` alone, when a team is asked for."""

import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from typing import Any

import ray
from ray.train import FailureConfig, RunConfig, ScalingConfig, get_context
from ray.train.torch import TorchConfig, TorchTrainer
from ray.util.queue import Empty, Queue

from recsys.errors import DataError, RecsysError
from recsys.pipeline.engines.engine import Message, Result, one_thread, take_part
from recsys.progress import Progress
from recsys.text.team import Team

_RESTARTS = 3
"""How many times a team may start over."""

_LOOKS = 0.5
"""Seconds between looks at whether a team has ended without a word."""

_LEAVE = 60
"""Seconds for a team whose result is here to end: a thread of Ray's that outlives the connection joins anew."""


def together(work: Callable[[Team, Progress], Result], n: int, progress: Progress) -> Result:
    """See `Engine.together`, by `n` processes of the cluster that this one is connected to.

    Raises:
        DataError: processes die again and again.
    """
    said, thread = Queue(actor_options={"num_cpus": 0}), ThreadPoolExecutor(1)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        trainer = TorchTrainer(
            partial(_take_part, ray.put(work), said),
            torch_config=TorchConfig(backend="gloo"),
            scaling_config=ScalingConfig(num_workers=n),
            run_config=RunConfig(storage_path=folder, failure_config=FailureConfig(max_failures=_RESTARTS)),
        )
        run = thread.submit(trainer.fit)  # in the main thread it would take over what Ctrl-C does
        thread.shutdown(wait=False)
        for message in _messages(said, run):
            if isinstance(message, str):
                progress(message)
                continue
            if isinstance(message, RecsysError):
                raise message
            wait([run], _LEAVE)
            result: Result = message[0]
            return result
    error = run.exception()
    raise DataError(f"training together on the Ray cluster was given up after {_RESTARTS} restarts: {error}") from error


def _messages(said: Any, run: "Future[Any]") -> Iterator[Message]:
    while True:
        has_ended = run.done()
        try:
            yield said.get(timeout=_LOOKS)
        except Empty:
            if has_ended:
                return


def _take_part(work: Any, said: Any) -> None:
    """What runs in every process."""
    one_thread()
    context = get_context()
    take_part(ray.get(work), Team(context.get_world_rank(), context.get_world_size()), said.put)
