"""What is stored about a user is shown and forgotten: in the store, in live lists, after a restart, in training."""

import sqlite3
from contextlib import closing

import httpx
import pytest
from running import eventually, serving_thread

from recsys.data.events.event import Event
from recsys.data.ids.vocabulary import Vocabulary
from recsys.data.log.interactions import InteractionLog
from recsys.data.users.forget import user_digest
from recsys.pipeline.retraining.retrain import retrain
from recsys.progress import silent
from recsys.registry import Registry
from recsys.store import open_store, sqlite_file
from serving.settings import Settings

ANY_VOLUME = ("retrain.min_volume=0",)
"""The events come long after those of the small world."""


def about(http: httpx.Client, user: str) -> tuple[int, int]:
    """How many events are stored, and how many make the lists."""
    answer = http.get(f"/v1/users/{user}").json()
    assert answer["n_events"] >= len(answer["events"])
    return answer["n_events"], len(answer["history"])


def click(http: httpx.Client, user: str, *items: str) -> None:
    events = [{"user_id": user, "item_id": item, "event": "click", "context": {"page": 1}} for item in items]
    assert http.post("/v1/events", json={"events": events}).status_code == 202


def test_what_another_program_stored_of_a_user_is_shown_too(
    http: httpx.Client, settings: Settings, items: list[str]
) -> None:
    """No list uses such an event, and who asks what is stored must see it."""
    store = open_store(settings.store)
    nanoseconds = 1_764_504_000_000_000_000
    store.append([Event("odd", "somebody", items[0], "click", nanoseconds, context="page 1")])
    store.close()
    answer = http.get("/v1/users/somebody")
    assert answer.status_code == 200
    (shown,) = answer.json()["events"]
    assert (shown["timestamp"], shown["context"]) == (str(nanoseconds), "page 1")
    assert answer.json()["history"] == []


def test_a_list_that_another_program_has_spoilt_hides_no_user(
    http: httpx.Client, settings: Settings, items: list[str]
) -> None:
    http.post("/v1/recommend", json={"user_id": "listed", "n": 2}).raise_for_status()
    assert http.get("/v1/users/listed").status_code == 200  # stores the lists that wait
    with closing(sqlite3.connect(sqlite_file(settings.store))) as other, other:
        other.execute("UPDATE answered_lists SET items = 'no JSON' WHERE user_id = 'listed'")
    (shown,) = http.get("/v1/users/listed").raise_for_status().json()["lists"]
    assert shown["items"] == []


def test_a_user_is_shown_and_forgotten(
    http: httpx.Client, settings: Settings, users: list[str], items: list[str]
) -> None:
    known, other = users[0], users[1]
    stored, before = about(http, known)
    assert stored == 0 < before
    click(http, known, *items[:3])
    assert about(http, known) == (3, before + 3)
    shown = http.get(f"/v1/users/{known}", params={"n": 2}).json()["events"]
    assert [event["item_id"] for event in shown] == items[1:3]
    assert shown[0]["context"] == {"page": 1}
    assert shown[0]["timestamp"].startswith("20")
    assert http.get(f"/v1/users/{known}").json()["profile"] == {}, "no table of users was trained on"
    unchanged = about(http, other)

    def listed(server: httpx.Client, user: str) -> tuple[list[str], list[float]]:
        listed = server.post("/v1/recommend", json={"user_id": user}).json()["items"]
        return [item["item_id"] for item in listed], [item["score"] for item in listed]

    with serving_thread(settings) as worker:
        answer = http.delete(f"/v1/users/{known}")
        assert answer.json() == {"user_id": known, "forgotten": True, "events": 3}
        for server in (http, worker):
            eventually(lambda server=server: about(server, known) == (0, 0))  # type: ignore[misc]
            (ids, scores), (expected_ids, expected) = listed(server, known), listed(server, "somebody new")
            assert ids == expected_ids
            assert scores == pytest.approx(expected, rel=1e-3), "counts fade between two requests"
        click(http, known, items[5])
        assert about(http, known) == (1, 1), "who comes back is new"
    assert about(http, other) == unchanged
    with serving_thread(settings) as restarted:
        assert about(restarted, known) == (1, 1)
    assert http.delete("/v1/users/nobody").json()["events"] == 0
    assert about(http, "nobody") == (0, 0)


def test_the_next_training_has_neither_the_id_nor_the_events_of_a_forgotten_user(
    http: httpx.Client, registry: Registry, settings: Settings, users: list[str], items: list[str]
) -> None:
    """One who has come back has the events since. Items that came or went meanwhile are as they are now."""
    known = users[0]
    click(http, known, *items[:3])
    http.delete(f"/v1/users/{known}").raise_for_status()
    eventually(lambda: about(http, known) == (0, 0))
    click(http, known, items[5])
    http.put("/v1/items", json={"items": [{"item_id": "new", "title": "espresso beans"}]})
    for number in range(60):
        click(http, f"new user {number}", *(items[(number + step) % len(items)] for step in range(4)))
    click(http, "new user 1", "new")
    http.delete(f"/v1/items/{items[9]}")
    store = open_store(settings.store)
    decision = retrain(registry, store, overrides=ANY_VOLUME, progress=silent)
    store.close()
    assert decision.challenger is not None, decision.reason
    registry.promote(decision.challenger, "test")
    eventually(lambda: http.get("/readyz").json()["model_version"] == decision.challenger)
    assert about(http, known) == (1, 1)
    assert about(http, users[2])[1] > 0
    assert http.get("/v1/items/new").is_success
    assert http.get(f"/v1/items/{items[9]}").status_code == 404
    folder = registry.path_of(decision.challenger)
    users = Vocabulary.load(folder / "features" / "log" / "users")
    trained = list(users)
    assert "new user 1" in trained
    assert trained.count(known) == 1, "as who came back"
    acts = InteractionLog.load(folder / "features" / "log", len(items))
    assert (acts.users == trained.index(known)).sum() == 1
    registry.rollback("test")
    eventually(lambda: http.get("/readyz").json()["model_version"] != decision.challenger)
    assert about(http, known) == (1, 1), "the version before is served without the user"


@pytest.mark.parametrize("place", ["path", "query"])
def test_an_id_that_is_no_utf8_is_refused(http: httpx.Client, place: str) -> None:
    """`M%FCller` is Müller in Latin-1. Who asks that he be forgotten must not hear that somebody else was."""
    asked = {"path": ("DELETE", "/v1/users/M%FCller"), "query": ("GET", "/v1/users?q=M%FCller")}[place]
    answer = http.request(*asked)
    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert fault["loc"] == [place]
    assert "%FC" in fault["msg"]
    assert http.delete("/v1/users/M%C3%BCller").json()["user_id"] == "Müller"
    assert http.delete("/v1/users/%EF%BF%BD").json()["user_id"] == "\N{REPLACEMENT CHARACTER}"


def test_a_digest_is_no_id() -> None:
    assert user_digest("u1") == user_digest("u1") != user_digest("u2")
    assert "u1" not in user_digest("u1")
