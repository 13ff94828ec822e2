"""Vectors at half the size: loops that are bound by memory read float16 and compute in float32.

What is inlined from here and from `prefetch` is part of compiled loops of other files, whose cache (`*.nbi`, `*.nbc`
in `__pycache__`) numba does not renew when this file changes: delete it then.
"""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from recsys.arrays.types import Floats

Float16Bits = NDArray[np.uint16]
"""float16 (IEEE 754 binary16) by its bits, because numba has no such type."""


def rounded_to_float16(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The nearest numbers that a float16 can hold, as float32, of vectors (n, dim) with numbers up to 65,504: they
    differ by at most one part in 2,000, or 3e-8 below 6e-5."""
    return vectors.astype(np.float16).astype(np.float32)


def float16_bits(vectors: NDArray[np.float32]) -> Float16Bits:
    """`rounded_to_float16`, at half the size."""
    return vectors.astype(np.float16).view(np.uint16)


def _as_float32(_: Any, number: types.Type) -> tuple[Any, Any]:
    def generate(_: Any, builder: ir.IRBuilder, __: Any, arguments: tuple[ir.Value]) -> ir.Value:
        if number == types.float32:
            return arguments[0]
        return builder.fpext(builder.bitcast(arguments[0], ir.HalfType()), ir.FloatType())

    return types.float32(number), generate


as_float32 = cast("Callable[[Any], float]", intrinsic(_as_float32))
"""In compiled loops: a float16, given as its bits, or a float32, as a float32."""


@njit(inline="always")  # into the loops that read row by row: a call for each row costs more than its work
def copy_as_float32(row: Float16Bits | Floats, wide: Floats) -> None:
    """Fill `wide` (dim,) float32 with a row (dim,) of float16, given as its bits, or of float32."""
    for dimension in range(len(row)):
        wide[dimension] = as_float32(row[dimension])
