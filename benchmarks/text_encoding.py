"""Texts a second of every way to run the encoder, beside sentence-transformers and the arithmetic floor, in one run."""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recsys.text.encoder import TextEncoder
from recsys.text.export import OnnxEncoder, export_encoder
from recsys.text.quantised import Int8Vectors
from recsys.text.weights import locate

_ROUNDS = 3
_INT8_OVER_FLOAT32 = 4.0
"""Products a second that VNNI adds at most."""

Encode = Callable[[Sequence[str]], NDArray[np.float32]]


def encoding_table(
    encoder: TextEncoder, texts: Sequence[str], ndcg: Callable[[NDArray[np.float32]], float], most: int
) -> Iterator[str]:
    """A table in Markdown.

    Args:
        encoder: what is run.
        texts: (n_items,) of the catalogue; `most` distinct ones are encoded for the speed.
        ndcg: test ndcg@10 with item vectors (n_items, dim).
        most: texts to time.
    """
    some = list(dict.fromkeys(texts))[:most]
    with tempfile.TemporaryDirectory() as folder:
        ways = _ways(encoder, Path(folder))
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(_ROUNDS):  # in turn, so that a busy moment meets all of them
            for name, encode in ways.items():
                started = time.perf_counter()
                encode(some)
                seconds[name].append(time.perf_counter() - started)
        first = np.array(seconds["sentence-transformers"])
        floor = _floor_seconds(encoder, some)
        vectors = encoder.encode(texts)
        exact = ndcg(vectors)
        yield f"\nEncoding {len(some):,} distinct texts, {_ROUNDS} rounds in turn, medians.\n"
        yield "| way | texts/s | over sentence-transformers | share of the floor | test ndcg@10 | loss |"
        yield "| --- | --- | --- | --- | --- | --- |"
        for name, encode in ways.items():
            took = np.array(seconds[name])
            share = floor / (_INT8_OVER_FLOAT32 if "int8" in name else 1.0) / np.median(took)
            value = exact if "float32" in name or name == "sentence-transformers" else ndcg(encode(texts))
            yield (
                f"| {name} | {len(some) / np.median(took):.0f} | {np.median(first / took):.2f} | {share:.0%} | "
                f"{value:.4f} | {1 - value / exact:+.2%} |"
            )
        rounded = ndcg(Int8Vectors.of(vectors).restored())
        yield f"\nItem vectors in int8 (a scale a row): test ndcg@10 {rounded:.4f}, loss {1 - rounded / exact:+.2%}."


def _ways(encoder: TextEncoder, folder: Path) -> dict[str, Encode]:
    from sentence_transformers import SentenceTransformer

    peer = SentenceTransformer(str(locate(encoder.name)), device="cpu")
    peer.max_seq_length = encoder.max_tokens
    export_encoder(encoder, folder / "float32.onnx", "float32")
    export_encoder(encoder, folder / "int8.onnx", "int8")
    return {
        "sentence-transformers": lambda texts: np.asarray(peer.encode(list(texts))),
        "torch, float32": encoder.encode,
        "ONNX, float32": OnnxEncoder(folder / "float32.onnx", encoder, "float32").encode,
        "ONNX, int8": OnnxEncoder(folder / "int8.onnx", encoder, "int8").encode,
    }


def _floor_seconds(encoder: TextEncoder, texts: Sequence[str]) -> float:
    """The time that the multiplications alone take, at the speed of a large matrix product now."""
    lengths = np.array([len(row) for row in encoder.tokens(texts)], dtype=np.float64)
    layers = encoder.model.config.num_hidden_layers
    weights = sum(p.numel() for name, p in encoder.model.named_parameters() if ".layer." in name and p.ndim == 2)
    flops = 2.0 * weights * lengths.sum() + 4.0 * layers * encoder.dim * (lengths**2).sum()
    size = 1_024
    matrix = np.ones((size, size), dtype=np.float32)
    best = np.inf
    for _ in range(10):
        started = time.perf_counter()
        matrix @ matrix
        best = min(best, time.perf_counter() - started)
    return float(flops / (2.0 * size**3 / best))
