"""Looking around: items by title, users by id, columns of the catalogue, one version and the lists it would make."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import orjson
import polars as pl
import pytest
from key_files import key_file
from running import eventually, serving_thread
from serving_versions import damage, publish_copy

from recsys.config import Config
from recsys.data.items.items_table import read_items
from recsys.data.tables.table import frame_table
from recsys.policy.filters import Filters
from recsys.registry import Registry
from serving.lists.browse import described_columns
from serving.responses import json_response
from serving.settings import Settings
from serving.versions import on_demand

BRIEF = {"item_id", "title", "category", "brand", "price", "available"}


@pytest.fixture
def http(settings: Settings) -> Iterator[httpx.Client]:
    """A server that takes its time: the lists compared here are whole ones, on a busy machine too."""
    patient = settings.serving.model_copy(update={"deadline_seconds": 60.0, "encoder": "first use"})
    with serving_thread(settings.model_copy(update={"serving": patient}), timeout=60) as http:
        yield http


def found(http: httpx.Client, **query: Any) -> list[str]:
    answer = http.get("/v1/items", params=query)
    assert answer.status_code == 200, answer.text
    assert all(set(item) == BRIEF for item in answer.json()["items"])
    return [item["item_id"] for item in answer.json()["items"]]


def test_items_are_found_by_words_of_their_title(reading: httpx.Client, items: list[str]) -> None:
    assert found(reading, q="espresso") == ["coffee-0-small", "coffee-0-large"]
    assert found(reading, q="BEANS  large") == ["coffee-0-large"], "every word, in any order and case"
    assert found(reading, q="large esp")[0] == "coffee-0-large", "a title that begins so is first"
    assert found(reading, q="coffee-0-large") == ["coffee-0-large"], "an id is found too"
    assert found(reading, q="(espresso.*") == []
    assert found(reading, q="no such thing") == []
    assert found(reading, n=4) == items[:4]
    assert len(found(reading, q=" ", n=200)) == len(items)


def test_items_are_found_by_id_in_the_order_asked_for(reading: httpx.Client, items: list[str]) -> None:
    wanted = [items[3], "unknown", items[1], items[3]]
    assert found(reading, id=wanted) == [items[3], items[1]]
    item = reading.get("/v1/items", params={"id": items[0]}).json()["items"][0]
    assert item == {key: reading.get(f"/v1/items/{items[0]}").json()["item"][key] for key in BRIEF}


@pytest.mark.parametrize("query", [{"q": "x" * 201}, {"n": 0}, {"n": 201}, {"id": ""}, {"id": ["i"] * 201}])
def test_a_search_beyond_its_bounds_is_refused(reading: httpx.Client, query: dict[str, Any]) -> None:
    assert reading.get("/v1/items", params=query).status_code == 422


def test_items_that_come_and_go_are_found_and_lost(http: httpx.Client, items: list[str]) -> None:
    http.put("/v1/items", json={"items": [{"item_id": "new", "title": "Espresso cup", "colour": ["red", "red"]}]})
    assert found(http, q="espresso cup") == found(http, id="new") == ["new"]
    assert "colour" in {column["name"] for column in http.get("/v1/catalogue").json()["columns"]}
    http.delete("/v1/items/new")
    assert found(http, q="espresso cup") == found(http, id="new") == []


def test_the_columns_that_filters_ask_about(reading: httpx.Client, items: list[str]) -> None:
    answer = reading.get("/v1/catalogue").json()
    assert answer["n_items"] == len(items)
    described = {column["name"]: column for column in answer["columns"]}
    assert described["title"]["n_values"] == len(items)
    assert described["title"]["values"] == [], "values that items do not share are not named"
    assert (described["price"]["kind"], described["price"]["low"], described["price"]["high"]) == ("number", 5.0, 19.0)
    values = described["category"]["values"]
    assert {(value["value"], value["n"]) for value in values} == {("coffee", 10), ("garden", 10), ("books", 10)}
    assert described["available"]["kind"] == "flag"
    for value in values:
        body = {"filter": {"category": value["value"]}}
        assert reading.post("/v1/recommend", json=body).status_code == 200


def test_bounds_of_decimals_and_durations_are_numbers() -> None:
    items = pl.DataFrame({"item_id": ["i1", "i2"], "title": ["Lamp", "Cup"]})
    items = items.with_columns(cost=pl.Series([1, 2], dtype=pl.Decimal(9, 2)), lasts=pl.duration(hours=5))
    catalogue, _ = read_items(frame_table(items, "items"))
    described = {column["name"]: column for column in orjson.loads(json_response(described_columns(catalogue)).body)}
    assert (described["cost"]["low"], described["cost"]["high"]) == (1.0, 2.0)
    assert (described["lasts"]["kind"], described["lasts"]["low"]) == ("number", 18_000.0)


def test_columns_of_lists_are_of_the_kind_of_their_elements() -> None:
    items = pl.DataFrame({"item_id": ["a", "b"], "title": ["Shoe", "Sock"], "colours": [["red", "blue"], ["red"]]})
    items = items.with_columns(
        sizes=pl.Series([[38.0, 40.5], None]), flags=pl.Series([[True], [False]]), deep=pl.Series([[[1]], [[2]]])
    )
    catalogue, _ = read_items(frame_table(items, "items"))
    described = {column["name"]: column for column in described_columns(catalogue)}
    sizes = described["sizes"]
    assert [sizes[key] for key in ("kind", "n_values", "low", "high")] == ["number", 2, 38.0, 40.5]
    assert (described["colours"]["kind"], described["flags"]["kind"]) == ("tags", "flag")
    assert "deep" not in described, "no filter can ask about it"
    for bounds, wanted in (({"gte": 38, "lte": 39}, [True, False]), ({"gte": 41}, [False, False])):
        allowed = np.ones(2, dtype=bool)
        Filters({"sizes": bounds}).narrow(allowed, catalogue)
        assert allowed.tolist() == wanted


def test_the_values_of_a_column_are_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes long in a large catalogue."""
    counted, count = [], pl.Series.n_unique

    def counting(cells: pl.Series) -> int:
        counted.append(cells.name)
        return count(cells)

    items = pl.DataFrame(
        {"item_id": ["a", "b"], "title": ["Shoe", "Sock"], "category": ["x", "x"], "price": [1.0, 2.0]}
    )
    catalogue, _ = read_items(frame_table(items, "items"))
    monkeypatch.setattr(pl.Series, "n_unique", counting)
    assert {column["name"] for column in described_columns(catalogue)} == set(counted)
    assert len(counted) == len(set(counted))


def test_users_are_found_by_part_of_their_id_the_most_active_first(
    http: httpx.Client, users: list[str], items: list[str]
) -> None:
    def like(text: str, n: int = 200) -> dict[str, int]:
        answer = http.get("/v1/users", params={"q": text, "n": n})
        return {user["user_id"]: user["n_events"] for user in answer.json()["users"]}

    assert set(like("")) == set(users)
    assert set(like("USER 1")) == {user for user in users if user.startswith("user 1")}
    counts = list(like("").values())
    assert counts == sorted(counts, reverse=True), "the most active first"
    assert list(like("", n=3)) == list(like(""))[:3]
    for user, n_events in list(like("").items())[:3]:
        assert len(http.get(f"/v1/users/{user}").json()["history"]) == n_events
    quiet = min((user for user in users if len(user) == 6), key=like("").__getitem__)
    longer = [f"{quiet}0 twice", f"not {quiet}"]
    newer = [{"user_id": user, "item_id": item, "event": "click"} for user in longer for item in items]
    assert http.post("/v1/events", json={"events": newer}).is_success
    eventually(lambda: set(longer) <= set(like(quiet)))
    for found_first in (like(quiet), like(quiet.upper()), like(quiet, n=1)):
        assert next(iter(found_first)) == quiet, "the id itself"
    assert list(like(quiet))[1:] == sorted(
        list(like(quiet))[1:], key=lambda user: (not user.startswith(quiet), -like(quiet)[user])
    )
    assert list(like(quiet))[-1] == longer[1], "those that begin so come before"
    for user in longer:
        http.delete(f"/v1/users/{user}")
    assert like("nobody") == {}
    http.delete(f"/v1/users/{users[0]}")
    assert set(like("")) == set(users[1:]), "who was forgotten is not found"


def test_a_version_shows_its_report_unless_that_is_damaged(http: httpx.Client, registry: Registry) -> None:
    version = registry.resolve(None)
    answer = http.get(f"/v1/models/{version}").json()
    assert answer["metrics"] == http.get("/v1/models").json()["versions"][0]["metrics"]
    assert answer["baselines"]["popularity"]["ndcg@10"]["mean"] is not None
    assert answer["data"]["n_items"] == 30
    assert answer["data"]["start"].startswith("2024-03-")
    assert answer["importances"]
    assert http.get("/v1/models/20260101T000000Z-abcdef").status_code == 404
    report = registry.path / "versions" / version / "evaluation" / "report.json"
    report.write_bytes(report.read_bytes() + b" ")
    response = http.get(f"/v1/models/{version}")
    assert response.status_code == 409
    assert "report.json" in response.json()["detail"]


def test_another_version_makes_lists_and_follows_the_store(
    http: httpx.Client, registry: Registry, users: list[str], items: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = registry.resolve(None)
    second = publish_copy(registry, first, promote=False, diversity=0.9)

    def ids(path: str, **body: Any) -> list[str]:
        answer = http.post(path, json={"user_id": users[0], **body})
        assert answer.status_code == 200, answer.text
        assert (answer.json()["model_version"] == second) == (second in path)
        return [item["item_id"] for item in answer.json()["items"]]

    other = f"/v1/models/{second}/recommend"
    assert ids(f"/v1/models/{first}/recommend") == ids("/v1/recommend") != ids(other)
    assert ids(other) == ids("/v1/recommend", policy={"diversity": 0.9})
    # It follows the store as the served one does.
    http.post(
        "/v1/events",
        json={"events": [{"user_id": users[0], "item_id": item, "event": "purchase"} for item in items[:3]]},
    )
    http.put("/v1/items", json={"items": [{"item_id": "new", "title": "espresso beans"}]})
    assert ids(other) == ids("/v1/recommend", policy={"diversity": 0.9})
    assert ids(other, filter={"title": "espresso beans"}) == ["new"]
    monkeypatch.setattr(on_demand, "KEEP_SECONDS", 0.0)  # let go of at once, loaded again
    assert ids(other) == ids(other)
    third = publish_copy(registry, first, promote=False)
    damage(registry, third)
    assert http.post(f"/v1/models/{third}/recommend", json={}).status_code == 409
    assert http.post("/v1/models/20260101T000000Z-abcdef/recommend", json={}).status_code == 404
    assert http.post(other, json={"n": 0}).status_code == 422
    assert http.get("/readyz").json()["model_version"] == first


def test_what_each_scope_may_look_at(registry: Registry, tmp_path: Path) -> None:
    version = registry.resolve(None)
    keys = key_file(tmp_path, ("reader", '["read"]'), ("boss", '["admin"]'))
    paths = {"read": ["/v1/items", "/v1/catalogue", f"/v1/models/{version}"], "admin": ["/v1/users"]}
    with serving_thread(Settings.of(Config.model_validate({"serving": {"keys": keys}}), registry.path)) as http:
        for scope, of_scope in paths.items():
            for path in of_scope:
                assert http.get(path).status_code == 401
                for secret, granted in (("reader", "read"), ("boss", "admin")):
                    response = http.get(path, headers={"Authorization": f"Bearer {secret}"})
                    assert response.status_code == (200 if scope == granted else 403), (path, secret)
        response = http.post(f"/v1/models/{version}/recommend", json={}, headers={"Authorization": "Bearer reader"})
        assert response.status_code == 403
