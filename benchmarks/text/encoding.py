"""Texts a second of every way to run the encoder, beside sentence-transformers and the arithmetic floor, in one run."""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from recsys.text.encoder import TextEncoder
from recsys.text.export import OnnxEncoder, export_encoder
from recsys.text.weights import locate

_ROUNDS = 5
_SIZE = 1_024
_INT8_OVER_FLOAT32 = 4.0
"""Products a second that VNNI adds at most."""

Encode = Callable[[Sequence[str]], NDArray[np.float32]]


def encoding_table(
    encoder: TextEncoder,
    texts: Sequence[str],
    vectors: NDArray[np.float32],
    ndcg: Callable[[NDArray[np.float32]], float],
    most: int,
) -> Iterator[str]:
    """A table in Markdown.

    Args:
        encoder: what is run.
        texts: (n_items,) of the catalogue; `most` distinct ones are encoded for the speed.
        vectors: (n_items, dim) of all of them in float32.
        ndcg: test ndcg@10 with item vectors (n_items, dim).
        most: texts to time.
    """
    distinct = list(dict.fromkeys(texts))
    some = distinct[:: max(1, len(distinct) // most)][:most]
    with tempfile.TemporaryDirectory() as folder:
        ways = _ways(encoder, Path(folder))
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(_ROUNDS):  # in turn, so that a busy moment meets all of them
            for name, encode in ways.items():
                started = time.perf_counter()
                encode(some)
                seconds[name].append(time.perf_counter() - started)
        first = np.array(seconds["sentence-transformers"])
        flops, speed = _flops(encoder, some), _flops_per_second()
        floor = flops / speed
        exact = ndcg(vectors)
        yield (
            f"{len(some):,} distinct texts, {_ROUNDS} rounds in turn, medians, {torch.get_num_threads()} thread(s). "
            f"Floor: {flops / 1e9:.0f} GFLOP at the {speed / 1e9:.0f} GFLOPS of a float32 product of this run, "
            f"{len(some) / floor:.0f} texts/s; int8 {_INT8_OVER_FLOAT32:.0f} x that.\n"
        )
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


def _ways(encoder: TextEncoder, folder: Path) -> dict[str, Encode]:
    from sentence_transformers import SentenceTransformer

    peer = SentenceTransformer(str(locate(encoder.name)), device="cpu")
    peer.max_seq_length = encoder.max_tokens
    export_encoder(encoder, folder / "float32.onnx", "float32")
    export_encoder(encoder, folder / "int8.onnx", "int8")
    threads = torch.get_num_threads()  # the same for all
    return {
        "sentence-transformers": lambda texts: np.asarray(peer.encode(list(texts))),
        "torch, float32": encoder.encode,
        "ONNX, float32": OnnxEncoder(folder / "float32.onnx", encoder, "float32", threads).encode,
        "ONNX, int8": OnnxEncoder(folder / "int8.onnx", encoder, "int8", threads).encode,
    }


def _flops(encoder: TextEncoder, texts: Sequence[str]) -> float:
    """Multiplications and additions: two for each weight and token, four a layer for each number and pair of tokens."""
    lengths = np.array([len(row) for row in encoder.tokens(texts)], dtype=np.float64)
    layers = encoder.model.config.num_hidden_layers
    weights = sum(p.numel() for name, p in encoder.model.named_parameters() if ".layer." in name and p.ndim == 2)
    return float(2.0 * weights * lengths.sum() + 4.0 * layers * encoder.dim * (lengths**2).sum())


def _flops_per_second() -> float:
    """Of a large matrix product in float32 now, with the threads of this run."""
    matrix = torch.ones(_SIZE, _SIZE)
    best = np.inf
    for _ in range(10):
        started = time.perf_counter()
        matrix @ matrix
        best = min(best, time.perf_counter() - started)
    return float(2.0 * _SIZE**3 / best)
