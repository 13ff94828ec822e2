"""Retraining without anyone watching: pauses, metrics, webhook, one at a time."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from datetime import time as clock_time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from recsys.errors import BundleError, BusyError, ConfigError, StoreError
from recsys.eval.confidence import Comparison
from recsys.pipeline.retraining.retrain import Decision
from recsys.pipeline.retraining.turns import TurnMetrics, TurnResult, post
from recsys.pipeline.retraining.watch import Schedule, Watch
from recsys.progress import silent
from recsys.registry import Check, Registry

NOON = datetime(2024, 6, 1, 12, tzinfo=UTC)
WORSE = Comparison(-0.02, -0.03, -0.01, 0.001, 150)
REFUSED = Decision(
    *("refused", "it is worse", "v1", "v2", 120),
    metric="ndcg@10",
    comparison=WORSE,
    checks=(Check("quality", False, "worse"),),
)
SKIPPED = Decision("skipped", "too few", "v1", None, 3, checks=(Check("events", False, "too few"),))


class EnoughError(Exception):
    """The test has seen enough."""


@contextmanager
def receiver() -> Iterator[tuple[str, list[dict[str, object]]]]:
    """A server that keeps what is posted to it."""
    got: list[dict[str, object]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/hook", got
        finally:
            server.shutdown()
            thread.join()


def test_pauses_grow_with_failures_and_never_beyond_eight_times() -> None:
    schedule = Schedule(seconds=100)
    assert [schedule.pause(NOON, failures, 0.0) for failures in range(6)] == [100, 200, 400, 800, 800, 800]
    assert schedule.pause(NOON, 0, 0.5) == pytest.approx(105)


def test_a_time_of_the_day_is_met_and_failures_are_tried_again_sooner() -> None:
    daily = Schedule(at=clock_time(3, 30))
    assert daily.pause(NOON, 0, 0.0) == 15.5 * 3_600
    assert daily.pause(NOON.replace(hour=3), 0, 0.0) == 1_800
    assert [daily.pause(NOON, failures, 0.0) for failures in (1, 2, 9)] == [600, 1_200, 4_800]
    assert daily.pause(NOON.replace(hour=3, minute=29), 5, 0.0) == 60, "the usual turn is not missed"


def test_a_watch_survives_failures_and_reports_them(tmp_path: Path) -> None:
    outcomes: list[Decision | Exception] = [StoreError("the store is away"), ZeroDivisionError("odd"), REFUSED, SKIPPED]
    pauses: list[float] = []

    def retrain() -> Decision:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if not outcomes:
            raise EnoughError

    metrics, turns = tmp_path / "retrain.prom", []
    with receiver() as (url, got):
        watch = Watch(retrain, Schedule(seconds=60), tmp_path, metrics, url, sleep, chance=lambda: 0.0)
        with pytest.raises(EnoughError):
            watch.run(turns.append, silent)
    assert pauses == [120, 240, 60, 60]
    assert 'recsys_retrain_difference{metric="ndcg@10"} -0.02' in TurnMetrics(turns[2], {}).exposition().decode()
    assert [turn.event for turn in turns] == ["failed", "failed", "refused", "skipped"]
    assert [message["event"] for message in got] == ["failed", "failed", "refused"], "a skipped turn is no news"
    assert "the store is away" in str(got[0]["text"])
    assert "ZeroDivisionError: odd (unexpected)" in str(got[1]["text"])
    assert got[2]["decision"]["champion"] == "v1"  # type: ignore[index]
    families = {family.name: family for family in text_string_to_metric_families(metrics.read_text())}
    counts = {sample.labels["event"]: sample.value for sample in families["recsys_retrain_turns"].samples}
    assert counts == {"promoted": 0, "refused": 1, "skipped": 1, "failed": 2}
    assert families["recsys_retrain_new_events"].samples[0].value == 3
    assert families["recsys_retrain_failures_in_a_row"].samples[0].value == 0


def test_a_single_turn_is_reported_too(tmp_path: Path) -> None:
    def fail() -> Decision:
        raise StoreError("the store is away")

    def fail_oddly() -> Decision:
        raise ZeroDivisionError("odd")

    metrics = tmp_path / "retrain.prom"
    with receiver() as (url, got):
        assert Watch(lambda: REFUSED, Schedule(), tmp_path, metrics=metrics, webhook=url).once(silent) == REFUSED
        with pytest.raises(StoreError, match="away"):
            Watch(fail, Schedule(), tmp_path, metrics=metrics, webhook=url).once(silent)
        with pytest.raises(ZeroDivisionError):
            Watch(fail_oddly, Schedule(), tmp_path, metrics=metrics, webhook=url).once(silent)
    assert [message["event"] for message in got] == ["refused", "failed", "failed"]
    assert "(unexpected)" in str(got[2]["text"])
    assert "recsys_retrain_failures_in_a_row 1" in metrics.read_text()


def test_a_webhook_that_is_away_stops_nothing(tmp_path: Path) -> None:
    said: list[str] = []

    def sleep(seconds: float) -> None:
        raise EnoughError

    nowhere = tmp_path / "no" / "folder.prom", "http://127.0.0.1:9/hook"
    watch = Watch(lambda: REFUSED, Schedule(), tmp_path, *nowhere, sleep)
    with pytest.raises(EnoughError):
        watch.run(lambda turn: None, said.append)
    assert any("webhook was not reached" in line for line in said)
    assert any("folder.prom cannot be written" in line for line in said)
    with pytest.raises(ConfigError, match="http"):
        Watch(lambda: REFUSED, Schedule(), tmp_path, webhook="file:///etc/passwd")


@pytest.mark.parametrize("answer", [b"no http", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 500 no\r\n\r\n", b""])
def test_a_webhook_that_talks_nonsense_stops_nothing(tmp_path: Path, answer: bytes) -> None:
    said: list[str] = []

    def sleep(seconds: float) -> None:
        raise EnoughError

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def talk() -> None:
            connection = listener.accept()[0]
            with connection:
                connection.recv(65_536)
                connection.sendall(answer)

        thread = threading.Thread(target=talk)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/hook"
        with pytest.raises(EnoughError):
            Watch(lambda: REFUSED, Schedule(), tmp_path, None, url, sleep).run(lambda turn: None, said.append)
        thread.join()
    assert any("webhook was not reached" in line for line in said)
    with pytest.raises(EnoughError):
        Watch(lambda: REFUSED, Schedule(), tmp_path, None, "http://no host/", sleep).run(lambda turn: None, said.append)


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_a_webhook_that_drips_holds_up_nothing(start: bytes) -> None:
    enough = threading.Event()

    def drip(listener: socket.socket) -> None:
        connection = listener.accept()[0]
        with connection, suppress(OSError):
            connection.sendall(start)
            while not enough.wait(0.01):
                connection.sendall(b"H")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,))
        thread.start()
        try:
            with pytest.raises(TimeoutError, match="did not answer within"):
                post(f"http://127.0.0.1:{listener.getsockname()[1]}/hook", {}, seconds=0.2)
        finally:
            enough.set()
            thread.join()


def test_of_a_time_of_the_day_the_first_turn_is_at_that_time(tmp_path: Path) -> None:
    done: list[str] = []

    def sleep(seconds: float) -> None:
        done.append("waited")
        if len(done) >= 3:
            raise EnoughError

    def retrain() -> Decision:
        done.append("retrained")
        return SKIPPED

    for schedule, expected in (
        (Schedule(at=clock_time(3, 30)), ["waited", "retrained", "waited"]),
        (Schedule(), ["retrained", "waited", "retrained"]),
    ):
        done.clear()
        with pytest.raises(EnoughError):
            Watch(retrain, schedule, tmp_path, sleep=sleep).run(lambda turn: None, silent)
        assert done[:3] == expected


def test_a_second_retrainer_is_refused_while_one_works(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "reg")
    with registry.retraining(), pytest.raises(BundleError, match="another process retrains"), registry.retraining():
        pass
    with registry.retraining():
        pass


def test_whoever_meets_another_retrainer_has_not_failed() -> None:
    def busy() -> Decision:
        raise BusyError("another process retrains")

    turn = Watch(busy, Schedule(), Path()).turn(failures=2)
    assert (turn.event, turn.failures) == ("skipped", 2)
    assert "failed_checks 0" in TurnMetrics(TurnResult(SKIPPED, None, 1.0, 0), {}).exposition().decode()
