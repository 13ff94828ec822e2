"""Every error that recsys raises on purpose.

RecsysError                 anything below; carries the exit code of the command line
├── ConfigError         2   a key, a value or a usage that cannot be right
├── DataError           3   a file, a column, a row or an id that cannot be used
├── BundleError         4   a trained version or a registry that is damaged, missing or too new
│   ├── BusyError       4   a registry, or a place for lists, at which somebody else is at work
│   ├── UnwritableError 4   a registry that takes nothing: no right to write, no room
│   └── NotTrainedError 4   a component used before `fit` or `load`
└── StoreError          5   a database or a service that cannot be reached or refuses

Messages say what is wrong, where, and what to do. They become exit codes in `recsys.cli` (and `serving.workers`, for a
worker that cannot start) and HTTP problems in `serving.errors`.
"""

import errno
import os
from collections.abc import Sequence
from types import UnionType

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class RecsysError(Exception):
    """Base of all errors raised on purpose.

    Attributes:
        loc: where in the input it is: keys and indices, from the outside in, as in pydantic; empty if not known.
    """

    exit_code = 1

    def __init__(self, message: str = "", loc: Sequence[str | int] = ()) -> None:
        super().__init__(message)
        self.loc = tuple(loc)


class ConfigError(RecsysError):
    """A configuration key, value or combination that cannot be right."""

    exit_code = 2


class DataError(RecsysError):
    """Input data that cannot be used; the message names file, line or column, and the fix."""

    exit_code = 3


class BundleError(RecsysError):
    """A trained version or a registry that is damaged, missing or written by a newer schema."""

    exit_code = 4


class BusyError(BundleError):
    """Somebody else is doing what only one may do at a time: in a registry, or where lists are to go."""


class UnwritableError(BundleError):
    """A registry that cannot be written, for want of the right or of room: nothing is wrong with what was asked."""


class NotTrainedError(BundleError):
    """A component was asked for a result before it was fitted or loaded: a server without a version, for one."""


class StoreError(RecsysError):
    """A store or service that is not reachable, or that refused the work."""

    exit_code = 5


def check_kind(given: object, kind: type | UnionType, wanted: str) -> None:
    """Refuse an argument of another kind where it is given: it would fail far from there, and in words of Python.

    Args:
        wanted: what takes what, and how one is made, for the message.

    Raises:
        ConfigError: it is of another kind.
    """
    if not isinstance(given, kind):
        raise ConfigError(f"{wanted}, not a {type(given).__module__}.{type(given).__qualname__}")


def is_full(error: BaseException) -> bool:
    """Whether an error says that a disk has no room, or no more for one file. Libraries that are not Python keep the
    number in their text."""
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return True
    return any(os.strerror(number) in str(error) for number in _NO_ROOM) or "disk is full" in str(error)
