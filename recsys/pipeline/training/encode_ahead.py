"""Texts encoded side by side before a training, which then finds their vectors in the cache."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from recsys.config import TextConfig
from recsys.counts import counted
from recsys.pipeline.engines.engine import Engine
from recsys.progress import Progress
from recsys.text.cache import VectorCache
from recsys.text.encoder import TextEncoder

_TEXTS_PER_TASK = 2_000


def encode_ahead(
    texts: Sequence[str], config: TextConfig, cache: VectorCache, engine: Engine, progress: Progress
) -> None:
    """Encode what the cache lacks in all processes of an engine.

    Raises:
        ConfigError: the encoder is not found, here or there.
        DataError: see `Engine.run`.
    """
    opened = partial(TextEncoder.load, config.encoder, config.max_tokens)
    version = opened().version
    missing = cache.missing(version, texts)
    tasks = [(missing[start : start + _TEXTS_PER_TASK],) for start in range(0, len(missing), _TEXTS_PER_TASK)]
    done = 0
    for encoded in engine.run(opened, encode, tasks):
        if encoded is not None:
            cache.keep(version, *encoded)
            done += len(encoded[0])
            progress(f"encoded {done:,} of {counted(len(missing), 'new text')}")


def encode(encoder: TextEncoder, texts: Sequence[str]) -> tuple[Sequence[str], NDArray[np.float32]]:
    """The texts and their (n, dim) vectors."""
    return texts, encoder.encode(texts)
