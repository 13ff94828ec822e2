"""Vectors in cells: near ones are found by reading some of them."""

from pathlib import Path

import numpy as np
import pytest

from recsys.retrieval.cells import Cells


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:  # type: ignore[type-arg]
    """4,000 vectors about 40 topics."""
    rng = np.random.default_rng(0)
    topics = rng.standard_normal((40, 16)).astype(np.float32)
    return topics[rng.integers(0, 40, 4_000)] + 0.4 * rng.standard_normal((4_000, 16)).astype(np.float32)


def test_every_vector_is_in_one_cell(vectors: np.ndarray) -> None:  # type: ignore[type-arg]
    cells = Cells.of(vectors)
    assert np.sort(cells.members).tolist() == [*range(4_000)]
    assert cells.starts[-1] == 4_000
    assert sorted(cells.near(vectors[0], 4_000).tolist()) == [*range(4_000)]
    assert len(cells.near(vectors[0], 10**6)) == 4_000


def test_a_tenth_of_the_vectors_holds_nine_of_ten_of_the_best(vectors: np.ndarray) -> None:  # type: ignore[type-arg]
    cells, found = Cells.of(vectors), []
    for query in vectors[::100]:
        near = cells.near(query, 400)
        assert 400 <= len(near) < 700
        best = np.argsort(-(vectors @ query))[:50]
        found.append(np.isin(best, near).mean())
    assert np.mean(found) > 0.9


@pytest.mark.parametrize("n", [0, 1, 3])
def test_few_vectors(n: int) -> None:
    cells = Cells.of(np.eye(3, dtype=np.float32)[:n])
    assert sorted(cells.near(np.ones(3, dtype=np.float32), 2).tolist())[:2] == [*range(n)][:2]


def test_save_and_load(vectors: np.ndarray, tmp_path: Path) -> None:  # type: ignore[type-arg]
    cells = Cells.of(vectors, seed=3)
    cells.save(tmp_path / "cells")
    loaded = Cells.load(tmp_path / "cells")
    for query in vectors[:3]:
        np.testing.assert_array_equal(loaded.near(query, 100), cells.near(query, 100))
    np.testing.assert_array_equal(Cells.of(vectors, seed=3).members, cells.members)
