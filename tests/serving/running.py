"""Real servers for tests: uvicorn in a thread on a free port, or `recsys serve` as a process; and waiting."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import httpx

from benchmarks.databases import free_port
from benchmarks.processes import kill
from serving.server import listen, make_server
from serving.settings import Settings


def eventually(check: Callable[[], bool], seconds: float = 30.0) -> None:
    """Ask again and again until it is so; fail when the time is up."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not check():
        assert time.monotonic() < deadline, "it did not become so in time"
        pause.wait(0.005)


@contextmanager
def serving_thread(settings: Settings, *, is_ready: bool = True, **client: Any) -> Iterator[httpx.Client]:
    """Serve in a thread of this process until the block ends; yields a client of a server that is ready.

    Args:
        is_ready: wait until a version is loaded.
    """
    server, listener = make_server(settings), listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        eventually(lambda: server.started)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", **{"timeout": 30, **client}) as http:
            eventually(lambda: not is_ready or http.get("/readyz").is_success)
            yield http
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def serving_process(registry: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], httpx.Client]]:
    """Run `recsys serve` until the block ends; yields the process and a client of a server that is ready."""
    port = free_port()
    with (
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as http,
        recsys_serve(registry, "--port", str(port), *arguments) as process,
    ):
        eventually(lambda: process.poll() is not None or _ready(http), seconds=120)
        yield process, http


@contextmanager
def recsys_serve(registry: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """The process alone; killed at the end if it is still there. What it has said so far is read from its `stderr`."""
    entry = "from recsys.cli.main import main; raise SystemExit(main())"
    quick = ("--set", "serving.encoder=first use")  # few of these tests read a text
    command = [sys.executable, "-c", entry, "serve", "--registry", str(registry), *quick, *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with (
        NamedTemporaryFile() as said,  # a pipe that nobody reads would fill, and the server would wait for ever
        Path(said.name).open("rb") as saying,
        subprocess.Popen(command, stderr=said, env=environment, start_new_session=True) as process,
    ):
        process.stderr = saying
        try:
            yield process
        finally:
            kill(process)


@contextmanager
def answering(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Answer HTTP in a thread until the block ends; yields the URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def _ready(http: httpx.Client) -> bool:
    try:
        return http.get("/readyz").is_success
    except httpx.TransportError:
        return False
