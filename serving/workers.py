"""Worker processes, forked from one that has loaded the libraries: they share that memory until they write to it."""

import gc
import os
import signal
import sys
import traceback
from collections.abc import Callable

PAUSE_SECONDS = 1.0
"""After a worker that nobody stopped has ended, before another one takes its place."""

_STOPS = {signal.SIGTERM, signal.SIGINT}


def run_workers(n: int, work: Callable[[], None]) -> None:
    """Have `n` processes do the same until SIGTERM or SIGINT, which they get as SIGTERM; one that ends is replaced.

    To be called where no other thread runs: only this one is there after a fork.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {*_STOPS, signal.SIGCHLD})
    gc.collect()
    gc.freeze()  # a collection would write to every object, and so copy it
    try:
        running = {_fork(work, before) for _ in range(n)}
        stopping = False
        while running:
            if signal.sigwait({*_STOPS, signal.SIGCHLD}) != signal.SIGCHLD:
                stopping = True
                _stop(running)
                continue
            ended = {pid for pid in running if os.waitpid(pid, os.WNOHANG)[0]}
            running -= ended
            if not stopping and ended:
                if signal.sigtimedwait(_STOPS, PAUSE_SECONDS) is None:
                    running |= {_fork(work, before) for _ in ended}
                else:
                    stopping = True
                    _stop(running)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _stop(pids: set[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGTERM)


def _fork(work: Callable[[], None], mask: set[signal.Signals | int]) -> int:
    """The process id of a new worker."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        work()
        code = 0
    except KeyboardInterrupt:  # stopped before it had begun
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)
