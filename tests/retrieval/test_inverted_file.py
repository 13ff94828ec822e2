"""Vectors in cells: near ones are found by reading some of them."""

from pathlib import Path

import numpy as np
import pytest

from recsys.retrieval.inverted_file import InvertedFile


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:  # type: ignore[type-arg]
    """4,000 vectors about 40 topics."""
    rng = np.random.default_rng(0)
    topics = rng.standard_normal((40, 16)).astype(np.float32)
    return topics[rng.integers(0, 40, 4_000)] + 0.4 * rng.standard_normal((4_000, 16)).astype(np.float32)


def test_every_vector_is_in_one_cell(vectors: np.ndarray) -> None:  # type: ignore[type-arg]
    inverted_file = InvertedFile.of(vectors)
    assert np.sort(inverted_file.members).tolist() == [*range(4_000)]
    assert inverted_file.starts[-1] == 4_000
    assert sorted(inverted_file.nearest(vectors[0], 4_000).tolist()) == [*range(4_000)]
    assert len(inverted_file.nearest(vectors[0], 10**6)) == 4_000


def test_a_tenth_of_the_vectors_holds_nine_of_ten_of_the_best(vectors: np.ndarray) -> None:  # type: ignore[type-arg]
    inverted_file, found = InvertedFile.of(vectors), []
    for query in vectors[::100]:
        near = inverted_file.nearest(query, 400)
        assert 400 <= len(near) < 700
        best = np.argsort(-(vectors @ query))[:50]
        found.append(np.isin(best, near).mean())
    assert np.mean(found) > 0.9


@pytest.mark.parametrize("n", [0, 1, 3])
def test_fewer_vectors_than_asked_for_are_all_found(n: int) -> None:
    inverted_file = InvertedFile.of(np.eye(3, dtype=np.float32)[:n])
    assert sorted(inverted_file.nearest(np.ones(3, dtype=np.float32), 2).tolist())[:2] == [*range(n)][:2]


def test_a_loaded_file_finds_the_same(vectors: np.ndarray, tmp_path: Path) -> None:  # type: ignore[type-arg]
    inverted_file = InvertedFile.of(vectors, seed=3)
    inverted_file.save(tmp_path / "cells")
    loaded = InvertedFile.load(tmp_path / "cells")
    for query in vectors[:3]:
        np.testing.assert_array_equal(loaded.nearest(query, 100), inverted_file.nearest(query, 100))
    np.testing.assert_array_equal(InvertedFile.of(vectors, seed=3).members, inverted_file.members)
