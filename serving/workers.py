"""Worker processes, forked from one that has loaded the libraries: they share that memory until they write to it."""

import ctypes
import gc
import logging
import math
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Set
from types import TracebackType

import numpy as np

from recsys.errors import RecsysError
from recsys.retrieval.sort_keys import rank_keys

logger = logging.getLogger("recsys.serving")

PAUSE_SECONDS = 1.0
"""Pause before a worker that ended by itself is replaced."""

_PR_SET_PDEATHSIG = 1  # linux/prctl.h

_STOPS = {signal.SIGTERM, signal.SIGINT}
_HEARD = {*_STOPS, signal.SIGCHLD}


def load_compiler() -> None:
    """Run compiled loops: most of what numba needs for them serves the others too, and is in common after a fork."""
    nothing = np.zeros((0, 0), dtype=np.float32)
    rank_keys(nothing, nothing.view(np.int32), np.zeros((0, 0), dtype=np.int64))


def run_workers(n: int, work: Callable[[], None], at_stop: Callable[[], None]) -> int:
    """Have `n` processes do the same until SIGTERM or SIGINT, which they get as SIGTERM; one that ends is replaced.

    To be called from the main thread, before others have begun that the work needs: a fork has this one alone.

    Args:
        at_stop: called in this process when it begins to stop them.

    Returns:
        0 after a stop; the exit code of one of the first `n` that could not start, which stops the others. One that
        takes the place of another may fail, and is tried again: the rest go on answering meanwhile.
    """
    gc.collect()
    gc.freeze()  # a collection would write to every object, and so copy it
    with _Signals() as signals:
        first = {_fork(work, signals) for _ in range(n)}
        running, stopping, code = set(first), False, 0
        while running or not stopping:  # all may be gone while none can be started
            if signals.wait(_HEARD, PAUSE_SECONDS if len(running) < n else math.inf) & _STOPS:
                stopping = True
                at_stop()
                _stop(running)
            ended = dict(filter(None, map(_ended, running)))
            running -= ended.keys()
            failed = [ended[pid] for pid in ended.keys() & first if ended[pid] > 0]
            if stopping or not (ended or len(running) < n):
                continue
            for pid, how in ended.items():
                logger.error("worker %d ended by itself, %s", pid, f"signal {-how}" if how < 0 else f"exit code {how}")
            if failed or signals.wait(_STOPS, PAUSE_SECONDS):
                stopping, code = True, max(failed, default=0)
                at_stop()
                _stop(running)
            else:
                running |= _fork_up_to(n - len(running), work, signals)
        return code


def _fork_up_to(n: int, work: Callable[[], None], signals: "_Signals") -> set[int]:
    """The process ids of so many new workers, or of fewer where the machine has no room for more now."""
    pids: set[int] = set()
    try:
        while len(pids) < n:
            pids.add(_fork(work, signals))
    except OSError as error:
        logger.error("no worker can be started now, it is tried again: %s", error)
    return pids


class _Signals:
    """Signals of this process, to be waited for by its main thread.

    Libraries start threads of their own, and Linux may hand a signal to any thread: `sigwait` in one loses those that
    come to another while it is at work. A handler's byte in a pipe is there whichever thread ran it.
    """

    def __enter__(self) -> "_Signals":
        self._came: set[int] = set()
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._writing, False)
        self._wakeup_before = signal.set_wakeup_fd(self._writing)
        self._handlers_before = {number: signal.signal(number, lambda *_: None) for number in _HEARD}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening, and put back the handlers that were there before."""
        for number, handler in self._handlers_before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup_before)
        os.close(self._reading)
        os.close(self._writing)

    def wait(self, wanted: Set[int], seconds: float = math.inf) -> Set[int]:
        """Those of the wanted signals that have come since they were last waited for; none after so many seconds."""
        end = time.monotonic() + seconds
        while not self._came & wanted:
            left = end - time.monotonic()
            if left < 0 or not select.select([self._reading], [], [], None if left == math.inf else left)[0]:
                return set()
            self._came.update(os.read(self._reading, select.PIPE_BUF))
        found = self._came & wanted
        self._came -= found
        return found


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


def _fork(work: Callable[[], None], signals: _Signals) -> int:
    """The process id of a new worker."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)  # none falls into the parent's pipe from the new one
    parent, pid = os.getpid(), -1
    try:
        pid = os.fork()
    finally:
        if pid:  # not in the new one, or in none
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    if pid:
        return pid
    code = 1
    try:
        _end_with(parent)
        signals.close()
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
