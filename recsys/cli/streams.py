"""Standard output and standard error that may be closed, full, or unable to encode a letter."""

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, TextIO, cast

from recsys.errors import ConfigError, DataError


class _WatchedStream:
    """A stream that handles failed writes in its own way."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with self._failures():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with self._failures():
            self._stream.flush()

    def _failures(self) -> AbstractContextManager[None]:
        raise NotImplementedError


class _GuardedStream(_WatchedStream):
    """A stream whose failures are domain errors; a reader that has gone stays a BrokenPipeError."""

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            raise
        except UnicodeEncodeError as error:
            letters = ascii(error.object[error.start : error.end][:20])
            raise ConfigError(
                f"standard output cannot hold {letters} (its encoding is {error.encoding}); set PYTHONIOENCODING=utf-8"
            ) from error
        except OSError as error:
            discard_buffered(self._stream)
            raise DataError(f"standard output cannot be written: {error}; check where it goes to") from error


class _BestEffortStream(_WatchedStream):
    """A stream of progress and messages: a full disk under a log must not end hours of work. If the reader has gone,
    this stays a BrokenPipeError."""

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError:
            discard_buffered(self._stream)


def best_effort(stream: TextIO) -> TextIO:
    """A stream that drops what it cannot write, and everything after it."""
    return cast("TextIO", _BestEffortStream(stream))


def discard_buffered(stream: TextIO) -> None:
    """Drop what is still buffered, so that it does not raise again when Python ends."""
    with suppress(OSError), open(os.devnull, "wb") as nowhere:  # a stream in memory has no number
        os.dup2(nowhere.fileno(), stream.fileno())


@contextmanager
def guarded_output() -> Iterator[None]:
    """Failures of standard output are domain errors; what standard error cannot take, or where there is none, goes
    nowhere.

    Raises:
        ConfigError: standard output is closed, or cannot hold a letter.
        DataError: it cannot be written.
    """
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # as long as the process
    if sys.stdout is None:
        raise ConfigError("standard output is closed; give it a file, or > /dev/null where nobody is to read it")
    stream, messages = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = cast("TextIO", _GuardedStream(stream)), best_effort(messages)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = stream, messages
