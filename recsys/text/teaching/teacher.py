"""A cross-encoder: reads each candidate together with the newest texts of a history. It reranks a few, and teaches."""

import copy
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import nn

from recsys.data.log.history import HistoryBatch
from recsys.errors import ConfigError
from recsys.text.encoder import autocast
from recsys.text.tuning.lower import LowerLayers

TITLES = 5
"""Newest events of a history that are read."""

_TOKENS = 24
"""Tokens of one text that are read: what it begins with says what it is."""

_PLAIN = ("bert", "camembert", "distilbert", "electra", "roberta", "xlm-roberta")
"""Architectures whose layers need nothing but states and a mask."""

_NOBODY = -1
"""Owner of the history's tokens, which every candidate reads; a candidate's own are read by it alone."""

_WEIGHTS = "teacher.safetensors"
_SETTINGS = "teacher.json"


class CrossEncoder(nn.Module):
    """The upper layers of an encoder over the states that its lower layers give for each text by itself.

    Texts are read apart as far as that can be kept, and together above it (MacAvaney et al., "Efficient document
    re-ranking for transformers by precomputing term representations", SIGIR 2020). All candidates of a request go
    through in one sequence: each attends to itself and to the history, so the history is read once.

    Attributes:
        layers: copies of the encoder's, to be trained.
        places: (1 + TITLES, dim) added to the states of each text: 0 of a candidate, 1 of the newest event, ...
        head: one logit from the mean state of a candidate.
    """

    def __init__(self, layers: Sequence[nn.Module], dim: int, seed: int) -> None:
        """Begin with layers of an encoder whose states are `dim` wide."""
        super().__init__()
        self.layers = nn.ModuleList(copy.deepcopy(layer).requires_grad_(True) for layer in layers)
        self.places = nn.Embedding(1 + TITLES, dim)
        nn.init.zeros_(self.places.weight)
        self.head = nn.Linear(dim, 1)
        nn.init.normal_(self.head.weight, std=dim**-0.5, generator=torch.Generator().manual_seed(seed))
        nn.init.zeros_(self.head.bias)

    def forward(self, past: Sequence[torch.Tensor], candidates: Sequence[torch.Tensor]) -> torch.Tensor:
        """How well each candidate goes with a history.

        Args:
            past: states (n_tokens, dim) of each text of the history, the newest first.
            candidates: states of each candidate.

        Returns:
            (n_candidates,) logits.
        """
        texts = [*past, *candidates]
        lengths = torch.tensor([len(text) for text in texts])
        owners = torch.tensor([_NOBODY] * len(past) + list(range(len(candidates)))).repeat_interleave(lengths)
        places = torch.tensor([*range(1, 1 + len(past)), *[0] * len(candidates)]).repeat_interleave(lengths)
        owners, places = owners.to(texts[0].device), places.to(texts[0].device)
        hidden = (torch.cat(texts) + self.places(places))[None]
        seen = (owners[None, :] == _NOBODY) | (owners[None, :] == owners[:, None])
        mask = torch.zeros(seen.shape, device=seen.device).masked_fill(~seen, torch.finfo(torch.float32).min)
        for layer in self.layers:
            read = layer(hidden, mask[None, None])
            hidden = read if isinstance(read, torch.Tensor) else read[0]  # transformers 4 gives a tuple
        own = owners >= 0
        sums = hidden.new_zeros(len(candidates), hidden.shape[-1]).index_add(0, owners[own], hidden[0, own])
        counts = torch.bincount(owners[own], minlength=len(candidates))[:, None]
        logits: torch.Tensor = self.head(sums / counts)[:, 0]
        return logits


class Teacher:
    """A cross-encoder over the texts of a catalogue.

    Attributes:
        lower: the frozen layers below, with the texts that can be read.
        network: the layers above.
        weight: how much its logits count beside the interest logits, 0 or above.
    """

    def __init__(self, lower: LowerLayers, network: CrossEncoder, weight: float = 0.0) -> None:
        self.lower = lower
        self.network = network
        self.weight = weight

    @classmethod
    def untrained(cls, lower: LowerLayers, seed: int = 0) -> "Teacher":
        """One that starts from the encoder's own upper layers; the same seed gives the same head.

        Raises:
            ConfigError: the layers of this architecture cannot be run by themselves.
        """
        kind = lower.encoder.model.config.model_type
        if kind not in _PLAIN:
            raise ConfigError(
                f"text.distil: no teacher can be made of a {kind} encoder, only of {', '.join(_PLAIN)}; "
                "set text.distil = 0, or choose another text.encoder"
            )
        network = CrossEncoder(list(lower.stack)[lower.n_layers :], lower.encoder.dim, seed)
        return cls(lower, network.to(lower.encoder.device).eval())

    def logits(self, past: NDArray[np.int32], candidates: NDArray[np.int64]) -> torch.Tensor:
        """(n_candidates,) logits of the candidates of one request, with gradient; `past`: its items in time order."""
        read = np.concatenate([past[::-1][:TITLES].astype(np.int64), candidates])
        device = self.lower.encoder.device
        states = [torch.from_numpy(state[:_TOKENS]).to(device, torch.float32) for state in self.lower.states_of(read)]
        n_past = len(read) - len(candidates)
        with autocast(device):
            return self.network(states[:n_past], states[n_past:]).float()  # type: ignore[no-any-return]

    def score(self, histories: HistoryBatch, candidates: NDArray[np.int64]) -> NDArray[np.float32]:
        """(n_requests, k) logits; `candidates` (n_requests, k) are item numbers. Positive events alone are read."""
        positive = histories.positive()
        scores = np.empty(candidates.shape, dtype=np.float32)
        with torch.inference_mode():
            for row, items in enumerate(candidates):
                past = positive.items[positive.offsets[row] : positive.offsets[row + 1]]
                scores[row] = self.logits(past, items).cpu().numpy()
        return scores

    def rerank(
        self, interest: NDArray[np.float32], histories: HistoryBatch, candidates: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """(n_requests, k) interest logits of the candidates, corrected by what the teacher says of them."""
        return interest + np.float32(self.weight) * self.score(histories, candidates)

    def save(self, folder: Path) -> None:
        """Write the upper layers, and how much the teacher counts."""
        folder.mkdir(parents=True, exist_ok=True)
        save_file({name: tensor.cpu() for name, tensor in self.network.state_dict().items()}, folder / _WEIGHTS)
        (folder / _SETTINGS).write_text(json.dumps({"weight": self.weight}), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, lower: LowerLayers) -> "Teacher":
        """Read what `save` wrote, over the same encoder with as many upper layers."""
        teacher = cls.untrained(lower)
        teacher.network.load_state_dict(load_file(folder / _WEIGHTS))
        teacher.weight = float(json.loads((folder / _SETTINGS).read_text(encoding="utf-8"))["weight"])
        return teacher
