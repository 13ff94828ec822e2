"""LoRA on the upper layers of any encoder, with the frozen lower layers computed once per text (Hu et al., 2022)."""

import hashlib
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from recsys.errors import ConfigError
from recsys.text.encoder import TextEncoder, autocast, batches_by_length, mean_pool

_MEMORY = 2 << 30
"""Bytes that the cached states of the lower layers may take; beyond, they are computed again at each use."""

_ATTENTION = ("attention", "attn")
_BATCH_TOKENS = 4_096


def layers_of(model: nn.Module) -> nn.ModuleList:
    """The stack of transformer layers: the longest list of modules of one class.

    Raises:
        ConfigError: the architecture has no such stack.
    """
    stacks = [
        module
        for module in model.modules()
        if isinstance(module, nn.ModuleList) and len(module) > 0 and len({type(layer) for layer in module}) == 1
    ]
    if not stacks:
        raise ConfigError(f"text.peft: {type(model).__name__} has no stack of layers to adapt; set text.peft = 'none'")
    return max(stacks, key=len)


def target_modules(model: nn.Module, upper_layers: int) -> list[str]:
    """Full names of the linear maps in the attention of the upper layers; of all their linear maps if none is found."""
    names = {module: name for name, module in model.named_modules()}
    stack = layers_of(model)
    linear = [
        f"{names[layer]}.{name}"
        for layer in list(stack)[-upper_layers:]
        for name, module in layer.named_modules()
        if isinstance(module, nn.Linear)
    ]
    attention = [name for name in linear if any(part in name.rpartition(f"{names[stack]}.")[2] for part in _ATTENTION)]
    return attention or linear


class AdaptedEncoder:
    """An encoder with a LoRA adapter that can be trained, over a fixed list of texts.

    The layers below the adapter never change, so what they give is kept (float16) and only the upper layers run again.

    Attributes:
        lengths: (n_texts,) tokens of each text.
        seconds_per_pass: how long one pass over the texts takes.
    """

    def __init__(self, encoder: TextEncoder, tokens: Sequence[Sequence[int]], rank: int, upper_layers: int) -> None:
        from peft import LoraConfig, get_peft_model

        self.encoder = encoder
        self.tokens = tokens
        self.lengths = np.array([len(row) for row in tokens], dtype=np.int64)
        settings = LoraConfig(
            r=rank, lora_alpha=2 * rank, lora_dropout=0.05, target_modules=target_modules(encoder.model, upper_layers)
        )
        with quiet_peft():
            self.model: Any = get_peft_model(encoder.model, settings)
        self._stack = layers_of(encoder.model)
        self._n_lower = max(0, len(self._stack) - upper_layers)
        self._offsets = np.concatenate([[0], np.cumsum(self.lengths)])
        self._states: NDArray[np.float16] | None = None
        self.seconds_per_pass = self._estimate()

    def keep_lower_states(self) -> None:
        """Compute what the lower layers give once, and keep it if it fits into memory."""
        if self._n_lower > 0 and int(self.lengths.sum()) * self.encoder.dim * 2 <= _MEMORY:
            self._states = self._lower_states()

    def parameters(self) -> list[nn.Parameter]:
        """What is trained: the adapter alone."""
        return [parameter for parameter in self.model.parameters() if parameter.requires_grad]

    def embed(self, rows: NDArray[np.int64]) -> torch.Tensor:
        """(n, dim) unit rows of some texts, with gradient to the adapter."""
        inputs = self._inputs(rows)
        with autocast(self.encoder.device):
            if self._states is None or self._n_lower == 0:
                hidden = self.model(**inputs).last_hidden_state
            else:
                states = self._padded_states(rows, self._states)
                with self._replayed(states):
                    hidden = self.model(**inputs).last_hidden_state
        return nn.functional.normalize(mean_pool(hidden.float(), inputs["attention_mask"]), dim=-1)

    def vectors(self) -> NDArray[np.float32]:
        """(n_texts, dim) float32 unit rows of all texts, as the adapter stands."""
        started = time.monotonic()
        vectors = np.empty((len(self.tokens), self.encoder.dim), dtype=np.float32)
        self.model.eval()
        with torch.inference_mode():
            for rows in batches_by_length(self.lengths, _BATCH_TOKENS):
                vectors[rows] = self.embed(rows).cpu().numpy()
        self.seconds_per_pass = time.monotonic() - started
        return vectors

    def train(self) -> None:
        """Switch the adapter's dropout on; the encoder's own stays off, as its lower states are fixed."""
        self.model.eval()
        for name, module in self.model.named_modules():
            if "lora_dropout" in name:
                module.train()

    def state(self) -> dict[str, torch.Tensor]:
        """The adapter's weights, copied."""
        return {name: p.detach().clone() for name, p in self.model.named_parameters() if p.requires_grad}

    def restore(self, state: dict[str, torch.Tensor]) -> None:
        """Set the adapter's weights to what `state` gave."""
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                if name in state:
                    parameter.copy_(state[name])

    def adapted(self) -> TextEncoder:
        """The encoder with the adapter as it stands, under a version that names both."""
        self.model.eval()
        return with_adapter(self.encoder, self.model)

    def removed(self) -> TextEncoder:
        """The encoder as it was before it got an adapter."""
        model = self.model.unload()
        encoder = self.encoder
        return TextEncoder(encoder.name, encoder.version, encoder.max_tokens, encoder.tokenizer, model)

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

    def _lower_states(self) -> NDArray[np.float16]:
        """(n_tokens_of_all_texts, dim): what the first upper layer reads."""
        states = np.empty((int(self.lengths.sum()), self.encoder.dim), dtype=np.float16)
        seen: list[torch.Tensor] = []
        hook = self._stack[self._n_lower].register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[0]))
        try:
            with torch.inference_mode(), autocast(self.encoder.device), self._only(slice(0, self._n_lower + 1)):
                for rows in batches_by_length(self.lengths, _BATCH_TOKENS):
                    self.model(**self._inputs(rows))
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


def with_adapter(encoder: TextEncoder, model: Any) -> TextEncoder:
    """The encoder that runs an adapted model; its version names the adapter's weights too."""
    digest = hashlib.sha256()
    for name, parameter in sorted(model.named_parameters()):
        if "lora_" in name:
            digest.update(name.encode() + parameter.detach().cpu().numpy().tobytes())
    version = f"{encoder.version}-{digest.hexdigest()[:12]}"
    return TextEncoder(encoder.name, version, encoder.max_tokens, encoder.tokenizer, model)


@contextmanager
def quiet_peft() -> Iterator[None]:
    """peft reads an attribute of transformers under its old name, which warns on every adapter."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="`is_gradient_checkpointing`", category=FutureWarning)
        yield


def load_adapter(encoder: TextEncoder, folder: Path) -> TextEncoder:
    """The encoder with an adapter that `save_adapter` wrote."""
    from peft import PeftModel

    with quiet_peft():
        model = PeftModel.from_pretrained(encoder.model, str(folder))
    return with_adapter(encoder, model.eval())


def save_adapter(encoder: TextEncoder, folder: Path) -> None:
    """Write the adapter of an adapted encoder, in the format of peft: weights as safetensors, settings as JSON."""
    encoder.model.save_pretrained(str(folder))
