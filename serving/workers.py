"""Worker processes, forked from one that has loaded the libraries: they share that memory until they write to it."""

import ctypes
import gc
import os
import signal
import sys
import traceback
from collections.abc import Callable

import numpy as np

from recsys.errors import RecsysError
from recsys.retrieval.compiled import rank_keys

PAUSE_SECONDS = 1.0
"""After a worker that nobody stopped has ended, before another one takes its place."""

_PR_SET_PDEATHSIG = 1  # linux/prctl.h

_STOPS = {signal.SIGTERM, signal.SIGINT}


def load_compiler() -> None:
    """Run compiled loops: most of what numba needs for them serves the others too, and is in common after a fork."""
    nothing = np.zeros((0, 0), dtype=np.float32)
    rank_keys(nothing, nothing.view(np.int32), np.zeros((0, 0), dtype=np.int64))


def run_workers(n: int, work: Callable[[], None]) -> int:
    """Have `n` processes do the same until SIGTERM or SIGINT, which they get as SIGTERM; one that ends is replaced.

    To be called where no other thread runs: only this one is there after a fork.

    Returns:
        0 after a stop; the exit code of one of the first `n` that could not start, which stops the others. One that
        takes the place of another may fail, and is tried again: the rest go on answering meanwhile.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {*_STOPS, signal.SIGCHLD})
    gc.collect()
    gc.freeze()  # a collection would write to every object, and so copy it
    try:
        first = {_fork(work, before) for _ in range(n)}
        running, stopping, code = set(first), False, 0
        while running:
            if signal.sigwait({*_STOPS, signal.SIGCHLD}) != signal.SIGCHLD:
                stopping = True
                _stop(running)
                continue
            ended = dict(filter(None, map(_ended, running)))
            running -= ended.keys()
            failed = [ended[pid] for pid in ended.keys() & first if ended[pid] > 0]
            if stopping or not ended:
                continue
            if failed or signal.sigtimedwait(_STOPS, PAUSE_SECONDS) is not None:
                stopping, code = True, max(failed, default=0)
                _stop(running)
            else:
                running |= {_fork(work, before) for _ in ended}
        return code
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _ended(pid: int) -> tuple[int, int] | None:
    """The process id and its exit code, below zero if a signal killed it; None while it runs."""
    pid_or_0, status = os.waitpid(pid, os.WNOHANG)
    return (pid, os.waitstatus_to_exitcode(status)) if pid_or_0 else None


def _stop(pids: set[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGTERM)


def _end_with(parent: int) -> None:
    """Have Linux stop this process when its parent is killed; elsewhere it goes on, and holds the port."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it was before we asked
            os._exit(1)


def _fork(work: Callable[[], None], mask: set[signal.Signals | int]) -> int:
    """The process id of a new worker."""
    parent, pid = os.getpid(), os.fork()
    if pid:
        return pid
    code = 1
    try:
        _end_with(parent)
        # Until the server has its own: what a handler raises while an object is destroyed is lost, and so was the stop.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        work()
        code = 0
    except KeyboardInterrupt:  # stopped before it had begun
        code = 0
    except RecsysError as error:
        code = error.exit_code
        print(f"recsys: error: {error}", file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)
