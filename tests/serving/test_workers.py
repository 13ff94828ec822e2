"""Worker processes under a parent with threads of its own, which get signals too."""

import subprocess
import sys
from pathlib import Path

import pytest

PARENT = """
import os, signal, sys, threading
from contextlib import suppress
from pathlib import Path
from serving.workers import run_workers

threading.Thread(target=threading.Event().wait, daemon=True).start()  # as libraries have them
parent, real = os.getpid(), os.waitpid

def work():
    with suppress(FileExistsError):  # one of the two ends later than the other
        Path(sys.argv[1]).touch(exist_ok=False)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.kill(parent, signal.SIGTERM)
    signal.pause()

def pending():
    mask = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("ShdPnd"))
    return int(mask.split()[1], 16) >> (signal.SIGCHLD - 1) & 1

def ends_just_after_the_look(pid, options):
    found = real(pid, options)
    if found == (0, 0):
        os.kill(pid, signal.SIGUSR1)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        while pending():  # until a thread has taken it
            pass
    return found

os.waitpid = ends_just_after_the_look
raise SystemExit(run_workers(2, work, lambda: None))
"""


ROOM = """
import os, signal
from serving.workers import run_workers

parent, real, calls = os.getpid(), os.fork, []

def fork():
    calls.append(1)
    if len(calls) in (3, 4):
        raise BlockingIOError(11, "Resource temporarily unavailable")
    return real()

def work():
    if len(calls) < 3:  # all are gone when there is no room for another
        os.kill(os.getpid(), signal.SIGKILL)
    print("started", flush=True)
    os.kill(parent, signal.SIGTERM)
    signal.pause()

os.fork = fork
raise SystemExit(run_workers(2, work, lambda: None))
"""


def test_workers_that_cannot_be_started_now_are_started_later() -> None:
    done = subprocess.run([sys.executable, "-c", ROOM], check=False, timeout=60, stdout=subprocess.PIPE)
    assert done.returncode == 0
    assert b"started" in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="signals that wait are read from /proc")
def test_no_end_of_a_worker_is_lost_to_another_thread(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path / "first")]
    assert subprocess.run(command, check=False, timeout=60).returncode == 0
