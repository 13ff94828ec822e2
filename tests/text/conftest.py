"""A tiny encoder, texts and a log in which what comes next can be read from the texts."""

from pathlib import Path

import numpy as np
import pytest
from text_world import DAY, SUBJECTS, THINGS, make_log

from recsys.data.log.interactions import InteractionLog


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with a three-layer BERT of 32 dimensions, random weights, and a WordPiece vocabulary."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("encoder")
    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,<>/"
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *SUBJECTS, *THINGS, *letters, *(f"##{c}" for c in letters)]
    (folder / "vocab.txt").write_text("\n".join(pieces), encoding="utf-8")
    BertTokenizerFast(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    torch.manual_seed(1)
    settings = BertConfig(
        vocab_size=len(pieces),
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=48,
        max_position_embeddings=64,
        initializer_range=0.2,
    )
    BertModel(settings).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session")
def texts() -> list[str]:
    """48 items: every subject with every thing."""
    return [f"{subject} {thing}" for subject in SUBJECTS for thing in THINGS]


@pytest.fixture(scope="session")
def log(texts: list[str]) -> InteractionLog:
    """120 users who each stay with one subject and buy its things in turn, and look at two others."""
    generator = np.random.default_rng(3)
    rows = []
    for user in range(120):
        subject = user % len(SUBJECTS)
        first = int(generator.integers(len(THINGS)))
        things = [(first + place) % len(THINGS) for place in range(len(THINGS))]
        rows.extend((user, subject * len(THINGS) + thing, 1, day * DAY + user, 4.0) for day, thing in enumerate(things))
        rows.extend((user, int(generator.integers(len(texts))), 0, day * DAY + user + 500, 0.0) for day in range(2))
    return make_log(rows, n_items=len(texts))


@pytest.fixture
def cache_path(tmp_path: Path) -> Path:
    return tmp_path / "vectors.db"
