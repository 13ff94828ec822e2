"""The checkpoint from which an interrupted training resumes: one file, replaced as a whole."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from recsys.config import TextConfig
from recsys.data.log.interactions import InteractionLog
from recsys.disk import sync
from recsys.text.curves import Point

_FILE = "training.safetensors"


@dataclass(frozen=True)
class Position:
    """How far a training is.

    Attributes:
        stage: name of the stage that runs.
        started: seconds on the clock when that stage began.
        seconds: seconds on the clock now.
        step: steps of the stage that are done.
        since_best: checks since the best one.
        best: best validation ndcg@10 of the stage.
        curve: what was measured so far, in all stages.
    """

    stage: str
    started: float
    seconds: float
    step: int
    since_best: int
    best: float
    curve: tuple[Point, ...]


class Checkpoints:
    """The checkpoint of one training, in a folder. A checkpoint of other data or settings is ignored."""

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self.path = Path(folder) / _FILE
        self.fingerprint = fingerprint

    def write(self, position: Position, tensors: Mapping[str, torch.Tensor]) -> None:
        """Replace the checkpoint: a reader finds the old one or the new one, never a part."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_suffix(".part")
        facts = {"position": json.dumps(asdict(position)), "fingerprint": self.fingerprint}
        # Copies: the start can be the best so far, and the format holds every tensor once.
        copies = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
        save_file(copies, part, metadata=facts)
        sync(part)
        part.replace(self.path)

    def read(self) -> tuple[Position, dict[str, torch.Tensor]] | None:
        """The checkpoint, or None where there is none of this training."""
        if not self.path.is_file():
            return None
        with safe_open(self.path, framework="pt") as stream:
            metadata = stream.metadata()
            if metadata.get("fingerprint") != self.fingerprint:
                return None
            tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118 (it is no mapping)
        facts: dict[str, Any] = json.loads(metadata["position"])
        facts["curve"] = tuple(Point(**point) for point in facts["curve"])
        return Position(**facts), tensors

    def clear(self) -> None:
        """Remove the checkpoint: the training is over."""
        self.path.unlink(missing_ok=True)


def fingerprint(
    texts: Sequence[str], log: InteractionLog, config: TextConfig, seed: int, minutes: float, encoder_version: str
) -> str:
    """Name of exactly this training."""
    digest = hashlib.sha256(f"{config.model_dump_json()}|{seed}|{minutes}|{encoder_version}".encode())
    for text in texts:
        digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    for column in (log.users, log.items, log.events, log.times, log.weights):
        digest.update(column.tobytes())
    return digest.hexdigest()


def nested(tensors: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    """The tensors whose names begin with `prefix/`, without it."""
    start = f"{prefix}/"
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}


def flattened(groups: Mapping[str, Mapping[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """One mapping of all groups, names as `nested` reads them."""
    return {f"{prefix}/{name}": tensor for prefix, group in groups.items() for name, tensor in group.items()}


def optimizer_state(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """The moments of an optimizer, by the index of the parameter."""
    state = optimizer.state_dict()["state"]
    return {f"{index}/{name}": value for index, values in state.items() for name, value in values.items()}


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, torch.Tensor]) -> None:
    """Set the moments to what `optimizer_state` gave."""
    whole = optimizer.state_dict()
    for key, tensor in tensors.items():
        index, _, name = key.partition("/")
        whole["state"].setdefault(int(index), {})[name] = tensor
    optimizer.load_state_dict(whole)
