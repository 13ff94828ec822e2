"""Texts encoded in another process are found by a training."""

from pathlib import Path

import numpy as np

from recsys.config import TextConfig
from recsys.pipeline.engines.processes import Processes
from recsys.pipeline.training.encode_ahead import encode_ahead
from recsys.text.cache import VectorCache
from recsys.text.encoder import TextEncoder


def test_what_is_missing_is_encoded_elsewhere_and_kept(tmp_path: Path) -> None:
    config = TextConfig(max_tokens=16)
    cache, encoder = VectorCache(tmp_path / "vectors"), TextEncoder.load(config.encoder, config.max_tokens)
    texts = ["green tea", "black coffee", "green tea", "a mug"]
    known = cache.vectors(encoder, texts[:1])
    messages: list[str] = []
    encode_ahead(texts, config, cache, Processes(1), messages.append)
    assert messages == ["encoded 2 of 2 new texts"]
    assert cache.missing(encoder.version, texts) == []
    np.testing.assert_allclose(cache.vectors(encoder, texts), encoder.encode(texts), atol=1e-6)
    np.testing.assert_array_equal(cache.vectors(encoder, texts[:1]), known)
