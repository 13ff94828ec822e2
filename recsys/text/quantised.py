"""Item vectors as int8: a quarter of the memory, and of what a scan has to read."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recsys.data.arrays import load_array, save_array

_LARGEST = 127


@dataclass(frozen=True)
class Int8Vectors:
    """Vectors in symmetric int8, a scale for each row.

    Attributes:
        codes: (n, dim) int8.
        scales: (n,) float32: a vector is its codes times its scale.
    """

    codes: NDArray[np.int8]
    scales: NDArray[np.float32]

    @classmethod
    def of(cls, vectors: NDArray[np.float32]) -> "Int8Vectors":
        """Round (n, dim) vectors; the error of a number is at most half a scale."""
        scales = (np.abs(vectors).max(axis=1, initial=0.0) / _LARGEST).astype(np.float32)
        codes = np.rint(vectors / np.where(scales > 0, scales, 1.0)[:, None]).astype(np.int8)
        return cls(codes, scales)

    def restored(self) -> NDArray[np.float32]:
        """(n, dim) float32, about what they were."""
        vectors: NDArray[np.float32] = self.codes * self.scales[:, None]
        return vectors

    def save(self, folder: Path) -> None:
        """Write codes.npy and scales.npy."""
        folder.mkdir(parents=True, exist_ok=True)
        save_array(folder / "codes.npy", self.codes)
        save_array(folder / "scales.npy", self.scales)

    @classmethod
    def load(cls, folder: Path) -> "Int8Vectors":
        """Read what `save` wrote; the codes are mapped into memory."""
        return cls(load_array(folder / "codes.npy"), load_array(folder / "scales.npy"))
