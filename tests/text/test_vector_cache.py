"""What was encoded once is read, not computed; many processes may share the file."""

import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from recsys.errors import BundleError, StoreError
from recsys.text.cache import VectorCache


class LetterCounter:
    """An encoder that remembers what it was asked."""

    dim = 26

    def __init__(self, version: str = "v1") -> None:
        self.version = version
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str], done: Callable[[int], None] | None = None) -> NDArray[np.float32]:
        self.asked.extend(texts)
        return np.array([[text.count(chr(97 + place)) for place in range(26)] for text in texts], dtype=np.float32)


def test_only_changed_texts_are_encoded(cache_path: Path) -> None:
    encoder, cache = LetterCounter(), VectorCache(cache_path)
    first = cache.vectors(encoder, ["cat", "dog", "cat", ""])
    encoder.asked.clear()
    second = VectorCache(cache_path).vectors(encoder, ["dog", "bird", "cat", "cat"])
    assert encoder.asked == ["bird"]
    assert np.array_equal(second[[0, 2]], first[[1, 0]])
    assert cache.count() == 4


def test_another_version_is_another_vector(cache_path: Path) -> None:
    cache, newer = VectorCache(cache_path), LetterCounter("v2")
    cache.vectors(LetterCounter("v1"), ["cat"])
    cache.vectors(newer, ["cat"])
    assert newer.asked == ["cat"]


def test_vectors_of_encoders_that_were_tuned_before_go(cache_path: Path) -> None:
    cache, one = VectorCache(cache_path), np.ones((1, 2), dtype=np.float32)
    for version in ("a-t64", "a-t64-1", "a-t64-2", "a-t648-1", "b-t64-1"):
        cache.keep(version, ["lamp"], one)
    cache.drop_tuned("a-t64", ["a-t64-2"])
    kept = [
        version
        for version in ("a-t64", "a-t64-1", "a-t64-2", "a-t648-1", "b-t64-1")
        if not cache.missing(version, ["lamp"])
    ]
    assert kept == ["a-t64", "a-t64-2", "a-t648-1", "b-t64-1"]


def test_no_texts_and_half_surrogate_pairs_have_vectors(cache_path: Path) -> None:
    cache = VectorCache(cache_path)
    assert cache.vectors(LetterCounter(), []).shape == (0, 26)
    assert cache.vectors(LetterCounter(), ["\ud800"]).shape == (1, 26)


def test_writers_at_the_same_time_keep_each_text_once(cache_path: Path) -> None:
    def work(worker: int) -> NDArray[np.float32]:
        return VectorCache(cache_path).vectors(LetterCounter(), [chr(97 + (worker + k) % 20) * 3 for k in range(10)])

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(work, range(20)))
    assert all(np.array_equal(vectors.sum(axis=1), np.full(10, 3.0)) for vectors in results)
    assert VectorCache(cache_path).count() == 20


def test_a_damaged_file_is_begun_anew_with_a_word(cache_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache_path.write_bytes(b"no database" * 100)
    cache = VectorCache(cache_path)
    assert "vectors.db is begun anew, for it is damaged: file is not a database" in caplog.text
    cache.vectors(LetterCounter(), [f"{number} lamps" for number in range(200)])
    size = cache_path.stat().st_size
    with cache_path.open("r+b") as file:  # its pages, behind a sound head
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))
    assert cache.vectors(LetterCounter(), ["a"]).shape == (1, 26)
    assert cache.count() == 1
    assert "malformed" in caplog.text


def test_a_file_that_may_only_be_read_is_not_said_to_be_damaged(
    cache_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, encoder = VectorCache(cache_path), LetterCounter()
    cache.vectors(encoder, ["a"])
    real = sqlite3.connect

    def read_only(path: Path, **options: float) -> sqlite3.Connection:
        return real(f"file:{path}?mode=ro", uri=True, **options)

    monkeypatch.setattr(sqlite3, "connect", read_only)
    assert len(cache.vectors(encoder, ["a"])) == 1, "what is known is read"
    with pytest.raises(StoreError, match=r"is read-only .*, and new vectors are not kept; make it") as caught:
        cache.vectors(encoder, ["b"])
    assert "delete" not in str(caught.value)


def test_where_it_cannot_be_and_a_full_disk_are_reported(cache_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache_path.touch()
    with pytest.raises(StoreError, match=r"vectors\.db"):
        VectorCache(cache_path / "inside")

    def full(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(sqlite3, "connect", full)
    with pytest.raises(BundleError, match=r"vectors\.db cannot be written.*make room"):
        VectorCache(cache_path)
