"""An inverted file over vectors: those near to each other share a cell, and a search reads the nearest cells only.

Sivic and Zisserman, Video Google, ICCV 2003; Jegou et al., Product quantization for nearest neighbor search, 2011.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recsys.arrays.jit import jit
from recsys.arrays.npy import load_array, save_array
from recsys.arrays.ragged import offsets_of
from recsys.arrays.types import Ints
from recsys.retrieval.products import dot_products
from recsys.retrieval.sort_keys import INDEX_MASK, rank_keys

_CELLS = 4.0
"""Number of cells, as a multiple of the square root of the number of vectors: finding cells then costs about as much
as reading them."""

_SAMPLE = 40
"""Vectors a cell that the centroids are learned from."""

_ROUNDS = 5
"""Rounds of k-means: cells that are about right are enough."""

_BLOCK = 4_096
"""Vectors compared with all centroids at once."""

_CENTROIDS, _STARTS, _MEMBERS = "middles.npy", "starts.npy", "members.npy"


@dataclass(frozen=True)
class InvertedFile:
    """Vectors in the cells of a k-means clustering.

    Attributes:
        centroids: (n_cells, dim) float32 mean of each cell's vectors.
        starts: (n_cells + 1,) where each cell's members start.
        members: (n,) int32 numbers of the vectors, by cell, increasing within each.
    """

    centroids: NDArray[np.float32]
    starts: NDArray[np.int64]
    members: NDArray[np.int32]

    @classmethod
    def of(cls, vectors: NDArray[np.float32], seed: int = 0) -> "InvertedFile":
        """Group (n, dim) vectors by k-means over a sample (Lloyd, Least squares quantization in PCM, 1982)."""
        rng, n = np.random.default_rng(seed), len(vectors)
        n_cells = int(np.clip(_CELLS * np.sqrt(n), 1, max(n, 1)))
        sample = vectors[np.sort(rng.choice(n, min(n, _SAMPLE * n_cells), replace=False))]
        centroids = sample[np.sort(rng.choice(len(sample), min(n_cells, len(sample)), replace=False))]
        for _ in range(_ROUNDS):
            centroids = _means(sample, _nearest(sample, centroids), centroids)
        cells = _nearest(vectors, centroids)
        starts = offsets_of(np.bincount(cells, minlength=len(centroids)))
        return cls(centroids, starts, np.argsort(cells, kind="stable").astype(np.int32))

    def nearest(self, query: NDArray[np.float32], n: int) -> NDArray[np.int32]:
        """Numbers of at least `n` vectors (all, if there are fewer): those in the cells nearest to the query.

        Args:
            query: (dim,); near is a large dot product.
        """
        _, indices = self.nearest_indices(query[None], n)
        return self.members[indices]

    def nearest_indices(self, queries: NDArray[np.float32], n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The indices among the members of the items that `nearest` finds, for several queries (n_queries, dim).

        Returns:
            (n_queries + 1,) where the indices of each query start, and these.
        """
        similarity = np.empty((len(queries), len(self.centroids)), dtype=np.float32)
        dot_products(queries, self.centroids, similarity)
        keys = np.empty(similarity.shape, dtype=np.int64)
        rank_keys(similarity, similarity.view(np.int32), keys)
        depth = 2 * n * len(self.centroids) // max(1, len(self.members)) + 1  # about twice the cells that it takes
        if depth < len(self.centroids):
            keys.partition(depth, axis=1)
            bounds, indices = indices_of_members(np.sort(keys[:, :depth], axis=1) & INDEX_MASK, self.starts, n)
            if (np.diff(bounds) >= n).all():
                return bounds, indices
        found: tuple[NDArray[np.int64], NDArray[np.int64]] = indices_of_members(
            np.sort(keys, axis=1) & INDEX_MASK, self.starts, n
        )
        return found

    def save(self, folder: Path) -> None:
        """Write three arrays into `folder`, which is made when it does not exist."""
        folder.mkdir(parents=True, exist_ok=True)
        save_array(folder / _CENTROIDS, self.centroids)
        save_array(folder / _STARTS, self.starts)
        save_array(folder / _MEMBERS, self.members)

    @classmethod
    def load(cls, folder: Path) -> "InvertedFile":
        """Read what `save` wrote; arrays are mapped into memory."""
        return cls(*(load_array(folder / name) for name in (_CENTROIDS, _STARTS, _MEMBERS)))


def _nearest(vectors: NDArray[np.float32], centroids: NDArray[np.float32]) -> NDArray[np.int32]:
    """(n,) the centroid at the least distance from each vector."""
    half_squares = np.einsum("cd,cd->c", centroids, centroids) / 2
    columns = np.ascontiguousarray(centroids.T)
    nearest = np.empty(len(vectors), dtype=np.int32)
    for start in range(0, len(vectors), _BLOCK):
        products = vectors[start : start + _BLOCK] @ columns
        products -= half_squares
        nearest[start : start + _BLOCK] = products.argmax(axis=1)
    return nearest


def _means(vectors: NDArray[np.float32], cells: NDArray[np.int32], before: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n_cells, dim) mean of each cell's vectors; an empty cell stays where it was."""
    order = np.argsort(cells, kind="stable")
    numbers, starts, counts = np.unique(cells[order], return_index=True, return_counts=True)
    means = before.copy()
    means[numbers] = np.add.reduceat(vectors[order], starts, axis=0) / counts[:, None]
    return means


@jit()
def indices_of_members(cells: Ints, starts: Ints, n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The indices of the members of the first cells of each row, until there are `n` of them.

    Args:
        cells: (n_rows, depth) the nearest first.
        starts: (n_cells + 1,) where the members of each cell start.

    Returns:
        (n_rows + 1,) where each row's indices start, and these.
    """
    bounds, read = np.zeros(len(cells) + 1, dtype=np.int64), np.zeros(len(cells), dtype=np.int64)
    for row in range(len(cells)):
        found = 0
        while read[row] < cells.shape[1] and found < n:
            cell = cells[row, read[row]]
            found += starts[cell + 1] - starts[cell]
            read[row] += 1
        bounds[row + 1] = bounds[row] + found
    indices, found = np.empty(bounds[-1], dtype=np.int64), 0
    for row in range(len(cells)):
        for cell in cells[row, : read[row]]:
            for index in range(starts[cell], starts[cell + 1]):
                indices[found] = index
                found += 1
    return bounds, indices
