"""Ctrl-C, SIGTERM and a terminal that is closed: all unwind the stack, and none is lost."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_AGAIN = 0.05
"""Seconds until an interruption that was lost comes again."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Within the block SIGTERM is a KeyboardInterrupt as Ctrl-C is, so that temporary files are removed on the way. So
    is SIGHUP, of a terminal that is closed; under `nohup` it stays ignored.

    If it arrives in a C callback or a finaliser, as when a compiler is at work, Python only reports it and the program
    goes on; so an alarm repeats it a moment later.
    """
    signals = [getattr(signal, name) for name in ("SIGTERM", "SIGALRM", "SIGHUP") if hasattr(signal, name)]
    signals = [number for number in signals if signal.getsignal(number) is not signal.SIG_IGN]
    report = sys.unraisablehook

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    def hook(lost: Any) -> None:
        if lost.exc_type is not KeyboardInterrupt or not hasattr(signal, "setitimer"):
            report(lost)
            return
        signal.setitimer(signal.ITIMER_REAL, _AGAIN)

    try:
        previous = [signal.signal(number, interrupt) for number in signals]
    except ValueError:  # not the main thread: signals are another's affair
        yield
        return
    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = report
        for number, handler in zip(signals, previous, strict=True):
            signal.signal(number, handler)
