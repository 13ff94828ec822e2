"""The frozen lower layers of an encoder: they run once per text, and their states are kept."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray

from recsys.arrays.ragged import offsets_of
from recsys.text.encoder import TextEncoder, autocast, batches_by_length
from recsys.text.team import ALONE, Team
from recsys.text.tuning.layers import layers_of

_MEMORY = 1 << 30
"""Bytes that kept states may take; beyond, they are computed again at each use."""

_BATCH_TOKENS = 4_096
"""Tokens that run through the lower layers at once."""


class LowerLayers:
    """What the first upper layer reads, for a fixed list of texts.

    Attributes:
        lengths: (n_texts,) tokens of each text.
        rows: the texts that will be asked for.
        n_layers: how many layers are below.
        stack: all layers of the encoder.
        kept: True once `keep` has computed all states.
    """

    def __init__(
        self, encoder: TextEncoder, tokens: Sequence[Sequence[int]], upper_layers: int, team: Team = ALONE
    ) -> None:
        self.encoder = encoder
        self.tokens = tokens
        self.lengths = np.array([len(row) for row in tokens], dtype=np.int64)
        self.stack = layers_of(encoder.model)
        self.n_layers = max(0, len(self.stack) - upper_layers)
        own = team.own(np.arange(len(tokens)))
        self.rows = np.flatnonzero(own)
        self._offsets = offsets_of(np.where(own, self.lengths, 0))
        self._states: NDArray[np.float16] | None = None

    @property
    def kept(self) -> bool:
        """Whether the states of all texts are in memory."""
        return self._states is not None

    def keep(self, is_over: Callable[[], bool]) -> bool:
        """Compute the states of all texts, and keep them (float16) if they fit into memory.

        Args:
            is_over: called after each batch; True stops.

        Returns:
            False if it was stopped before the end.
        """
        if self.kept or int(self._offsets[-1]) * self.encoder.dim * 2 > _MEMORY:
            return True
        states = np.empty((int(self._offsets[-1]), self.encoder.dim), dtype=np.float16)
        for rows in self.batches():
            if is_over():
                return False
            for row, state in zip(rows, self._run(rows), strict=True):
                states[self._offsets[row] : self._offsets[row + 1]] = state
        self._states = states
        return True

    def states_of(self, rows: NDArray[np.int64]) -> list[NDArray[np.float16]]:
        """(n_tokens, dim) for each of some texts."""
        if self._states is None:
            return self._run(rows)
        return [self._states[self._offsets[row] : self._offsets[row + 1]] for row in rows]

    def batches(self) -> Iterator[NDArray[np.int64]]:
        """`rows` in batches of similar length."""
        for indices in batches_by_length(self.lengths[self.rows], _BATCH_TOKENS):
            yield self.rows[indices]

    def inputs(self, rows: NDArray[np.int64]) -> dict[str, torch.Tensor]:
        """input_ids and attention_mask of some texts, on the encoder's device."""
        padded = self.encoder.pad([self.tokens[row] for row in rows])
        return {name: tensor.to(self.encoder.device) for name, tensor in padded.items()}

    @contextmanager
    def replayed(self, rows: NDArray[np.int64]) -> Iterator[None]:
        """Let the encoder run only its upper layers, on the states of some texts."""
        states = self.states_of(rows)
        padded = np.zeros((len(rows), max(map(len, states)), self.encoder.dim), dtype=np.float16)
        for index, state in enumerate(states):
            padded[index, : len(state)] = state
        hidden = torch.from_numpy(padded).to(self.encoder.device, torch.float32)
        hook = self.stack[self.n_layers].register_forward_pre_hook(lambda layer, inputs: (hidden, *inputs[1:]))
        try:
            with self._only(slice(self.n_layers, None)):
                yield
        finally:
            hook.remove()

    def _run(self, rows: NDArray[np.int64]) -> list[NDArray[np.float16]]:
        seen: list[torch.Tensor] = []
        hook = self.stack[self.n_layers].register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[0]))
        try:
            with torch.inference_mode(), autocast(self.encoder.device), self._only(slice(0, self.n_layers + 1)):
                self.encoder.model(**self.inputs(rows))
        finally:
            hook.remove()
        hidden = seen.pop().to(torch.float16).cpu().numpy()
        return [hidden[index, : self.lengths[row]] for index, row in enumerate(rows)]

    @contextmanager
    def _only(self, kept: slice) -> Iterator[None]:
        """Let the model run only some of its layers; which layers it holds is restored afterwards."""
        layers = self.stack._modules.copy()
        chosen = list(layers.items())[kept]
        self.stack._modules = {str(index): layer for index, (_, layer) in enumerate(chosen)}
        try:
            yield
        finally:
            self.stack._modules = layers
