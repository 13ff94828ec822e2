"""Progress of long work on standard error: a live line on a terminal, plain lines elsewhere."""

import re
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import TextIO

_NUMBER = re.compile(r"\d[\d.,]*")
_SECONDS_BETWEEN_COUNTS = 5.0


class ProgressLines(AbstractContextManager["ProgressLines"]):
    """Call it with a message when a step begins; the step before is then done.

    On a terminal the running step has a spinner and finished steps stay with their seconds. Elsewhere each message is
    one line with the seconds since the start, and nothing is ever rewritten. A message that differs from the last one
    only in its numbers belongs to the same step: on a terminal it replaces the last one, elsewhere it is printed now
    and then, and when the step is over.

    At the end of each `with` nothing is live any more. The same object may be entered again within; two objects at a
    time would write over each other.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._start = self._step_start = time.monotonic()
        self._step: str | None = None
        self._shape, self._written, self._held = "", 0.0, ""
        self._live: AbstractContextManager[object] = nullcontext()

    def __enter__(self) -> "ProgressLines":
        return self

    def __call__(self, message: str) -> None:
        """Begin a step, or count on within it."""
        shape, now = _NUMBER.sub("#", message), time.monotonic()
        counting, self._shape = shape == self._shape, shape
        if not self._stream.isatty():
            line = f"{now - self._start:7.1f} s  {message}"
            if counting and now - self._written < _SECONDS_BETWEEN_COUNTS:
                self._held = line
                return
            if not counting:
                self._say_held()
            self._written, self._held = now, ""
            print(line, file=self._stream, flush=True)
            return
        from rich.console import Console
        from rich.text import Text

        if counting:
            self._live.__exit__(None, None, None)
        else:
            self._finish()
            self._step_start = now
        console = Console(file=self._stream, highlight=False)
        self._step = message
        self._live = console.status(Text(message))  # in which brackets are brackets
        self._live.__enter__()

    def _say_held(self) -> None:
        """The last count of a step, which nobody has read yet."""
        if self._held:
            print(self._held, file=self._stream, flush=True)
        self._held = ""

    def _finish(self) -> None:
        self._live.__exit__(None, None, None)
        self._live = nullcontext()
        if self._step is not None:
            seconds = time.monotonic() - self._step_start
            print(f"{seconds:7.1f} s  {self._step}", file=self._stream, flush=True)
            self._step = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._say_held()
        if kind is None:
            self._finish()
        else:
            self._live.__exit__(kind, error, trace)
            self._live, self._step = nullcontext(), None
        self._shape = ""
