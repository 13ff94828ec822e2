"""What the training of the text model changes, and how a checkpoint holds it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from recsys.text.training.checkpoint import flattened, nested, optimizer_state, restore_optimizer
from recsys.text.tuning.adapter import AdaptedEncoder


@dataclass(frozen=True)
class TrainingState:
    """All that training changes: weights by name, and the (n_items, dim) vectors as the adapter encodes them."""

    network: dict[str, torch.Tensor]
    adapter: dict[str, torch.Tensor]
    vectors: NDArray[np.float32]


class CheckedState(NamedTuple):
    """A state, and (n_examples,) ndcg@10 of the validation examples by it."""

    state: TrainingState
    ndcg: NDArray[np.float64]


class StageStates(NamedTuple):
    """The states of a stage that a checkpoint holds."""

    now: TrainingState
    start: CheckedState
    best: CheckedState
    """the best so far"""

    def tensors(self, optimizer: torch.optim.Optimizer, adapter: AdaptedEncoder | None) -> dict[str, torch.Tensor]:
        """What a checkpoint writes: the states, and where optimizer and adapter stand."""
        states = {"now": self.now, "start": self.start.state, "kept": self.best.state}
        ndcgs = {"start": self.start.ndcg, "kept": self.best.ndcg}
        groups = {f"network.{name}": state.network for name, state in states.items()}
        groups |= {"optimizer": optimizer_state(optimizer)}
        groups |= {"gains": {name: torch.from_numpy(values) for name, values in ndcgs.items()}}
        if adapter is not None:
            groups |= {f"adapter.{name}": state.adapter for name, state in states.items()}
            groups |= {"vectors": {name: torch.tensor(state.vectors) for name, state in states.items()}}
            groups |= {"method": adapter.method.extra_state()}
        return flattened(groups)

    @classmethod
    def read(cls, tensors: Mapping[str, torch.Tensor], vectors: NDArray[np.float32]) -> "StageStates":
        """The states that `tensors` gave.

        Args:
            vectors: (n_items, dim) of all states, where no adapter is trained that would change them.
        """
        kept, ndcgs = nested(tensors, "vectors"), nested(tensors, "gains")
        now, start, best = (
            TrainingState(
                nested(tensors, f"network.{name}"),
                nested(tensors, f"adapter.{name}"),
                kept[name].numpy() if kept else vectors,
            )
            for name in ("now", "start", "kept")
        )
        return cls(now, CheckedState(start, ndcgs["start"].numpy()), CheckedState(best, ndcgs["kept"].numpy()))


def resume(
    tensors: Mapping[str, torch.Tensor], optimizer: torch.optim.Optimizer, adapter: AdaptedEncoder | None
) -> None:
    """Set optimizer and adapter to where they stood when `StageStates.tensors` gave these, once the weights are set."""
    restore_optimizer(optimizer, nested(tensors, "optimizer"))
    if adapter is not None:
        adapter.method.restore_extra(nested(tensors, "method"))
