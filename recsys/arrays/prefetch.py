"""Prefetching in compiled loops: rows that will be read soon are requested from memory while the loop works on."""

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from recsys.arrays.types import Floats, Ints

AHEAD = 8
"""Rows that are requested ahead of the one that is worked on: memory serves about so many at a time."""

_LINE = 64
"""Bytes of a cache line, which memory sends at a time."""


def _asking(_: Any, address: types.Integer) -> tuple[Any, Any]:
    """Have the line at an address brought into the nearest cache, without waiting; any address will do."""

    def generate(context: Any, builder: ir.IRBuilder, _: Any, arguments: tuple[ir.Value]) -> ir.Value:
        pointer, number = ir.PointerType(ir.IntType(8)), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer, number, number, number])
        ask = builder.module.declare_intrinsic("llvm.prefetch", [pointer], kind)
        to_read, to_stay, data = number(0), number(3), number(1)
        builder.call(ask, [builder.inttoptr(arguments[0], pointer), to_read, to_stay, data])
        return context.get_dummy_value()

    return types.void(address), generate


_ask_for = cast("Callable[[int], None]", intrinsic(_asking))


@njit(inline="always")
def prefetch(rows: Floats | Ints, first: int, last: int) -> None:
    """Ask for rows `first` to `last` - 1 of an array whose rows are contiguous."""
    begin, width = rows.ctypes.data, rows.strides[0]
    address = (begin + first * width) & -_LINE
    while address < begin + last * width:
        _ask_for(address)
        address += _LINE
