"""An encoder in training over a fixed list of texts, with its frozen lower layers computed once per text."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from recsys.text.encoder import TextEncoder, autocast, batches_by_length, mean_pool
from recsys.text.layers import layers_of, upper_parameters
from recsys.text.methods import RATES, Peft, tuning_method

_MEMORY = 1 << 30
"""Bytes that the cached states of the lower layers may take; beyond, they are computed again at each use."""

_BATCH_TOKENS = 4_096


class AdaptedEncoder:
    """An encoder whose upper layers can be trained.

    The layers below never change, so what they give is kept (float16) and only the upper layers run again.

    Attributes:
        lengths: (n_texts,) tokens of each text.
        rate: learning rate of its way of tuning over that of LoRA.
        seconds_per_pass: how long one pass over the texts takes.
    """

    def __init__(
        self, encoder: TextEncoder, tokens: Sequence[Sequence[int]], peft: Peft, rank: int, upper_layers: int
    ) -> None:
        self.encoder = encoder
        self.tokens = tokens
        self.lengths = np.array([len(row) for row in tokens], dtype=np.int64)
        self._before = {name: p.detach().clone() for name, p in upper_parameters(encoder.model, upper_layers).items()}
        self._stack = layers_of(encoder.model)
        self._n_lower = max(0, len(self._stack) - upper_layers)
        self.rate = RATES[peft]
        self.method = tuning_method(encoder.model, peft, rank, upper_layers)
        self._offsets = np.concatenate([[0], np.cumsum(self.lengths)])
        self._states: NDArray[np.float16] | None = None
        self.seconds_per_pass = self._estimate()

    def keep_lower_states(self, over: Callable[[], bool]) -> bool:
        """Compute what the lower layers give once, and keep it if it fits into memory.

        Args:
            over: asked after each batch; True ends it.

        Returns:
            False where the time was over before the end.
        """
        if self._n_lower > 0 and int(self.lengths.sum()) * self.encoder.dim * 2 <= _MEMORY:
            self._states = self._lower_states(over)
            return self._states is not None
        return True

    def parameters(self) -> list[nn.Parameter]:
        """What is trained."""
        return [parameter for parameter in self.method.model.parameters() if parameter.requires_grad]

    def embed(self, rows: NDArray[np.int64]) -> torch.Tensor:
        """(n, dim) unit rows of some texts, with gradient to what is trained."""
        inputs = self._inputs(rows)
        with autocast(self.encoder.device):
            if self._states is None or self._n_lower == 0:
                hidden = self.method.model(**inputs).last_hidden_state
            else:
                states = self._padded_states(rows, self._states)
                with self._replayed(states):
                    hidden = self.method.model(**inputs).last_hidden_state
        return nn.functional.normalize(mean_pool(hidden.float(), inputs["attention_mask"]), dim=-1)

    def vectors(self) -> NDArray[np.float32]:
        """(n_texts, dim) float32 unit rows of all texts, as the encoder stands."""
        started = time.monotonic()
        vectors = np.empty((len(self.tokens), self.encoder.dim), dtype=np.float32)
        self.method.model.eval()
        with torch.inference_mode():
            for rows in batches_by_length(self.lengths, _BATCH_TOKENS):
                vectors[rows] = self.embed(rows).cpu().numpy()
        self.seconds_per_pass = time.monotonic() - started
        return vectors

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
        batches = list(batches_by_length(self.lengths, _BATCH_TOKENS))
        if not batches:
            return 0.0
        rows = batches[len(batches) // 2]
        started = time.monotonic()
        with torch.inference_mode():
            self.embed(rows)
        return (time.monotonic() - started) * float(self.lengths.sum() / self.lengths[rows].sum())

    def _inputs(self, rows: NDArray[np.int64]) -> dict[str, torch.Tensor]:
        padded = self.encoder.pad([self.tokens[row] for row in rows])
        return {name: tensor.to(self.encoder.device) for name, tensor in padded.items()}

    def _lower_states(self, over: Callable[[], bool]) -> NDArray[np.float16] | None:
        """(n_tokens_of_all_texts, dim): what the first upper layer reads; None where the time was over."""
        states = np.empty((int(self.lengths.sum()), self.encoder.dim), dtype=np.float16)
        seen: list[torch.Tensor] = []
        hook = self._stack[self._n_lower].register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[0]))
        try:
            with torch.inference_mode(), autocast(self.encoder.device), self._only(slice(0, self._n_lower + 1)):
                for rows in batches_by_length(self.lengths, _BATCH_TOKENS):
                    if over():
                        return None
                    self.method.model(**self._inputs(rows))
                    hidden = seen.pop().to(torch.float16).cpu().numpy()
                    for place, row in enumerate(rows):
                        states[self._offsets[row] : self._offsets[row + 1]] = hidden[place, : self.lengths[row]]
        finally:
            hook.remove()
        return states

    def _padded_states(self, rows: NDArray[np.int64], states: NDArray[np.float16]) -> torch.Tensor:
        padded = np.zeros((len(rows), int(self.lengths[rows].max()), self.encoder.dim), dtype=np.float16)
        for place, row in enumerate(rows):
            padded[place, : self.lengths[row]] = states[self._offsets[row] : self._offsets[row + 1]]
        return torch.from_numpy(padded).to(self.encoder.device, torch.float32)

    @contextmanager
    def _replayed(self, states: torch.Tensor) -> Iterator[None]:
        """Run only the upper layers, on given states."""
        first = self._stack[self._n_lower]
        hook = first.register_forward_pre_hook(lambda layer, inputs: (states, *inputs[1:]))
        try:
            with self._only(slice(self._n_lower, None)):
                yield
        finally:
            hook.remove()

    @contextmanager
    def _only(self, kept: slice) -> Iterator[None]:
        """Let the model run only some of its layers; which layers it holds is restored afterwards."""
        layers = self._stack._modules.copy()
        chosen = list(layers.items())[kept]
        self._stack._modules = {str(place): layer for place, (_, layer) in enumerate(chosen)}
        try:
            yield
        finally:
            self._stack._modules = layers
