"""How long to train, and at which learning rate: by steps, or by the clock where time runs out first."""

import math
import time
from dataclasses import dataclass

WARM_PASSES = 0.5
"""Passes over the examples when continuing from an earlier model, as a share of those of a new one."""

_WARM_UP = 0.1
"""Share of a stage in which the learning rate rises."""

_LAG = 0.05
"""If the steps of a stage are behind the clock by more than this share of it, the clock says how far it is."""


class Stopwatch:
    """Seconds of training so far, those before an interruption included."""

    def __init__(self, spent: float = 0.0) -> None:
        self._started = time.monotonic() - spent

    @property
    def seconds(self) -> float:
        """Seconds since the training began."""
        return time.monotonic() - self._started


@dataclass(frozen=True)
class StagePlan:
    """One stage of the training.

    Attributes:
        stage: its name, in messages, curves and checkpoints.
        epochs: most passes over the examples.
        learning_rate: peak rate of the network beside an adapter; alone it learns faster, and the adapter's own rate is
            `methods.RATES` times this.
        accumulate: batches whose gradients make one step.
        seed: for repeatability, which holds as long as the deadline does not bind.
        clock: what the times are read from.
        started, deadline: seconds on the clock between which to train.
    """

    stage: str
    epochs: int
    learning_rate: float
    accumulate: int
    seed: int
    clock: Stopwatch
    started: float
    deadline: float

    def done(self, step: int, steps: int) -> float:
        """Share of the plan that is over, in [0, 1]: by steps, or by time where the time runs out first."""
        by_steps = step / steps
        by_time = (self.clock.seconds - self.started) / max(1e-9, self.deadline - self.started)
        return min(1.0, by_time if by_time > by_steps + _LAG else by_steps)

    def is_over(self, reserve: float = 0.0) -> bool:
        """True where fewer than `reserve` seconds are left."""
        return self.clock.seconds + reserve >= self.deadline


def schedule(done: float) -> float:
    """Learning rate as a share of its peak: linear warm-up, then a cosine to 0. `done` in [0, 1]."""
    if done < _WARM_UP:
        return (done + 0.01) / (_WARM_UP + 0.01)
    return 0.5 * (1.0 + math.cos(math.pi * min(1.0, (done - _WARM_UP) / (1.0 - _WARM_UP))))
