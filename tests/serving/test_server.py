"""`recsys serve` as a process: what stops it, what kills it, and what it says when it cannot start."""

import json
import os
import signal
import socket
import sys
import threading
from pathlib import Path

import httpx
import pytest
from running import eventually, recsys_serve, serving_process
from serving_versions import damage

from benchmarks.processes import kill
from recsys.errors import BundleError, ConfigError, StoreError
from recsys.registry import Registry
from recsys.store import open_store, sqlite_url
from serving.server import listen, run
from serving.settings import Settings

CHILDREN = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")


@pytest.mark.usefixtures("usual_signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_server_that_is_told_to_stop_ends_without_an_error(registry: Registry, number: signal.Signals) -> None:
    with serving_process(registry.path) as (process, http):
        assert http.post("/v1/recommend", json={"user_id": "u"}).status_code == 200
        process.send_signal(number)
        assert process.wait(timeout=120) == 0
        assert process.stderr is not None
        lines = [json.loads(line) for line in process.stderr.read().decode().splitlines()]
    assert lines[0]["message"].startswith("serving ")
    assert f"{http.base_url}/console" in lines[0]["message"]
    assert {line["level"] for line in lines} == {"info"}


@pytest.mark.skipif(not CHILDREN.exists(), reason="this kernel does not tell the children of a process")
def test_a_worker_that_dies_is_replaced_and_all_stop_together(registry: Registry) -> None:
    with serving_process(registry.path, "--workers", "2") as (process, http):
        first = children(process.pid)
        assert len(first) == 2
        os.kill(first[0], signal.SIGKILL)
        eventually(lambda: len(set(children(process.pid)) - set(first)) == 1, seconds=120)
        eventually(lambda: answers(http), seconds=120)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=120) == 0
        assert not [pid for pid in first if Path(f"/proc/{pid}").exists()]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent is gone")
def test_workers_end_with_a_parent_that_was_killed(registry: Registry) -> None:
    with serving_process(registry.path, "--workers", "2") as (process, http):
        process.kill()
        eventually(lambda: refuses(http), seconds=120)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_server_that_stops_refuses_new_callers_while_it_finishes(registry: Registry, workers: str) -> None:
    with serving_process(registry.path, "--workers", workers) as (process, http):
        with socket.create_connection((http.base_url.host, http.base_url.port or 0)) as slow:
            head = b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            slow.sendall(head + b"Content-Length: 10\r\nExpect: 100-continue\r\n\r\n")
            assert b"100" in slow.recv(1_000), "it waits for the body"
            process.send_signal(signal.SIGTERM)
            eventually(lambda: refuses(http))
            assert process.poll() is None
            slow.sendall(b'{"a": 0}  ')
            assert b"422" in slow.recv(1_000)
        assert process.wait(timeout=120) == 0


def refuses(http: httpx.Client) -> bool:
    """Whether nobody listens any more."""
    try:
        http.get("/healthz")
    except httpx.ConnectError:
        return True
    except httpx.TransportError:
        pass
    return False


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def answers(http: httpx.Client) -> bool:
    """Whether a list is made; a connection to the worker that died is broken."""
    try:
        return http.post("/v1/recommend", json={"user_id": "u"}).status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("workers", ["1", "2"])
def test_every_acknowledged_event_outlives_kill_9(registry: Registry, items: list[str], workers: str) -> None:
    acknowledged: list[str] = []
    enough = threading.Event()

    def write(http: httpx.Client, writer: int) -> None:
        for number in range(10_000):
            ids = [f"w{writer}-{number}-{part}" for part in range(5)]
            events = [{"event_id": id_, "user_id": "u", "item_id": items[0], "event": "click"} for id_ in ids]
            try:
                response = http.post("/v1/events", json={"events": events})
            except httpx.TransportError:
                return
            if response.status_code == 202:
                acknowledged.extend(ids)
            if number > 20:
                enough.set()

    for turn in range(int(workers)):
        enough.clear()
        with serving_process(registry.path, "--workers", workers) as (process, http):
            threads = [threading.Thread(target=write, args=(http, 3 * turn + writer)) for writer in range(3)]
            for thread in threads:
                thread.start()
            assert enough.wait(300)
            kill(process)
            for thread in threads:
                thread.join()
    log = open_store(sqlite_url(registry.path / "store.db"))
    stored = [event.event_id for _, event in log.read(limit=1_000_000)]
    log.close()
    assert len(stored) == len(set(stored))
    assert set(acknowledged) <= set(stored)
    assert len(stored) % 5 == 0


def test_a_port_in_use_is_exit_code_5(registry: Registry, settings: Settings) -> None:
    before = signal.getsignal(signal.SIGHUP)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StoreError, match=f"port {port}"):
            listen("127.0.0.1", port)
        with pytest.raises(StoreError, match=f"port {port}"):
            run(settings.model_copy(update={"serving": settings.serving.model_copy(update={"port": port})}))
        assert signal.getsignal(signal.SIGHUP) is before, "whoever calls it keeps their handlers"
        with recsys_serve(registry.path, "--port", str(port)) as process:
            assert process.wait(timeout=120) == 5
            assert process.stderr is not None
            message = process.stderr.read().decode()
    assert message.splitlines() == [
        f"recsys: error: cannot listen on 127.0.0.1 port {port}: Address already in use; choose another with --port"
    ]


def test_workers_that_cannot_start_end_the_server(registry: Registry, tmp_path: Path) -> None:
    config = tmp_path / "recsys.toml"
    config.write_text('[serving]\nlists = "nonsense"\n', encoding="utf-8")
    with recsys_serve(registry.path, "--port", "0", "--workers", "2", "--config", str(config)) as process:
        assert process.wait(timeout=120) > 0
        assert process.stderr is not None
        lines = process.stderr.read().decode().splitlines()
    assert any("lists: 'nonsense'" in line for line in lines)
    assert any(line.startswith("recsys: error: ") for line in lines)
    assert not any(line.startswith("Traceback") for line in lines)


def test_what_keeps_a_server_from_starting(registry: Registry, settings: Settings, tmp_path: Path) -> None:
    open_to_all = settings.model_copy(update={"serving": settings.serving.model_copy(update={"host": "0.0.0.0"})})
    with pytest.raises(ConfigError, match="API keys"):
        run(open_to_all)
    with pytest.raises(ConfigError, match="sqlite:///FILE"):
        run(settings.model_copy(update={"store": "mysql://localhost"}))
    with pytest.raises(StoreError, match="does not exist"):
        run(settings.model_copy(update={"store": sqlite_url(tmp_path / "none" / "store.db")}))
    with pytest.raises(BundleError, match="recsys train"):
        run(settings.model_copy(update={"registry": tmp_path / "none"}))
    file = damage(registry, registry.resolve(None))
    with pytest.raises(BundleError, match=file.name):
        run(settings)
