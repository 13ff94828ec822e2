"""A small shop for checks of the server that are about what it promises, not about speed."""

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import orjson

from benchmarks.generated import publish
from recsys.registry import Registry

N_ITEMS = 2_000


def make(folder: Path) -> Registry:
    """A registry with one version of 2,000 items and users u0 to u1999."""
    return publish(folder / "registry", N_ITEMS)


class Caller:
    """One kept connection, opened again after it broke."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and JSON (or text) of an answer.

        Raises:
            OSError, http.client.HTTPException: there was none.
        """
        try:
            content = None if body is None else orjson.dumps(body)
            self._connection.request(method, path, content, {"Content-Type": "application/json"})
            answer = self._connection.getresponse()
            received = answer.read()
        except BaseException:
            self._connection.close()
            raise
        is_json = "json" in (answer.headers["content-type"] or "")
        return answer.status, orjson.loads(received) if is_json else received.decode()


@contextmanager
def serving(registry: Path, port: int, *options: str) -> Iterator["subprocess.Popen[bytes]"]:
    """`recsys serve` until the block ends, once every worker is likely to answer; killed with all its workers."""
    command = [sys.executable, "-m", "recsys", "serve", "--registry", str(registry), "--port", str(port), *options]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True) as process:
        try:
            wait_until_ready(port, process)
            yield process
        finally:
            kill(process)


def wait_until_ready(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Ask /readyz until it says yes."""
    caller = Caller(port)
    while process.poll() is None:
        with suppress(OSError, http.client.HTTPException):
            if caller("GET", "/readyz")[0] == 200:
                return
        time.sleep(0.1)
    raise SystemExit(f"the server ended with exit code {process.returncode}")


def kill(process: "subprocess.Popen[bytes]") -> None:
    """kill -9 the server and its workers."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def memory(pid: int) -> float:
    """MB that a process and those that it started hold alone (Linux)."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    with suppress(FileNotFoundError, ProcessLookupError):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        own = sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Dirty", "Private_Clean")))
        return own / 1024 + sum(memory(int(child)) for child in children)
    return 0.0


def events(rng: Any, ids: Sequence[str]) -> dict[str, Any]:
    """A batch of clicks with these ids."""
    return {
        "events": [
            {
                "event_id": id_,
                "user_id": f"u{rng.integers(3_000)}",
                "item_id": f"i{rng.integers(N_ITEMS)}",
                "event": "click",
            }
            for id_ in ids
        ]
    }
