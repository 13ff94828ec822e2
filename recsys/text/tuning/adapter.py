"""An encoder in training over a fixed list of texts, with its frozen lower layers computed once per text."""

import time
from collections.abc import Sequence
from contextlib import nullcontext

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from recsys.text.encoder import TextEncoder, autocast, mean_pool
from recsys.text.team import ALONE, Team
from recsys.text.tuning.layers import upper_parameters
from recsys.text.tuning.lower import LowerLayers
from recsys.text.tuning.methods import RATES, Peft, tuning_method


class AdaptedEncoder:
    """An encoder whose upper layers can be trained.

    The layers below never change: where what they give is kept, only the upper layers run again. In a team, each
    process encodes the texts that belong to it, and all get all vectors.

    Attributes:
        lower: the layers below, which may keep what they give.
        rate: learning rate of its way of tuning over that of LoRA.
        seconds_per_pass: how long one pass over the texts takes.
    """

    def __init__(
        self,
        encoder: TextEncoder,
        tokens: Sequence[Sequence[int]],
        peft: Peft,
        rank: int,
        upper_layers: int,
        team: Team = ALONE,
    ) -> None:
        self.encoder = encoder
        self.team = team
        self.lower = LowerLayers(encoder, tokens, upper_layers, team)
        self._before = {name: p.detach().clone() for name, p in upper_parameters(encoder.model, upper_layers).items()}
        self.rate = RATES[peft]
        self.method = tuning_method(encoder.model, peft, rank, upper_layers)
        self.seconds_per_pass = self._estimate()

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(n_texts,) tokens of each text."""
        return self.lower.lengths

    def parameters(self) -> list[nn.Parameter]:
        """What is trained."""
        return [parameter for parameter in self.method.model.parameters() if parameter.requires_grad]

    def embed(self, rows: NDArray[np.int64]) -> torch.Tensor:
        """(n, dim) unit rows of some texts, with gradient to what is trained."""
        if self.team.size == 1:
            return self._embed(rows)
        own = np.flatnonzero(self.team.own(rows))
        # It asks for a gradient of its own: the way back goes through all processes, those without a text too.
        part = torch.zeros(len(rows), self.encoder.dim, device=self.encoder.device, requires_grad=True)
        if len(own):
            part = part.index_copy(0, torch.from_numpy(own).to(part.device), self._embed(rows[own]))
        return self.team.sum(part)

    def _embed(self, rows: NDArray[np.int64]) -> torch.Tensor:
        inputs = self.lower.inputs(rows)
        replayed = self.lower.replayed(rows) if self.lower.kept else nullcontext()
        with autocast(self.encoder.device), replayed:
            hidden = self.method.model(**inputs).last_hidden_state
        return nn.functional.normalize(mean_pool(hidden.float(), inputs["attention_mask"]), dim=-1)

    def vectors(self) -> NDArray[np.float32]:
        """(n_texts, dim) float32 unit rows of all texts, as the encoder stands."""
        started = time.monotonic()
        vectors = np.zeros((len(self.lengths), self.encoder.dim), dtype=np.float32)
        self.method.model.eval()
        with torch.inference_mode():
            for rows in self.lower.batches():
                vectors[rows] = self._embed(rows).cpu().numpy()
        whole: NDArray[np.float32] = self.team.sum(torch.from_numpy(vectors)).numpy()
        self.seconds_per_pass = time.monotonic() - started
        return whole

    def train(self) -> None:
        """Switch the adapter's dropout on; the encoder's own stays off, as its lower states are fixed."""
        self.method.model.eval()
        for name, module in self.method.model.named_modules():
            if "lora_dropout" in name:
                module.train()

    def state(self) -> dict[str, torch.Tensor]:
        """What is trained, copied."""
        return {name: p.detach().clone() for name, p in self.method.model.named_parameters() if p.requires_grad}

    def restore(self, state: dict[str, torch.Tensor]) -> None:
        """Set what is trained to what `state` gave."""
        with torch.no_grad():
            for name, parameter in self.method.model.named_parameters():
                if name in state:
                    parameter.copy_(state[name])

    def finished(self) -> TextEncoder:
        """The encoder with what was learned in its weights, under a version that names them. Ends the training."""
        model = self.method.merged().eval()
        weights = {
            name: parameter.detach()
            for name, parameter in model.named_parameters()
            if name in self._before and not torch.equal(parameter, self._before[name])
        }
        return self.encoder.changed(weights, {name: self._before[name] for name in weights})

    def abandoned(self) -> TextEncoder:
        """The encoder as it was before. Ends the training."""
        model = self.method.merged()
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if name in self._before:
                    parameter.copy_(self._before[name])
        return self.encoder

    def _estimate(self) -> float:
        """Seconds of a pass over the texts through the whole encoder, from one batch of middling length."""
        batches = list(self.lower.batches())
        if not batches:
            return 0.0
        rows = batches[len(batches) // 2]
        started = time.monotonic()
        with torch.inference_mode():
            self._embed(rows)
        return (time.monotonic() - started) * float(self.lengths[self.lower.rows].sum() / self.lengths[rows].sum())
