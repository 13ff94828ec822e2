"""Callers who do not finish asking, or take no answers, lose their connection; those who do are not hurried."""

import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from running import serving_thread

from recsys.config import Config
from serving.calls.protocol import TimedHeads
from serving.settings import Settings

HEAD_SECONDS = 0.5
WHOLE = b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n"
HALF = b"GET /healthz HTTP/1.1\r\nHost:"


@pytest.fixture(scope="module")
def strict(trained_registry: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a server that waits half a second for a head."""
    store = tmp_path_factory.mktemp("store") / "store.db"
    config = Config.model_validate({"serving": {"head_seconds": HEAD_SECONDS, "encoder": "first use"}})
    with serving_thread(Settings.of(config, trained_registry, f"sqlite:///{store}")) as http:
        yield http


def connect(http: httpx.Client) -> socket.socket:
    return socket.create_connection((http.base_url.host, http.base_url.port or 80), timeout=30)


def n_sockets() -> int:
    """Of this process, in which the server runs."""
    return sum(1 for file in Path("/proc/self/fd").iterdir() if file.is_socket())


def answer(connection: socket.socket) -> bytes:
    """One whole answer of /healthz."""
    received = b""
    while not received.endswith(b"}"):
        part = connection.recv(4096)
        assert part, received
        received += part
    return received


def test_a_caller_who_takes_no_answers_loses_the_connection(
    strict: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TimedHeads, "taken_seconds", HEAD_SECONDS)
    asked, page = 200, len(strict.get("/openapi.json").content)
    with connect(strict) as deaf:
        deaf.sendall(asked * b"GET /openapi.json HTTP/1.1\r\nHost: here\r\n\r\n")
        untaken = n_sockets()
        deadline = time.monotonic() + 30
        while n_sockets() >= untaken and time.monotonic() < deadline:
            strict.get("/healthz")
        received = 0
        with suppress(ConnectionError):
            while part := deaf.recv(1 << 20):
                received += len(part)
        assert received < asked * page


@pytest.mark.parametrize("begun", [b"", HALF, b"\r\n"])
def test_a_head_that_does_not_come_ends_the_connection(strict: httpx.Client, begun: bytes) -> None:
    with connect(strict) as slow:
        slow.sendall(begun)
        assert slow.recv(1) == b""


def test_a_head_that_comes_byte_by_byte_gets_no_longer(strict: httpx.Client) -> None:
    with connect(strict) as slow:
        slow.settimeout(HEAD_SECONDS / 20)
        slow.sendall(HALF)
        ended = False
        for _ in range(1_000):
            try:
                slow.sendall(b"x")
                ended = slow.recv(1) == b""
            except TimeoutError:
                continue
            except ConnectionError:
                ended = True
            break
        assert ended


def test_a_head_without_an_end_is_refused(strict: httpx.Client) -> None:
    assert strict.get("/healthz", headers={"X-Long": "x" * 60_000}).is_success
    with connect(strict) as long:
        long.sendall(HALF + b"x" * 70_000)
        assert long.recv(4096).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("headers", [b"X-Long: " + b"x" * 70_000 + b"\r\n", b"X-Many: 12345678\r\n" * 5_000])
def test_a_long_head_in_one_piece_is_refused(strict: httpx.Client, headers: bytes) -> None:
    with connect(strict) as long:
        long.sendall(WHOLE[:-2] + headers + b"\r\n")
        received = long.recv(4096)
        assert received.startswith(b"HTTP/1.1 431 ")
        assert received.count(b"HTTP/1.1") == 1
    assert strict.get("/healthz").is_success


def test_the_rest_of_a_body_that_was_refused_is_no_head(strict: httpx.Client) -> None:
    head = (
        b"POST /v1/events HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\nContent-Length: 2000000\r\n\r\n"
    )
    with connect(strict) as kept:
        kept.sendall(head)
        assert answer(kept).startswith(b"HTTP/1.1 413")
        kept.sendall(b"x" * 2_000_000 + WHOLE)
        assert answer(kept).startswith(b"HTTP/1.1 200")


def test_the_next_head_of_a_kept_connection_is_waited_for_no_longer(strict: httpx.Client) -> None:
    with connect(strict) as kept:
        for _ in range(2):
            kept.sendall(WHOLE)
            assert answer(kept).startswith(b"HTTP/1.1 200")
        kept.sendall(HALF)
        assert kept.recv(1) == b""


def test_whoever_asks_in_time_is_answered(strict: httpx.Client) -> None:
    with connect(strict) as hasty:
        hasty.sendall(WHOLE + WHOLE[:-2])
        assert answer(hasty).startswith(b"HTTP/1.1 200")
        hasty.sendall(WHOLE[-2:])
        assert answer(hasty).startswith(b"HTTP/1.1 200")
        # Between two requests it is uvicorn's keep-alive that counts, not the time of a head.
        hasty.settimeout(2 * HEAD_SECONDS)
        with pytest.raises(TimeoutError):
            hasty.recv(1)
        hasty.sendall(WHOLE)
        assert answer(hasty).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("n", [1, 3])
def test_a_caller_who_says_that_nothing_more_comes_is_answered(strict: httpx.Client, n: int) -> None:
    with connect(strict) as caller:
        caller.sendall(WHOLE * n)
        caller.shutdown(socket.SHUT_WR)
        received = b"".join(iter(lambda: caller.recv(4096), b""))
    assert received.count(b"HTTP/1.1 200") == n


def test_a_body_that_ends_before_its_end_gets_no_answer(strict: httpx.Client) -> None:
    with connect(strict) as caller:
        caller.sendall(b"POST /v1/recommend HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{")
        caller.shutdown(socket.SHUT_WR)
        assert caller.recv(1) == b""


def test_a_caller_who_would_rather_speak_http_2_is_answered(strict: httpx.Client) -> None:
    """As Java's HttpClient asks unless it is told otherwise."""
    wish = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAAQAoAAAAAIAAAAA"}
    answer = strict.post("/v1/recommend", json={"n": 3}, headers=wish)
    assert answer.status_code == 200
    assert len(answer.json()["items"]) == 3
