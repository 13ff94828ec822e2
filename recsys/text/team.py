"""Processes that train one model together: each works on its share, and all hold the same weights at every step."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import distributed

from recsys.progress import Progress

Value = TypeVar("Value")


@dataclass(frozen=True)
class Team:
    """The place of one process in its team. By default it is alone.

    The processes are already joined by `torch.distributed`. Apart from `share` and `own`, all of them must call the
    same methods in the same order. Each call gives all processes the same result, so what they decide by it is the
    same.

    Attributes:
        rank: 0 for the process that reports and saves.
        size: how many they are.
    """

    rank: int = 0
    size: int = 1

    def share(self, n: int) -> slice:
        """The rows among n that this process works on."""
        return slice(n * self.rank // self.size, n * (self.rank + 1) // self.size)

    def own(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of some items belong to this process, the same ones throughout."""
        return np.asarray(rows % self.size == self.rank)

    def max(self, value: float) -> float:
        """The largest value that any process has."""
        if self.size == 1:
            return value
        largest = torch.tensor(value, dtype=torch.float64)
        distributed.all_reduce(largest, distributed.ReduceOp.MAX)
        return float(largest)

    def broadcast(self, value: Value) -> Value:
        """Give every process the value of the first one."""
        if self.size == 1:
            return value
        said = [value]
        distributed.broadcast_object_list(said)
        return said[0]

    def sum(self, part: torch.Tensor) -> torch.Tensor:
        """The sum of what all processes have; its gradient is the sum of the gradients that all processes give it."""
        if self.size == 1:
            return part
        total: torch.Tensor = _Sum.apply(part)  # type: ignore[no-untyped-call]
        return total

    def sum_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Let every process have the sum of all gradients; one that has none counts zero."""
        if self.size == 1:
            return
        parameters = list(parameters)
        parts = [p.grad if p.grad is not None else torch.zeros_like(p) for p in parameters]
        total = torch.cat([part.reshape(-1) for part in parts])
        distributed.all_reduce(total)
        for parameter, gradient in zip(parameters, torch.split(total, [p.numel() for p in parameters]), strict=True):
            parameter.grad = gradient.view_as(parameter)


ALONE = Team()


@contextmanager
def joined(rank: int, size: int, meeting: str) -> Iterator[Team]:
    """The team of `size` processes that meet at a URL, as `torch.distributed` takes it."""
    distributed.init_process_group("gloo", init_method=meeting, rank=rank, world_size=size)
    try:
        yield Team(rank, size)
        distributed.barrier()  # nobody leaves before the last has finished
    finally:
        distributed.destroy_process_group()


class Together(Protocol):
    """Calls `work(team, progress)` in every process of a team; gives what it returns in the first."""

    def __call__(self, work: Callable[[Team, Progress], Value], progress: Progress, /) -> Value: ...


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, part: torch.Tensor) -> torch.Tensor:
        total = part.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> torch.Tensor:
        total = gradient.clone()
        distributed.all_reduce(total)
        return total
