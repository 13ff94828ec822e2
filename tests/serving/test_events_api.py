"""/v1/events: durable, idempotent, all or none, and in the next list."""

import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from running import eventually, serving_thread

from recsys.config import Config
from recsys.data.events.event import Event
from recsys.registry import Registry
from recsys.store import open_store, sqlite_file
from serving.settings import Settings
from serving.versions.live import LiveState


def post(http: httpx.Client, *events: dict[str, Any]) -> httpx.Response:
    return http.post("/v1/events", json={"events": list(events)})


def listed(http: httpx.Client, user: str) -> list[str]:
    answer = http.post("/v1/recommend", json={"user_id": user, "n": 20}).json()
    return [item["item_id"] for item in answer["items"]]


def stored(settings: Settings) -> list[Event]:
    log = open_store(settings.store)
    events = [event for _, event in log.read()]
    log.close()
    return events


def test_events_are_stored_as_posted(http: httpx.Client, settings: Settings, items: list[str]) -> None:
    full = {
        "event_id": "e1",
        "user_id": "用户",
        "item_id": items[0],
        "event": "purchase",
        "timestamp": "2024-05-01T12:00:00+02:00",
        "request_id": "r1",
        "position": 3,
        "propensity": 0.5,
        "value": 9.5,
        "session_id": "s1",
        "context": {"page": "home", "depth": 2},
    }
    before = time.time_ns() // 1_000
    response = post(http, full, {"user_id": "u2", "item_id": items[1], "event": "click"})
    assert (response.status_code, response.json()) == (202, {"accepted": 2, "duplicates": 0})
    first, second = stored(settings)
    context = '{"page":"home","depth":2}'
    assert first == Event(**{**full, "timestamp": 1_714_557_600_000_000, "context": context})  # type: ignore[arg-type]
    assert second.event_id
    assert before <= second.timestamp <= time.time_ns() // 1_000


TIMES = {
    1_714_557_600: 1_714_557_600,
    1_714_557_600.5: 1_714_557_600.5,
    1_714_557_600_000: 1_714_557_600,
    "1714557600": 1_714_557_600,
    "2024-05-01T10:00:00Z": 1_714_557_600,
    "2024-05-01 10:00": 1_714_557_600,
    0: 0,
}
"""Times as they may be given, and seconds since 1970."""


def test_times_are_read_as_files_write_them(http: httpx.Client, settings: Settings, items: list[str]) -> None:
    for given in TIMES:
        event = {"user_id": "u", "item_id": items[0], "event": "click", "timestamp": given}
        assert post(http, event).status_code == 202, given
    assert [event.timestamp for event in stored(settings)] == [seconds * 1_000_000 for seconds in TIMES.values()]


def test_repeated_events_count_once(http: httpx.Client, settings: Settings, items: list[str]) -> None:
    event = {"event_id": "e1", "user_id": "u1", "item_id": items[0], "event": "click"}
    other = {**event, "event_id": "e2"}
    assert post(http, event).json() == {"accepted": 1, "duplicates": 0}
    assert post(http, event, other, other).json() == {"accepted": 1, "duplicates": 2}
    assert [event.event_id for event in stored(settings)] == ["e1", "e2"]
    assert post(http).json() == {"accepted": 0, "duplicates": 0}


def test_one_wrong_event_keeps_all_of_a_call_out(http: httpx.Client, settings: Settings, items: list[str]) -> None:
    good = {"user_id": "u1", "item_id": items[0], "event": "click"}
    wrong = [
        ({"item_id": "unknown"}, "item_id", "'unknown' is not in the catalogue"),
        ({"timestamp": "1969-12-31"}, "timestamp", "before 1970"),
        ({"timestamp": -1}, "timestamp", "before 1970"),
        ({"timestamp": "2999-01-01"}, "timestamp", "in the future"),
        ({"timestamp": "yesterday"}, "timestamp", "not a time"),
        ({"timestamp": 1e300}, "timestamp", "not a time"),
        ({"timestamp": 253_402_300_800_000}, "timestamp", "not a time"),
        ({"timestamp": "2024"}, "timestamp", "not a time"),
        ({"timestamp": 2024}, "timestamp", "not a time"),
        ({"event": ""}, "event", ""),
        ({"position": -1}, "position", ""),
        ({"propensity": 0}, "propensity", ""),
        ({"propensity": 1e-39}, "propensity", ""),
        ({"value": "much"}, "value", ""),
        ({"value": 1e39}, "value", ""),
        ({"value": -1e39}, "value", ""),
        ({"user_id": None}, "user_id", ""),
        ({"clicked": True}, "clicked", ""),
        ({"context": {"a": 10**30}}, "context", "64 bits"),
        ({"context": {"a": -(2**63) - 1}}, "context", "64 bits"),
    ]
    for change, field, message in wrong:
        response = post(http, good, {**good, **change}, good)
        assert response.status_code == 422, change
        error = response.json()["errors"][0]
        assert error["loc"][:4] == ["body", "events", 1, field]
        assert message in error["msg"]
    for number in ("NaN", "Infinity"):
        body = f'{{"events": [{{"user_id": "u1", "item_id": "{items[0]}", "event": "click", "propensity": {number}}}]}}'
        assert http.post("/v1/events", content=body, headers={"Content-Type": "application/json"}).status_code == 422
    one = post(http, good, {**good, "item_id": "unknown"}).json()["detail"]
    assert one == "nothing was stored: item 'unknown' is not in the catalogue"
    unknown = [{**good, "item_id": f"unknown {number}"} for number in range(1_000)]
    assert "1,000 problems" in post(http, *unknown).json()["detail"]
    assert post(http, *unknown, good).json()["errors"][0]["loc"] == ["body", "events"]
    assert http.post("/v1/events", content=b"x" * 2_000_000).status_code == 413
    assert stored(settings) == []


def test_an_event_changes_the_next_list_of_its_user(http: httpx.Client) -> None:
    before = listed(http, "newcomer")
    target = before[5]
    assert post(http, {"user_id": "newcomer", "item_id": target, "event": "purchase"}).status_code == 202
    assert listed(http, "newcomer") != before
    assert "newcomer" not in http.get("/metrics").text


def test_an_event_of_another_process_arrives_soon(http: httpx.Client, settings: Settings, items: list[str]) -> None:
    before = listed(http, "newcomer")
    log = open_store(settings.store)
    log.append([Event("e1", "newcomer", items[0], "purchase", time.time_ns() // 1_000)])
    log.close()
    eventually(lambda: listed(http, "newcomer") != before)


def test_a_restart_knows_what_was_stored(settings: Settings, items: list[str]) -> None:
    with serving_thread(settings) as http:
        before = listed(http, "newcomer")
        post(http, *({"user_id": "newcomer", "item_id": item, "event": "purchase"} for item in items[:3]))
        after = listed(http, "newcomer")
    with serving_thread(settings) as http:
        assert listed(http, "newcomer") == after != before


def test_unknown_items_may_be_kept_for_later(registry: Registry, items: list[str]) -> None:
    config = Config.model_validate({"data": {"unknown_items": "add"}})
    settings = Settings.of(config, registry.path)
    with serving_thread(settings) as http:
        assert post(http, {"user_id": "u", "item_id": "not yet known", "event": "click"}).status_code == 202
        assert listed(http, "u")
    assert [event.item_id for event in stored(settings)] == ["not yet known"]


def test_a_body_of_many_faults_is_refused_soon(http: httpx.Client) -> None:
    many = post(http, *({} for _ in range(300_000)))
    assert many.status_code == 422
    assert "10000" in many.json()["errors"][-1]["msg"] or len(many.json()["errors"]) == 100
    assert many.elapsed.total_seconds() < 5


def test_without_its_store_lists_go_on_and_events_are_refused(
    http: httpx.Client, settings: Settings, items: list[str]
) -> None:
    other = sqlite3.connect(sqlite_file(settings.store))
    other.execute("ALTER TABLE events RENAME TO elsewhere")
    event = {"event_id": "e1", "user_id": "newcomer", "item_id": items[0], "event": "purchase"}
    response = post(http, event)
    assert response.status_code == 503
    assert "retry-after" in response.headers
    assert response.headers["content-type"] == "application/problem+json"
    before = listed(http, "newcomer")
    assert before
    eventually(lambda: "recsys_store_up 0.0" in http.get("/metrics").text)
    other.execute("ALTER TABLE elsewhere RENAME TO events")
    other.close()
    assert post(http, event).json() == {"accepted": 1, "duplicates": 0}
    assert listed(http, "newcomer") != before


def test_a_store_whose_file_is_gone_shows_in_the_metrics(
    http: httpx.Client, settings: Settings, items: list[str]
) -> None:
    eventually(lambda: "recsys_store_up 1.0" in http.get("/metrics").text)
    for file in Path(settings.store.removeprefix("sqlite:///")).parent.glob("store.db*"):
        file.unlink()
    eventually(lambda: "recsys_store_up 0.0" in http.get("/metrics").text)
    assert post(http, {"user_id": "u", "item_id": items[0], "event": "click"}).status_code == 503


def test_kinds_of_events_that_no_list_could_know_are_refused(
    http: httpx.Client, settings: Settings, items: list[str]
) -> None:
    event = {"user_id": "u", "item_id": items[0]}
    response = post(http, *({**event, "event": f"own {number}"} for number in range(128)))
    assert response.status_code == 422
    assert response.json()["errors"][0]["loc"][:2] == ["body", "events"]
    assert not stored(settings)
    assert post(http, *({**event, "event": f"own {number}"} for number in range(100))).status_code == 202
    assert post(http, *({**event, "event": f"other {number}"} for number in range(100))).status_code == 422
    assert post(http, {**event, "event": "own 7"}).status_code == 202


def test_a_body_of_another_content_type_is_reported_as_that(http: httpx.Client) -> None:
    body = b'{"events": []}'
    for headers in ({"Content-Type": "application/x-www-form-urlencoded"}, {}):
        answer = http.post("/v1/events", content=body, headers=headers)
        assert answer.status_code == 422
        (fault,) = answer.json()["errors"]
        assert fault["loc"] == ["body"]
        assert headers.get("Content-Type", "missing") in fault["msg"]
        assert "application/json" in fault["msg"]
    as_json = http.post("/v1/events", content=b'"no object"', headers={"Content-Type": "application/json"})
    assert "Content-Type" not in as_json.json()["errors"][0]["msg"]


def test_events_and_lists_do_not_wait_for_items_that_are_put(
    settings: Settings, items: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever looks for an item that is not there waits while another one's text is encoded."""
    go_on, real = threading.Event(), LiveState.catch_up_items

    def waits(live: LiveState) -> None:
        if threading.current_thread().name.startswith("changing items"):
            go_on.wait(30)
        real(live)

    monkeypatch.setattr(LiveState, "catch_up_items", waits)
    with serving_thread(settings) as http, ThreadPoolExecutor() as callers:
        waiting = [callers.submit(http.get, "/v1/items/nowhere") for _ in range(8)]
        try:
            event = {"user_id": "u1", "item_id": items[0], "event": "click"}
            for _ in range(4):
                assert http.post("/v1/events", json={"events": [event]}).status_code == 202
            assert http.get("/v1/models").is_success
            assert not any(call.done() for call in waiting)
        finally:
            go_on.set()
        assert {call.result().status_code for call in waiting} == {404}
