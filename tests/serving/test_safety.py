"""Slow, busy or curious callers: limits by key and by time, lists in time, a log without ids, pages without a CDN."""

import json
import logging
import re
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest
from key_files import key_file
from running import eventually, serving_thread

from recsys.config import Config
from recsys.registry import Registry
from serving.calls.rate_limiter import RateLimiter
from serving.settings import Settings
from serving.watching.logs import JsonLines


def test_a_bucket_empties_and_fills() -> None:
    now = 0.0
    limiter = RateLimiter(2.0, clock=lambda: now)
    assert [limiter.wait("a") for _ in range(5)] == [0, 0, 0, 0, 1]
    assert limiter.wait("b") == 0
    now = 0.5
    assert [limiter.wait("a"), limiter.wait("a")] == [0, 1]
    now = 100.0
    assert [limiter.wait("a") for _ in range(5)] == [0, 0, 0, 0, 1]
    slow = RateLimiter(0.1, clock=lambda: now)
    assert [slow.wait("a"), slow.wait("a")] == [0, 10]
    assert {RateLimiter(0.0).wait("a") for _ in range(100)} == {0}


def test_limits_hold_for_calls_of_a_key_slow_bodies_and_slow_lists(
    registry: Registry, tmp_path: Path, users: list[str], items: list[str]
) -> None:
    keys = key_file(tmp_path, ("busy", '["read"]'), ("calm", '["read"]'))
    limits = {"rate": 2, "body_seconds": 0.3, "deadline_seconds": 1e-9, "keys": keys}
    with serving_thread(Settings.of(Config.model_validate({"serving": limits}), registry.path)) as http:
        busy, calm = ({"Authorization": f"Bearer {key}"} for key in ("busy", "calm"))
        answers = [http.post("/v1/recommend", json={"user_id": users[0]}, headers=busy) for _ in range(12)]
        refused = [answer for answer in answers if answer.status_code == 429]
        assert refused
        assert int(refused[0].headers["retry-after"]) >= 1
        assert refused[0].headers["content-type"] == "application/problem+json"

        # The deadline is too short for any list: popular items, by the request's own rules.
        body = {"user_id": users[0], "n": 5, "exclude": items[:3], "filter": {"category": "coffee"}}
        answer = http.post("/v1/recommend", json=body, headers=calm).json()
        assert {"als", "transitions"} <= set(answer["degraded"])
        assert answer["degraded"][-1] == "ranker"
        assert "popular" not in answer["degraded"]
        ids = [item["item_id"] for item in answer["items"]]
        assert len(ids) == 5
        assert all(id_.startswith("coffee") for id_ in ids)
        assert not set(ids) & set(items[:3])
        assert answer["items"][0]["p_click"] is None
        assert 'recsys_degraded_lists_total{stage="ranker"}' in http.get("/metrics", headers=calm).text

        host, port = http.base_url.host, http.base_url.port
        with socket.create_connection((host, port or 80), timeout=10) as slow:
            head = f"POST /v1/recommend HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer calm\r\n"
            slow.sendall(f'{head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{"n": '.encode())
            received = b""
            while part := slow.recv(4096):
                received += part
        assert received.startswith(b"HTTP/1.1 408")


def test_pages_and_their_assets_come_from_here(reading: httpx.Client) -> None:
    page = reading.get("/docs").text
    assets = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(assets) >= 2
    for asset in assets:
        assert asset.startswith("/"), "nothing from elsewhere"
        assert reading.get(asset).status_code == 200


def test_the_bare_address_leads_to_the_console(reading: httpx.Client) -> None:
    answer = reading.get("/", follow_redirects=True)
    assert answer.url.path == "/console/"
    assert "<!doctype html>" in answer.text.lower()


def test_each_answer_is_a_line_without_ids(
    reading: httpx.Client, users: list[str], items: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    def entries() -> dict[str, dict[str, Any]]:
        """By the id of the request, since a line is written after its answer, and other requests may come between."""
        lines = [JsonLines().format(record) for record in caplog.records if record.name.endswith("access")]
        return {entry["request"]: entry for entry in map(json.loads, lines)}

    with caplog.at_level(logging.INFO, logger="recsys.serving.access"):
        body = {"user_id": users[0], "context": {"note": "something private"}}
        answers = [
            reading.post("/v1/recommend", json=body),
            reading.get(f"/v1/items/{items[0]}"),
            reading.get(f"/nothing/{users[0]}"),
        ]
        requests = [answer.headers["x-request-id"] for answer in answers]
        eventually(lambda: set(requests) <= set(entries()))
    found = [entries()[request] for request in requests]
    assert [entry["route"] for entry in found] == ["/v1/recommend", "/v1/items/{item_id}", "none"]
    assert found[0]["status"] == 200
    assert found[0]["seconds"] > 0
    for secret in (users[0], items[0], "private"):
        assert all(secret not in json.dumps(entry) for entry in entries().values())


def test_an_error_keeps_its_trace_in_one_line() -> None:
    try:
        _ = 1 / 0
    except ZeroDivisionError as error:
        caught = (ZeroDivisionError, error, error.__traceback__)
    line = JsonLines().format(logging.LogRecord("recsys", logging.ERROR, "", 0, "it %s", ("broke",), caught))
    entry = json.loads(line)
    assert (entry["level"], entry["message"]) == ("error", "it broke")
    assert "ZeroDivisionError" in entry["trace"]
    assert "\n" not in line
