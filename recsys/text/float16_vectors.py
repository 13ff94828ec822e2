"""Text vectors as float16: half the memory to read, for catalogues larger than the processor's caches."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recsys.arrays.float16 import Float16Bits, float16_bits
from recsys.arrays.npy import load_array, save_array
from recsys.text.scoring import updated_rows

_TARGETS, _FROZEN = "targets.halves.npy", "frozen.halves.npy"


@dataclass(frozen=True)
class Float16Vectors:
    """Vectors of texts in float16. They hold the same numbers as those in float32, which
    `recsys.arrays.float16.rounded_to_float16` has rounded.

    Attributes:
        targets: (n_items, dim) what each item offers, tuned.
        frozen: (n_items, dim) as the encoder came.
    """

    targets: Float16Bits
    frozen: Float16Bits

    @classmethod
    def of(cls, targets: NDArray[np.float32], frozen: NDArray[np.float32]) -> "Float16Vectors":
        """Keep vectors (n_items, dim) of float32 in float16."""
        return cls(float16_bits(targets), float16_bits(frozen))

    def updated(self, numbers: NDArray[np.int32], others: "Float16Vectors") -> "Float16Vectors":
        """These vectors with some replaced, by number, and new ones behind."""
        return Float16Vectors(
            updated_rows(self.targets, numbers, others.targets), updated_rows(self.frozen, numbers, others.frozen)
        )

    def save(self, folder: Path) -> None:
        """Write two arrays."""
        save_array(folder / _TARGETS, self.targets)
        save_array(folder / _FROZEN, self.frozen)

    @classmethod
    def load(cls, folder: Path) -> "Float16Vectors | None":
        """Map what `save` wrote; None where nothing was."""
        if not (folder / _TARGETS).is_file():
            return None
        return cls(load_array(folder / _TARGETS), load_array(folder / _FROZEN))
