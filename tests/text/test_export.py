"""The exported encoder gives what torch gives; int8 gives nearly that."""

from pathlib import Path

import numpy as np
import pytest
import torch

from recsys.text.cache import VectorCache
from recsys.text.encoder import TextEncoder
from recsys.text.tuning.adapter import AdaptedEncoder

WEIRD = ["", "cat", "cat food " * 40, "🙂🚀", "dog bed"]


@pytest.fixture
def encoder(tiny_encoder: str) -> TextEncoder:
    return TextEncoder.load(tiny_encoder, 16)


@pytest.mark.parametrize(("precision", "similarity"), [("float32", 0.99999), ("int8", 0.99)])
def test_an_exported_encoder_gives_the_same_vectors(
    precision: str, similarity: float, encoder: TextEncoder, texts: list[str], tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime", reason="recsys[onnx] is not installed")
    from recsys.text.export import OnnxEncoder, export_encoder

    adapter = AdaptedEncoder(encoder, encoder.tokens(texts), "lora", 2, 1)
    optimizer = torch.optim.Adam(adapter.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        adapter.embed(np.arange(8))[:, 0].sum().backward()
        optimizer.step()
    tuned = adapter.finished()
    export_encoder(tuned, tmp_path / "encoder.onnx", precision)
    assert [path.name for path in tmp_path.iterdir()] == ["encoder.onnx"]
    exported = OnnxEncoder(tmp_path / "encoder.onnx", tuned, precision, threads=1)
    asked = [*texts, *WEIRD, texts[0]]
    vectors = exported.encode(asked)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    assert (vectors * tuned.encode(asked)).sum(axis=1).min() > similarity
    assert exported.encode([]).shape == (0, 32)
    assert exported.version != tuned.version


def test_a_retrained_encoder_reads_only_what_changed(encoder: TextEncoder, texts: list[str], tmp_path: Path) -> None:
    cache = VectorCache(tmp_path / "vectors.db")
    cache.vectors(encoder, texts)
    read: list[int] = []
    cache.vectors(encoder, [*texts[:-1], "another cat"], read.append)
    assert read == [1]
    tuned = encoder.changed({"encoder.layer.2.output.dense.bias": torch.ones(32)})
    cache.keep(tuned.version, texts, tuned.encode(texts))
    read.clear()
    cache.vectors(tuned, [*texts, "yet another cat"], read.append)
    assert read == [1]
