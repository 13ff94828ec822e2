"""The real server as a process of its own, and a client that keeps one connection to it."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from recsys.data.events.event import Event
from recsys.errors import StoreError
from recsys.moments import iso_time

_START_SECONDS, _CALL_SECONDS, _RELOAD_SECONDS = 300.0, 300.0, 300.0

_PUT_AT_ONCE = 20
"""Items of one call: within `serving.max_items`, and with long texts within `serving.max_body_bytes`."""


class ServerConnection:
    """A connection to one server, for calls one after the other."""

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

    def send_events(self, events: Sequence[Event]) -> None:
        """Store events."""
        names = ("event_id", "user_id", "item_id", "event", "request_id", "position", "propensity")
        rows = [
            {**{name: getattr(event, name) for name in names}, "timestamp": iso_time(event.timestamp)}
            for event in events
        ]
        self.call("POST", "/v1/events", {"events": rows})

    def put_items(self, items: pl.DataFrame) -> None:
        """Add items, a few in each call; a value that is missing is not sent."""
        trees = [orjson.loads(orjson.dumps(row, default=str)) for row in items.to_dicts()]
        rows = [{name: value for name, value in tree.items() if value is not None} for tree in trees]
        for start in range(0, len(rows), _PUT_AT_ONCE):
            self.call("PUT", "/v1/items", {"items": rows[start : start + _PUT_AT_ONCE]})

    def wait_for_version(self, version: str | None) -> None:
        """Wait until the server answers from this version.

        Raises:
            StoreError: it keeps answering from another one.
        """
        deadline = time.monotonic() + _RELOAD_SECONDS
        while (served := self.call("GET", "/v1/models")["served"]) != version:
            if time.monotonic() > deadline:
                raise StoreError(f"the server does not take version {version}; it goes on with {served}")
            time.sleep(0.1)

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
def running_server(registry: Path, store: str, log: Path) -> Iterator[ServerConnection]:
    """`recsys serve` on a free port until the block ends.

    Args:
        registry: what it serves.
        store: URL of its events.
        log: a file for its output.

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
