"""The encoder as ONNX: float32, and int8 with scales per output channel; tuned weights are in it already.

For programs of one's own, with recsys[onnx]; everything here reads texts through torch (`TextEncoder`).
"""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from recsys.errors import ConfigError
from recsys.text.encoder import TextEncoder, batches_by_length

Precision = Literal["float32", "int8"]

_TOKENS_PER_BATCH = 512
"""What goes through a layer stays in the caches: a tenth faster than batches of 2,048 tokens."""

_SLOWER = ["SkipLayerNormFusion"]
"""Optimisations of onnxruntime that cost time: its fused sum and norm takes five times as long as the two apart."""

_OPSET = 17


class _LastHidden(torch.nn.Module):
    """What the exporter traces: two tensors in, one out."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Mean over the tokens that are not padding, of length 1: (n, length) int64, twice -> (n, dim)."""
        hidden = self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        weights = attention_mask.unsqueeze(-1).to(hidden.dtype)
        pooled = (hidden * weights).sum(1) / weights.sum(1)
        unit: torch.Tensor = pooled / pooled.norm(dim=-1, keepdim=True)
        return unit


def export_encoder(encoder: TextEncoder, path: Path, precision: Precision) -> None:
    """Write an encoder as one ONNX file.

    int8 quantises weights ahead, symmetric per output channel, and activations as they come (dynamic). Weights take
    seven bits: without VNNI instructions, sums of two products of eight bits overflow the 16 bits they are kept in.

    Args:
        encoder: with or without tuning.
        path: of the file.
        precision: of the weights.

    Raises:
        ConfigError: onnx or onnxruntime is not installed.
    """
    try:
        import onnxruntime.quantization as quantization
    except ImportError as error:
        raise ConfigError("install recsys[onnx] to export the encoder") from error
    path.parent.mkdir(parents=True, exist_ok=True)
    plain = path if precision == "float32" else path.with_suffix(".float32.onnx")
    example = encoder.pad(encoder.tokens(["one text", "and a longer one"]))
    names = ["input_ids", "attention_mask"]
    axes = {name: {0: "texts", 1: "tokens"} for name in names} | {"vectors": {0: "texts"}}
    model, attention = _LastHidden(encoder.model).eval().cpu(), encoder.model.config._attn_implementation
    encoder.model.set_attn_implementation("eager")  # the fused one is written out with guards that cost 8 % of the time
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # of torch and transformers about how they trace each other
        torch.onnx.export(
            model, tuple(example[name] for name in names), str(plain), input_names=names, output_names=["vectors"],
            dynamic_axes=axes, opset_version=_OPSET, dynamo=False,
        )  # fmt: skip
    encoder.model.set_attn_implementation(attention)
    encoder.model.to(encoder.device)
    if precision == "int8":
        quantization.quantize_dynamic(
            str(plain), str(path), per_channel=True, weight_type=quantization.QuantType.QInt8,
            op_types_to_quantize=["MatMul"], reduce_range=True,
        )  # fmt: skip
        plain.unlink()


class OnnxEncoder:
    """An exported encoder: gives what `TextEncoder.encode` gives, through onnxruntime.

    Attributes:
        version: that of the encoder, and the precision.
        dim: of the vectors.
    """

    def __init__(self, path: Path, encoder: TextEncoder, precision: Precision, threads: int = 0) -> None:
        """Open a file that `export_encoder` wrote.

        Args:
            path: of the file.
            encoder: what was exported; its tokenizer is used.
            precision: that of the file.
            threads: that compute; 0 lets onnxruntime choose.

        Raises:
            ConfigError: onnxruntime is not installed.
        """
        try:
            import onnxruntime
        except ImportError as error:
            raise ConfigError("install recsys[onnx] to run an exported encoder") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"], disabled_optimizers=_SLOWER
        )
        self._encoder = encoder
        self.version = f"{encoder.version}-onnx-{precision}"
        self.dim = encoder.dim

    def encode(self, texts: Sequence[str], done: Callable[[int], None] | None = None) -> NDArray[np.float32]:
        """(n, dim) float32 unit rows; each distinct text is computed once. `done` hears how many are done."""
        distinct = {text: row for row, text in enumerate(dict.fromkeys(texts))}
        tokens = self._encoder.tokens(list(distinct))
        vectors = np.empty((len(distinct), self.dim), dtype=np.float32)
        finished = 0
        for rows in batches_by_length(np.array([len(row) for row in tokens], dtype=np.int64), _TOKENS_PER_BATCH):
            inputs = {name: tensor.numpy() for name, tensor in self._encoder.pad([tokens[row] for row in rows]).items()}
            vectors[rows] = self._session.run(None, inputs)[0]
            finished += len(rows)
            if done is not None:
                done(finished)
        return vectors[[distinct[text] for text in texts]]
