"""Texts to unit vectors with any Hugging Face encoder: mean pooling over the tokens (Reimers & Gurevych, 2019)."""

import hashlib
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from recsys.errors import ConfigError
from recsys.text.weights import locate, version_of

TOKENS_PER_BATCH = {"cpu": 1_024, "cuda": 65_536}
"""Padded tokens of one batch: what fits the caches of a CPU, what fills a GPU."""

_CHARACTERS_PER_TOKEN = 32
"""Texts are cut at this many characters a token before they are split: tokenizers slow down on very long ones."""


@dataclass(frozen=True)
class TokenBatch:
    """Texts of similar length, padded together.

    Attributes:
        rows: (n,) places of the texts in the list they came from.
        inputs: input_ids and attention_mask, (n, length) int64.
    """

    rows: NDArray[np.int64]
    inputs: dict[str, torch.Tensor]


@dataclass(frozen=True)
class TunedWeights:
    """What fine-tuning made of an encoder: some of its weights by name, and what they were before."""

    weights: Mapping[str, torch.Tensor]
    originals: Mapping[str, torch.Tensor]


class TextEncoder:
    """An encoder for inference. `version` names weights, tokenizer and max_tokens: equal versions give equal vectors.

    Attributes:
        name: as the config has it.
        base_version: `version` of the encoder before it was tuned.
        max_tokens: longer texts are cut.
        dim: of the vectors.
        model, tokenizer: of transformers; the model is on `device`.
        tuning: the weights that were tuned; None where it is as it came.
    """

    def __init__(
        self, name: str, version: str, max_tokens: int, tokenizer: Any, model: Any, tuning: TunedWeights | None = None
    ) -> None:
        self.name = name
        self.base_version = version
        self.version = version if tuning is None else f"{version}-{_digest(tuning.weights)}"
        self.max_tokens = max_tokens
        self.tokenizer = tokenizer
        self.model = model
        self.tuning = tuning
        self.dim = int(model.config.hidden_size)
        self.device = next(model.parameters()).device

    @classmethod
    def load(cls, name: str, max_tokens: int) -> "TextEncoder":
        """Load an encoder on the GPU if there is one, else on the CPU.

        Args:
            name: 'all-MiniLM-L6-v2' (packaged), a local folder, or a hub name.
            max_tokens: longer texts are cut; lowered to what the model can read.

        Raises:
            ConfigError: the encoder is not found, or its files cannot be read.
        """
        folder = locate(name)
        with warnings.catch_warnings():  # of tqdm in a notebook, where it would rather draw its bars with ipywidgets
            warnings.filterwarnings("ignore", message="IProgress not found")
            from transformers import AutoModel, AutoTokenizer
            from transformers.utils import logging

        shows_bars = logging.is_progress_bar_enabled()
        logging.disable_progress_bar()
        try:
            tokenizer = AutoTokenizer.from_pretrained(str(folder))
            model = AutoModel.from_pretrained(str(folder), dtype=torch.float32).eval().requires_grad_(False)
        except (OSError, ValueError, KeyError) as error:
            raise ConfigError(f"text.encoder: {folder} cannot be read as a Hugging Face encoder: {error}") from error
        finally:
            if shows_bars:
                logging.enable_progress_bar()
        positions = getattr(model.config, "max_position_embeddings", max_tokens)
        max_tokens = min(max_tokens, positions, tokenizer.model_max_length)
        model.to("cuda" if torch.cuda.is_available() else "cpu")
        return cls(name, version_of(folder, max_tokens), max_tokens, tokenizer, model)

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process opens what is installed there, and takes the tuned weights."""
        where = str(Path(self.name).absolute()) if Path(self.name).is_dir() else self.name
        return _opened, (self.name, where, self.max_tokens, self.base_version, self.tuning and self.tuning.weights)

    def changed(
        self, weights: Mapping[str, torch.Tensor], originals: Mapping[str, torch.Tensor] | None = None
    ) -> "TextEncoder":
        """This encoder with some weights replaced. The model is shared: this one must not be used afterwards.

        Args:
            weights: new values by the names of the model's parameters.
            originals: what they were, where the model holds the new ones already.
        """
        if not weights:
            return self
        if originals is None:
            parameters = dict(self.model.named_parameters())
            originals = {name: parameters[name].detach().clone() for name in weights}
        self._set(weights)
        earlier = self.tuning or TunedWeights({}, {})
        tuning = TunedWeights({**earlier.weights, **weights}, {**originals, **earlier.originals})
        return TextEncoder(self.name, self.base_version, self.max_tokens, self.tokenizer, self.model, tuning)

    @contextmanager
    def untuned(self) -> Iterator["TextEncoder"]:
        """The encoder as it came, for a while; not to be used by two threads at once."""
        if self.tuning is None:
            yield self
            return
        self._set(self.tuning.originals)
        try:
            yield TextEncoder(self.name, self.base_version, self.max_tokens, self.tokenizer, self.model)
        finally:
            self._set(self.tuning.weights)

    def _set(self, weights: Mapping[str, torch.Tensor]) -> None:
        parameters = dict(self.model.named_parameters())
        with torch.no_grad():
            for name, tensor in weights.items():
                # A value of its own: the tensor that was there may be an original, or one of the weights.
                parameters[name].data = tensor.to(self.device, copy=True)

    def encode(self, texts: Sequence[str], done: Callable[[int], None] | None = None) -> NDArray[np.float32]:
        """Encode texts; each distinct one is computed once.

        Args:
            texts: any strings; an empty one has a vector too.
            done: called after each batch with the number of distinct texts encoded so far.

        Returns:
            (n, dim) float32, rows of length 1.
        """
        distinct = {text: row for row, text in enumerate(dict.fromkeys(texts))}
        vectors = np.empty((len(distinct), self.dim), dtype=np.float32)
        finished = 0
        for batch in self.batches(list(distinct)):
            vectors[batch.rows] = self.embed(batch)
            finished += len(batch.rows)
            if done is not None:
                done(finished)
        return vectors[[distinct[text] for text in texts]]

    def embed(self, batch: TokenBatch) -> NDArray[np.float32]:
        """(n, dim) float32 unit rows of one batch."""
        inputs = {name: tensor.to(self.device) for name, tensor in batch.inputs.items()}
        with torch.inference_mode(), autocast(self.device):
            hidden = self.model(**inputs).last_hidden_state
        pooled = mean_pool(hidden.float(), inputs["attention_mask"])
        array: NDArray[np.float32] = torch.nn.functional.normalize(pooled, dim=-1).cpu().numpy()
        return array

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Token numbers of each text, special tokens included, at most `max_tokens` and at least one."""
        if not texts:
            return []
        cut = [text[: self.max_tokens * _CHARACTERS_PER_TOKEN] for text in texts]
        ids = self.tokenizer(cut, truncation=True, max_length=self.max_tokens, padding=False)["input_ids"]
        unknown = self.tokenizer.unk_token_id or 0
        # A tokenizer without special tokens gives nothing for an empty text; a mean needs one token.
        return [list(row) or [unknown] for row in ids]

    def batches(self, texts: Sequence[str]) -> Iterator[TokenBatch]:
        """The texts in batches of similar length and bounded size, the longest first."""
        ids = self.tokens(texts)
        for rows in batches_by_length(np.array([len(row) for row in ids]), TOKENS_PER_BATCH[self.device.type]):
            yield TokenBatch(rows, self.pad([ids[row] for row in rows]))

    def pad(self, ids: Sequence[Sequence[int]]) -> dict[str, torch.Tensor]:
        """input_ids and attention_mask of one batch."""
        length = max(map(len, ids))
        tokens = torch.full((len(ids), length), self.tokenizer.pad_token_id or 0, dtype=torch.int64)
        mask = torch.zeros((len(ids), length), dtype=torch.int64)
        for row, numbers in enumerate(ids):
            tokens[row, : len(numbers)] = torch.tensor(numbers)
            mask[row, : len(numbers)] = 1
        return {"input_ids": tokens, "attention_mask": mask}


def _opened(
    name: str, where: str, max_tokens: int, version: str, weights: Mapping[str, torch.Tensor] | None
) -> TextEncoder:
    encoder = TextEncoder.load(where, max_tokens)
    if encoder.version != version:
        raise ConfigError(f"text.encoder: {where} has version {encoder.version} here, not {version}; install that one")
    encoder.name = name
    return encoder.changed(weights or {})


def _digest(weights: Mapping[str, torch.Tensor]) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(weights.items()):
        digest.update(name.encode() + tensor.cpu().numpy().tobytes())
    return digest.hexdigest()[:12]


def batches_by_length(lengths: NDArray[np.int64], budget: int) -> Iterator[NDArray[np.int64]]:
    """Rows in batches of similar length, longest first, each of at most `budget` padded tokens (or a single row)."""
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        size = max(1, budget // int(lengths[order[start]]))
        yield order[start : start + size]
        start += size


def mean_pool(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean over the tokens that are not padding. hidden (n, length, dim), mask (n, length) -> (n, dim)."""
    weights = mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * weights).sum(1) / weights.sum(1)


def autocast(device: torch.device) -> torch.autocast:
    """bfloat16 arithmetic on a GPU, plain float32 on a CPU (few have bfloat16 units)."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda")
