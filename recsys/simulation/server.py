"""The real server as a process of its own, and a client that keeps one connection to it."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from recsys.errors import StoreError

_START_SECONDS, _CALL_SECONDS = 300.0, 300.0


class ServerConnection:
    """Calls of one server, one after the other."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_CALL_SECONDS)

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The answer's JSON object.

        Raises:
            StoreError: the server refuses, or does not answer.
        """
        content = None if body is None else json.dumps(body)
        try:
            try:
                status, text = self._ask(method, path, content)
            except (BrokenPipeError, ConnectionResetError, http.client.RemoteDisconnected):
                status, text = self._ask(method, path, content)  # the server has let go of an idle connection
        except (OSError, http.client.HTTPException) as error:
            raise StoreError(f"the server does not answer {method} {path}: {error}") from error
        answer: dict[str, Any] = json.loads(text or b"{}")
        if status >= 400:
            raise StoreError(f"{method} {path}: {status} {answer.get('detail', answer)}")
        return answer

    def _ask(self, method: str, path: str, content: str | None) -> tuple[int, bytes]:
        try:
            self._connection.request(method, path, content, {"Content-Type": "application/json"})
            response = self._connection.getresponse()
            return response.status, response.read()
        except BaseException:
            self._connection.close()  # the next request opens it again
            raise

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


@contextmanager
def serving(registry: Path, store: str, log: Path) -> Iterator[ServerConnection]:
    """`recsys serve` on a free port until the block ends.

    Args:
        registry: what it serves.
        store: URL of its events.
        log: a file for what it says.

    Raises:
        StoreError: it does not start.
    """
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    words = ["serve", "--registry", str(registry), "--store", store, "--port", str(port)]
    with (
        log.open("wb") as file,
        subprocess.Popen(
            [sys.executable, "-m", "recsys", *words],
            stderr=file,
            stdout=file,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        ) as process,
    ):
        client = ServerConnection(port)
        try:
            _wait(client, process, log)
            yield client
        finally:
            client.close()
            process.terminate()


def _wait(client: ServerConnection, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            client.call("GET", "/readyz")
            return
        except StoreError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise StoreError(f"the server did not start; see {log}") from error
        time.sleep(0.1)
