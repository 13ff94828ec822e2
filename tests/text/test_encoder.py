"""Any text has a unit vector; equal texts have equal ones; a missing encoder is named."""

from pathlib import Path

import numpy as np
import pytest

from recsys.errors import ConfigError
from recsys.text.encoder import TextEncoder, batches_by_length
from recsys.text.weights import locate, version_of

WEIRD = [
    "",
    "   ",
    "你好，世界" * 50,
    "مرحبا بالعالم",
    "🙂🚀",
    "<p>cat &amp; <b>dog</b></p>",
    "a" * 50_000,
    "cat dog " * 7_000,
    "\x00",
]


@pytest.fixture(scope="module")
def encoder(tiny_encoder: str) -> TextEncoder:
    return TextEncoder.load(tiny_encoder, 16)


@pytest.mark.parametrize("text", WEIRD)
def test_any_text_has_a_unit_vector(encoder: TextEncoder, text: str) -> None:
    vector = encoder.encode([text])
    assert vector.shape == (1, 32)
    assert vector.dtype == np.float32
    assert np.linalg.norm(vector[0]) == pytest.approx(1.0, abs=1e-5)


def test_no_texts_have_no_vectors(encoder: TextEncoder) -> None:
    assert encoder.encode([]).shape == (0, 32)
    assert encoder.tokens([]) == []


def test_each_distinct_text_is_computed_once_and_order_is_kept(encoder: TextEncoder) -> None:
    counts: list[int] = []
    vectors = encoder.encode(["cat food", "dog", "cat food", "a long bird story " * 5], counts.append)
    assert counts[-1] == 3
    assert np.array_equal(vectors[0], vectors[2])
    assert np.allclose(vectors[1], encoder.encode(["dog"])[0], atol=1e-5)


def test_padding_does_not_change_a_vector(encoder: TextEncoder) -> None:
    alone = encoder.encode(["cat"])
    beside = encoder.encode(["cat", "cat dog fish bird horse mouse food bed toy book"])
    assert np.allclose(alone[0], beside[0], atol=1e-5)


def test_batches_hold_every_row_once_within_the_budget() -> None:
    lengths = np.array([3, 50, 7, 7, 1, 20])
    batches = list(batches_by_length(lengths, 24))
    assert sorted(np.concatenate(batches).tolist()) == list(range(6))
    assert all(len(rows) == 1 or lengths[rows].max() * len(rows) <= 24 for rows in batches)


def test_a_missing_encoder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist; give a folder"):
        locate(str(tmp_path / "nothing"))
    with pytest.raises(ConfigError, match=r"no config\.json"):
        locate(str(tmp_path))


def test_a_folder_that_is_no_encoder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot be read"):
        TextEncoder.load(str(tmp_path), 16)


def test_the_version_names_weights_and_length(tiny_encoder: str) -> None:
    folder = locate(tiny_encoder)
    assert version_of(folder, 16) == version_of(folder, 16)
    assert version_of(folder, 16) != version_of(folder, 32)


def test_the_packaged_encoder_finds_what_is_alike() -> None:
    encoder = TextEncoder.load("all-MiniLM-L6-v2", 32)
    glove, mitten, drill = encoder.encode(["warm winter gloves", "knitted mittens", "cordless drill"])
    assert glove @ mitten > 0.4 > glove @ drill
