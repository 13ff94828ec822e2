"""Processes under measurement: a server until the block ends, and what processes take."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType

Process = subprocess.Popen[bytes]

SERVE = ("-m", "recsys", "serve", "--registry")
"""Arguments of Python that start the server of a registry."""


@contextmanager
def running(
    arguments: Sequence[str], port: int, *, ready: str = "/readyz", variables: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Process]:
    """A Python program that serves, once `ready` answers; killed with all its workers when the block ends.

    Args:
        arguments: of Python; `--port` is added at the end.
        ready: a path that answers with success as soon as it serves.
        variables: added to the environment of this process.
    """
    command, environment = [sys.executable, *arguments, "--port", str(port)], {**os.environ, **variables}
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment, start_new_session=True) as process:
        try:
            while not _answers(f"http://127.0.0.1:{port}{ready}"):
                if process.poll() is not None:
                    raise SystemExit(f"the server ended with exit code {process.returncode}")
                time.sleep(0.1)
            yield process
        finally:
            kill(process)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url):
            return True
    except (urllib.error.URLError, ConnectionError):
        return False


def kill(process: Process) -> None:
    """kill -9 a process that leads a session, and its workers; nothing happens if they are gone."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def children(pid: int) -> list[int]:
    """Processes that a process started (Linux)."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and of those that it started (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return own + sum(cpu_seconds(child) for child in children(pid))


def memory_of(pid: int, *kinds: str) -> int:
    """Bytes of a process by lines of its `smaps_rollup`, such as Private_Dirty or Pss_Anon (Linux, proc(5))."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    wanted = tuple(f"{kind}:" for kind in kinds)
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith(wanted))


def memory_with_children(pid: int, *kinds: str) -> int:
    """`memory_of` a process and of all that it started; 0 for one that has just ended."""
    try:
        return memory_of(pid, *kinds) + sum(memory_with_children(child, *kinds) for child in children(pid))
    except (FileNotFoundError, ProcessLookupError):
        return 0
