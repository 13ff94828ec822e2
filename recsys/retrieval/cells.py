"""An inverted file over vectors: those near to each other share a cell, and a search reads the nearest cells only.

Sivic and Zisserman, Video Google, ICCV 2003; Jegou et al., Product quantization for nearest neighbor search, 2011.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recsys.data.arrays import load_array, save_array
from recsys.retrieval.compiled import PLACE, places_in, products, rank_keys

_CELLS = 4.0
"""Cells are so many times the square root of the vectors: finding the cells costs about what reading them does."""

_SAMPLE = 40
"""Vectors a cell that the middles are learned from."""

_ROUNDS = 5
_BLOCK = 4_096


@dataclass(frozen=True)
class Cells:
    """Vectors in groups.

    Attributes:
        middles: (n_cells, dim) float32 mean of each cell's vectors.
        starts: (n_cells + 1,) where each cell's members start.
        members: (n,) int32 numbers of the vectors, by cell, increasing within each.
    """

    middles: NDArray[np.float32]
    starts: NDArray[np.int64]
    members: NDArray[np.int32]

    @classmethod
    def of(cls, vectors: NDArray[np.float32], seed: int = 0) -> "Cells":
        """Group (n, dim) vectors by k-means over a sample (Lloyd, Least squares quantization in PCM, 1982)."""
        rng, n = np.random.default_rng(seed), len(vectors)
        n_cells = int(np.clip(_CELLS * np.sqrt(n), 1, max(n, 1)))
        sample = vectors[np.sort(rng.choice(n, min(n, _SAMPLE * n_cells), replace=False))]
        middles = sample[np.sort(rng.choice(len(sample), min(n_cells, len(sample)), replace=False))]
        for _ in range(_ROUNDS):
            middles = _means(sample, _nearest(sample, middles), middles)
        cells = _nearest(vectors, middles)
        starts = np.concatenate([[0], np.cumsum(np.bincount(cells, minlength=len(middles)))])
        return cls(middles, starts, np.argsort(cells, kind="stable").astype(np.int32))

    def near(self, query: NDArray[np.float32], n: int) -> NDArray[np.int32]:
        """Numbers of at least `n` vectors (all, if there are fewer): those in the cells nearest to the query.

        Args:
            query: (dim,); near is a large dot product.
        """
        _, places = self.places_near(query[None], n)
        return self.members[places]

    def places_near(self, queries: NDArray[np.float32], n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where `near` finds them among the members, for several queries (n_queries, dim).

        Returns:
            (n_queries + 1,) where the places of each query start, and these.
        """
        likeness = np.empty((len(queries), len(self.middles)), dtype=np.float32)
        products(queries, self.middles, likeness)
        keys = np.empty(likeness.shape, dtype=np.int64)
        rank_keys(likeness, likeness.view(np.int32), keys)
        depth = 2 * n * len(self.middles) // max(1, len(self.members)) + 1  # about twice the cells that it takes
        if depth < len(self.middles):
            keys.partition(depth, axis=1)
            bounds, places = places_in(np.sort(keys[:, :depth], axis=1) & PLACE, self.starts, n)
            if (np.diff(bounds) >= n).all():
                return bounds, places
        found: tuple[NDArray[np.int64], NDArray[np.int64]] = places_in(np.sort(keys, axis=1) & PLACE, self.starts, n)
        return found

    def save(self, folder: Path) -> None:
        """Write three arrays into `folder`, which is made when it does not exist."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("middles", "starts", "members"):
            save_array(folder / f"{name}.npy", getattr(self, name))

    @classmethod
    def load(cls, folder: Path) -> "Cells":
        """Read what `save` wrote; arrays are mapped into memory."""
        return cls(*(load_array(folder / f"{name}.npy") for name in ("middles", "starts", "members")))


def _nearest(vectors: NDArray[np.float32], middles: NDArray[np.float32]) -> NDArray[np.int32]:
    """(n,) the middle at the least distance from each vector."""
    halves = np.einsum("cd,cd->c", middles, middles) / 2
    columns = np.ascontiguousarray(middles.T)
    nearest = np.empty(len(vectors), dtype=np.int32)
    for start in range(0, len(vectors), _BLOCK):
        products = vectors[start : start + _BLOCK] @ columns
        products -= halves
        nearest[start : start + _BLOCK] = products.argmax(axis=1)
    return nearest


def _means(vectors: NDArray[np.float32], cells: NDArray[np.int32], before: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n_cells, dim) mean of each cell's vectors; an empty cell stays where it was."""
    order = np.argsort(cells, kind="stable")
    numbers, starts, counts = np.unique(cells[order], return_index=True, return_counts=True)
    means = before.copy()
    means[numbers] = np.add.reduceat(vectors[order], starts, axis=0) / counts[:, None]
    return means
