"""Versions change under a running server: by the registry, over HTTP, and never to a damaged one."""

import json
import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import httpx
import pytest
from key_files import key_file
from running import eventually, serving_thread
from serving_versions import VersionCopy, damage, publish_copy

from recsys.cli.main import main
from recsys.config import Config
from recsys.registry import Registry, StoreMark
from serving.settings import Settings


def served(http: httpx.Client) -> str:
    version: str = http.post("/v1/recommend", json={"user_id": "u"}).json()["model_version"]
    return version


def listed_to(http: httpx.Client, user: str) -> list[str]:
    return [item["item_id"] for item in http.post("/v1/recommend", json={"user_id": user}).json()["items"]]


def test_a_published_version_is_taken_without_a_restart(
    http: httpx.Client, registry: Registry, items: list[str]
) -> None:
    first = registry.resolve(None)
    assert served(http) == first
    http.post("/v1/events", json={"events": [{"user_id": "newcomer", "item_id": items[0], "event": "purchase"}]})
    before = listed_to(http, "newcomer")
    second = publish_copy(registry, first, promote=True)
    eventually(lambda: served(http) == second)
    assert listed_to(http, "newcomer") == before, "the events are replayed"
    registry.rollback("test")
    eventually(lambda: served(http) == first)


def test_another_version_waits_for_the_store_that_knows_what_was_deleted(
    http: httpx.Client, registry: Registry, settings: Settings, items: list[str]
) -> None:
    first = registry.resolve(None)
    second = publish_copy(registry, first, promote=False)
    assert http.delete(f"/v1/items/{items[0]}").is_success
    store = Path(settings.store.removeprefix("sqlite:///"))
    away = store.rename(store.parent / "away.db")
    eventually(lambda: "recsys_store_up 0.0" in http.get("/metrics").text)
    answer = http.post(f"/v1/models/{second}/promote").json()
    assert (answer["current"], answer["served"]) == (second, first)
    assert http.post(f"/v1/models/{second}/recommend", json={"user_id": "u"}).status_code == 503
    assert http.get(f"/v1/items/{items[0]}").status_code == 404
    away.rename(store)
    eventually(lambda: served(http) == second)
    assert http.get(f"/v1/items/{items[0]}").status_code == 404


def test_promote_and_roll_back_over_http(http: httpx.Client, registry: Registry) -> None:
    first = registry.resolve(None)
    second = publish_copy(registry, first, promote=False)
    listed = http.get("/v1/models").json()
    assert [row["version"] for row in listed["versions"]] == [first, second]
    assert listed["current"] == listed["served"] == first
    answer = http.post(f"/v1/models/{second}/promote").json()
    assert answer["current"] == answer["served"] == served(http) == second
    answer = http.post("/v1/models/rollback").json()
    assert answer["current"] == answer["served"] == served(http) == first
    assert http.post("/v1/models/rollback").status_code == 409
    for unknown, statuses in {
        "20260101T000000Z-abcdef": [404],
        "..": [404, 405],
        "%2e%2e%2fetc": [404, 405, 422],
        "x" * 500: [422],
    }.items():
        response = http.post(f"/v1/models/{unknown}/promote")
        assert response.status_code in statuses, unknown
        assert response.headers["content-type"] == "application/problem+json"


def test_a_registry_that_cannot_be_written_is_no_fault_of_the_caller(http: httpx.Client, registry: Registry) -> None:
    first = registry.resolve(None)
    second = publish_copy(registry, first, promote=True)
    (registry.path / ".lock").unlink()
    (registry.path / ".lock").mkdir()  # nobody can open it to write, not even root
    for call in ("rollback", f"{first}/promote"):
        answer = http.post(f"/v1/models/{call}")
        assert answer.status_code == 503, answer.text
        assert "cannot be written" in answer.json()["detail"]
    (registry.path / ".lock").rmdir()
    assert registry.current() == second
    assert http.post("/v1/models/rollback").json()["current"] == first


def test_a_damaged_version_is_refused_and_the_server_keeps_what_it_has(
    http: httpx.Client, registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    first = registry.resolve(None)
    second = publish_copy(registry, first, promote=False)
    file = damage(registry, second)
    response = http.post(f"/v1/models/{second}/promote")
    assert response.status_code == 409
    assert file.name in response.json()["detail"]
    registry.current_file.write_text(f"{second}\n")  # as if another program had written it
    eventually(lambda: "recsys_refused_versions_total 1.0" in http.get("/metrics").text)
    assert served(http) == first
    told = next(record for record in caplog.records if "refused" in record.getMessage())
    assert f"serving {first}: {file} is damaged" in told.getMessage()
    assert told.exc_info is None, "a trace says nothing more"
    third = publish_copy(registry, first, promote=True)
    eventually(lambda: served(http) == third)


def test_versions_are_shown_as_the_command_line_shows_them(
    http: httpx.Client, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    first = registry.resolve(None)
    short, unreadable = (publish_copy(registry, first, promote=False) for _ in range(2))
    damage(registry, short).write_bytes(b"")
    (registry.path / "versions" / unreadable / "manifest.json").write_text("{")
    told = http.get("/v1/models").json()["versions"]
    assert main(["models", "list", "--registry", str(registry.path), "--json"]) == 0
    assert [{**one, "current": one["version"] == first} for one in told] == json.loads(capsys.readouterr().out)[
        "versions"
    ]
    assert [one["problem"] is None for one in told] == [True, False, False]
    assert datetime.fromisoformat(told[0]["created_at"]).tzinfo is not None


@pytest.mark.parametrize("promoted", [True, False])
def test_a_refused_version_that_was_mended_is_served(
    http: httpx.Client, registry: Registry, monkeypatch: pytest.MonkeyPatch, promoted: bool
) -> None:
    monkeypatch.setattr("serving.versions.refreshing.REFUSED_SECONDS", 600 if promoted else 0.1)
    second = publish_copy(registry, registry.resolve(None), promote=False)
    whole = shutil.copytree(registry.path_of(second), registry.path / "whole")
    damage(registry, second)
    registry.current_file.write_text(f"{second}\n")
    eventually(lambda: "recsys_refused_versions_total 0.0" not in http.get("/metrics").text)
    shutil.copytree(whole, registry.path / "versions" / second, dirs_exist_ok=True)
    if promoted:
        assert http.post(f"/v1/models/{second}/promote").json()["served"] == second
    eventually(lambda: served(http) == second)


def refusals(http: httpx.Client) -> float:
    """How many times a version was refused."""
    lines = http.get("/metrics").text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("recsys_refused_versions_total "))


def test_a_first_load_that_fails_is_tried_again(
    registry: Registry, settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("serving.versions.refreshing.RETRY_SECONDS", 0.1)
    version = registry.resolve(None)
    folder = registry.path_of(version)
    away = folder.rename(registry.path / "away")
    (folder / "manifest.json").mkdir(parents=True)  # nothing that a registry foresees
    with serving_thread(settings, is_ready=False) as http:
        eventually(lambda: refusals(http) >= 2)  # how many more there are by now depends on the machine
        assert http.get("/readyz").status_code == 503
        refused = http.post("/v1/recommend", json={"user_id": "u"})
        assert (refused.status_code, refused.json()["detail"]) == (503, "no version is loaded yet; see /readyz")
        assert int(refused.headers["retry-after"]) >= 1
        (folder / "manifest.json").rmdir()
        away.rename(folder)
        eventually(lambda: http.get("/readyz").is_success)
        assert served(http) == version
    assert "no version is served; it is tried again in 0.1 s" in caplog.messages


def test_a_version_that_learned_from_another_store_says_so(
    registry: Registry, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody has moved to another kind of store, or misspelt its name: who was forgotten there comes back here."""
    version = registry.resolve(None)
    copy = VersionCopy.of(registry, version)
    learned = replace(copy.description, store=StoreMark(identity="of another", offset=3))
    later = registry.publish(replace(copy, description=learned), parent=version)
    with serving_thread(settings) as http:
        assert served(http) == later
        assert f"{later} has learned from another store" in caplog.text
        registry.promote(version, "it has learned from none")
        eventually(lambda: served(http) == version)
    assert f"{version} has learned from" not in caplog.text


def test_a_key_opens_only_what_its_scope_grants(registry: Registry, tmp_path: Path, items: list[str]) -> None:
    keys = key_file(tmp_path, ("reader", '["read"]'), ("writer", '["write"]'), ("boss", '["admin"]'))
    config = Config.model_validate({"serving": {"keys": keys}})
    calls = {
        "read": ("POST", "/v1/recommend", {"user_id": "u"}),
        "write": ("POST", "/v1/events", {"events": [{"user_id": "u", "item_id": items[0], "event": "click"}]}),
        "admin": ("POST", "/v1/models/rollback", None),
    }
    with serving_thread(Settings.of(config, registry.path)) as http:
        for scope, (method, path, body) in calls.items():
            for secret, granted in (("reader", "read"), ("writer", "write"), ("boss", "admin")):
                response = http.request(method, path, json=body, headers={"Authorization": f"Bearer {secret}"})
                assert (response.status_code == 403) == (scope != granted), (path, secret)
            for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic reader"}):
                response = http.request(method, path, json=body, headers=headers)
                assert response.status_code == 401
                assert response.headers["www-authenticate"] == "Bearer"
                assert response.headers["content-type"] == "application/problem+json"
        assert http.get("/healthz").status_code == http.get("/readyz").status_code == 200
        assert http.get("/metrics").status_code == 401


@pytest.mark.parametrize("path", ["/v1/models", "/metrics"])
def test_what_this_machine_may_see_without_keys(reading: httpx.Client, path: str) -> None:
    assert reading.get(path).status_code == 200
