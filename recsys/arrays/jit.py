"""Loops compiled by numba at their first use, and kept beside the source or in `NUMBA_CACHE_DIR`.

Processes that start together, as those of a server do, would each compile the same loops, and numba's cache index is
not made for several writers: one may lose or overwrite another's entry (numba issue 10128). So one process compiles at
a time, and the others read its cache; then all compute with the same instructions.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from numba import njit
from numba.core.compiler_lock import global_compiler_lock

from recsys.disk import locked
from recsys.errors import ConfigError, is_full

Loop = TypeVar("Loop", bound=Callable[..., Any])

SUMS_IN_ANY_ORDER = frozenset({"reassoc", "contract", "nsz"})
"""For sums of products: terms may be added in any order, and a product and a sum be rounded once. NaN stays NaN."""

_LOCK = "compiling.lock"

_held = set[Path]()
"""Folders that this process has locked; whoever changes it holds numba's own lock, which keeps threads apart."""


def jit(*, fastmath: Collection[str] = ()) -> Callable[[Loop], Loop]:
    """Compile a function, without the interpreter's lock while it runs.

    Args:
        fastmath: LLVM's names of what may be done to floating-point arithmetic, such as `reassoc`.
    """

    def compiled(loop: Loop) -> Loop:
        dispatcher: Any = njit(cache=True, nogil=True, fastmath=set(fastmath))(loop)
        folder, compile_ = Path(dispatcher.stats.cache_path), dispatcher.compile

        def compile_alone(signature: object) -> object:
            # Loops compile those that they call meanwhile; these lie in the same folder or in that of a lower room.
            with global_compiler_lock:
                if folder in _held:
                    return compile_(signature)
                with _locked(folder):
                    _held.add(folder)
                    try:
                        return compile_(signature)
                    finally:
                        _held.remove(folder)

        dispatcher.compile = compile_alone
        found: Loop = dispatcher
        return found

    return compiled


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with ExitStack() as until_compiled:
        try:
            folder.mkdir(parents=True, exist_ok=True)  # somebody may have cleared the cache since
            until_compiled.enter_context(locked(folder / _LOCK))
        except OSError as error:
            if is_full(error):
                raise
            raise ConfigError(
                f"compiled loops cannot be kept in {folder}: {error.strerror}; set NUMBA_CACHE_DIR to another folder"
            ) from error
        yield


def folder_of_loops() -> Path:
    """Where loops that are compiled are kept.

    Raises:
        RuntimeError: of numba, neither this folder nor one of the user's may be written.
    """
    dispatcher: Any = njit(cache=True)(_nothing)
    return Path(dispatcher.stats.cache_path)


def _nothing() -> None:
    """A loop that is never compiled."""
