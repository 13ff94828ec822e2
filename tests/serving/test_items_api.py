"""Items come, change and go: on disk, on every worker, and in the next list."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpx
import pytest
from running import eventually, serving_thread
from serving_versions import publish_copy

from recsys.data.items.item_changes import ItemChange
from recsys.registry import Registry
from recsys.store import open_store
from recsys.store.sqlite.store import SqliteStore
from recsys.text.encoder import TextEncoder
from serving.settings import Settings

NEW = {"item_id": "new/item ☕", "title": "espresso beans from Ethiopia, freshly roasted"}


def put(http: httpx.Client, *items: dict[str, Any]) -> httpx.Response:
    return http.put("/v1/items", json={"items": list(items)})


def listed(http: httpx.Client, **body: Any) -> list[str]:
    answer = http.post("/v1/recommend", json={"n": 10, **body}).json()
    return [item["item_id"] for item in answer["items"]]


def of_taste(items: list[str], taste: str) -> list[str]:
    return [item for item in items if item.startswith(taste)]


def test_a_text_is_encoded_by_one_of_the_workers(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is on disk, for all of them, before they see the item."""
    item = {"item_id": "mill", "title": "a text that no other test has had encoded: the mill of a water wheel"}
    encoded, encode, put_items = Counter[tuple[str, str]](), TextEncoder.encode, SqliteStore.put_items
    before_stored = list[bool]()

    def counted(encoder: TextEncoder, texts: Sequence[str], *others: Any) -> Any:
        encoded.update((encoder.version, text) for text in texts)
        return encode(encoder, texts, *others)

    def watched(store: SqliteStore, changes: Sequence[ItemChange]) -> None:
        before_stored.append(item["title"] in {text for _, text in encoded})
        put_items(store, changes)

    monkeypatch.setattr(TextEncoder, "encode", counted)
    monkeypatch.setattr(SqliteStore, "put_items", watched)
    with serving_thread(settings) as one, serving_thread(settings) as other:
        assert put(one, item).is_success
        eventually(lambda: other.get(f"/v1/items/{item['item_id']}").is_success)
        assert put(other, {**item, "price": 3.5}).is_success
        eventually(lambda: one.get(f"/v1/items/{item['item_id']}").json()["item"]["price"] == 3.5)
    assert before_stored == [True, True]
    assert {times for (_, text), times in encoded.items() if text == item["title"]} == {1}


def test_a_new_item_with_only_a_title_is_in_the_next_list_of_who_cares(
    http: httpx.Client, registry: Registry, settings: Settings, items: list[str]
) -> None:
    coffee, books = of_taste(items, "coffee"), of_taste(items, "books")
    events = [{"user_id": "barista", "item_id": item, "event": "purchase"} for item in coffee[:4]]
    events += [{"user_id": "reader", "item_id": item, "event": "purchase"} for item in books[:4]]
    assert http.post("/v1/events", json={"events": events}).status_code == 202
    assert put(http, NEW).json() == {"upserted": 1}
    for body in ({"user_id": "barista"}, {"history": coffee[:3]}):
        assert NEW["item_id"] in listed(http, n=10, **body)  # with the nine other things for coffee
    assert NEW["item_id"] not in listed(http, user_id="reader", n=10)
    shown = http.get(f"/v1/items/{NEW['item_id']}").json()["item"]
    assert (shown["title"], shown["price"], shown["available"]) == (NEW["title"], None, True)
    alike = http.get(f"/v1/items/{coffee[0]}/similar", params={"by": "text", "n": 10}).json()["items"]
    assert NEW["item_id"] in [item["item_id"] for item in alike]

    # It is explained, and a version that knows nothing of it takes it over.
    answer = http.post("/v1/recommend", json={"user_id": "barista", "n": 10, "explain": True}).json()
    explained = {item["item_id"]: item["explanation"] for item in answer["items"]}
    assert explained[NEW["item_id"]]["reasons"]
    second = publish_copy(registry, registry.resolve(None), promote=True)
    eventually(lambda: http.get("/readyz").json()["model_version"] == second)
    assert NEW["item_id"] in listed(http, user_id="barista", n=10)

    # It can be acted on, and stands in histories, of the next version too.
    event = {"user_id": "taster", "item_id": NEW["item_id"], "event": "purchase"}
    assert http.post("/v1/events", json={"events": [event]}).status_code == 202
    assert set(listed(http, user_id="taster")[:5]) & {NEW["item_id"], *coffee}
    third = publish_copy(registry, registry.resolve(None), promote=True)
    eventually(lambda: http.get("/readyz").json()["model_version"] == third)
    assert set(listed(http, user_id="taster")[:5]) & {NEW["item_id"], *coffee}


def test_items_change_go_and_come_back(http: httpx.Client, settings: Settings, items: list[str]) -> None:
    coffee, garden = of_taste(items, "coffee"), of_taste(items, "garden")
    target = next(item for item in listed(http, history=garden[:3]) if item in garden)
    path = f"/v1/items/{target}"
    before = http.get(path).json()["item"]

    # Another title is read again.
    put(http, {"item_id": target, "title": "milk frother for cappuccino", "price": 3, "colour": "red"})
    changed = http.get(path).json()["item"]
    assert (changed["title"], changed["price"], changed["category"], changed["colour"]) == (
        "milk frother for cappuccino",
        3.0,
        None,
        "red",
    )
    alike = http.get(f"{path}/similar", params={"by": "text", "n": 3}).json()["items"]
    assert {item["item_id"] for item in alike} <= set(coffee)
    assert listed(http, filter={"colour": "red"}, history=coffee[:1]) == [target]

    # Not available: in no list, but there.
    put(http, {**before, "available": False})
    assert target not in listed(http, history=garden[:3], n=50)
    assert http.get(path).json()["item"]["available"] is False

    # Deleted: not there for anybody, though histories may hold it.
    put(http, before)
    assert target in listed(http, history=garden[:3], n=50)
    assert http.delete(path).json() == {"item_id": target, "deleted": True}
    assert target not in listed(http, history=garden[:3], n=50)
    assert listed(http, history=[target])
    assert [http.get(path).status_code, http.delete(path).status_code] == [404, 404]
    ranked = http.post("/v1/rank", json={"items": [target, coffee[0]]}).json()
    assert (ranked["unknown_items"], len(ranked["items"])) == ([target], 1)

    # A restart knows all of it; put again, the item is back.
    put(http, NEW, {**NEW, "title": "the last one counts"})
    with serving_thread(settings) as other:
        assert other.get(path).status_code == 404
        assert other.get(f"/v1/items/{NEW['item_id']}").json()["item"]["title"] == "the last one counts"
        put(other, before)
        assert other.get(path).json()["item"] == before
        eventually(lambda: http.get(path).is_success)
        assert target in listed(http, history=garden[:3], n=50)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"title": ""}, ["body", "items", 1, "title"]),
        ({"title": None}, ["body", "items", 1, "title"]),
        ({"item_id": " "}, ["body", "items", 1, "item_id"]),
        ({"price": "9"}, ["body", "items", 1, "price"]),
        ({"tags": "a|b"}, ["body", "items", 1, "tags"]),
        ({"created_at": "yesterday"}, ["body", "items", 1, "created_at"]),
        ({"created_at": 999_999_999_999_999}, ["body", "items", 1, "created_at"]),
        ({"created_at": "9999-12-31T23:30:00-01:00"}, ["body", "items", 1, "created_at"]),
        ({"available": 1}, ["body", "items", 1, "available"]),
        ({"available_until": "tomorrow"}, ["body", "items", 1, "available_until"]),
        ({"depth": {"a": 1}}, ["body", "items", 1, "depth"]),
        ({"weight": 10**30}, ["body", "items", 1, "weight"]),
        ({"weight": 10**400}, ["body", "items", 1, "weight"]),
        ({"__row": 1}, ["body", "items", 1]),
    ],
)
def test_a_wrong_item_says_where_and_nothing_is_stored(
    reading: httpx.Client, change: dict[str, Any], place: list[Any]
) -> None:
    response = put(reading, {"item_id": "a", "title": "fine"}, {"item_id": "b", "title": "fine", **change})
    assert response.status_code == 422, response.text
    assert response.json()["errors"][0]["loc"][: len(place)] == place
    assert reading.get("/v1/items/a").status_code == 404


def test_what_does_not_fit_the_catalogue_is_refused(http: httpx.Client) -> None:
    assert put(http, {"item_id": "a", "title": "t", "floors": 3, "colour": "red"}).status_code == 200
    for column, value in [
        ("floors", "many"),
        ("floors", "7"),
        ("floors", True),
        ("floors", ["x"]),
        ("colour", ["x"]),
        ("colour", True),
    ]:
        wrong = {"item_id": "b", "title": "t", column: value}
        response = put(http, {**wrong, column: None}, {"item_id": "c", "title": "t"}, wrong)
        assert response.status_code == 422, value
        assert [error["loc"] for error in response.json()["errors"]] == [["body", "items", 2, column]]
        assert f"column {column!r} holds" in response.json()["detail"]
    for name in ("*", "^x$", "__x", " ", "x" * 65):
        named = put(http, {"item_id": "b", "title": "t"}, {"item_id": "c", "title": "t", name: 1})
        assert (named.status_code, named.json()["errors"][0]["loc"]) == (422, ["body", "items", 1]), name
    mixed = put(http, {"item_id": "b", "title": "t", "x": 1}, {"item_id": "c", "title": "t", "x": "y"})
    assert (mixed.status_code, mixed.json()["errors"][0]["loc"]) == (422, ["body", "items", 1, "x"])
    assert put(http, *({"item_id": f"{number}", "title": "t"} for number in range(501))).status_code == 422
    assert put(http).json() == {"upserted": 0}


def test_of_two_types_at_a_time_one_is_refused_and_nothing_is_lost(http: httpx.Client) -> None:
    for turn in range(3):
        items = [
            {"item_id": f"{turn} {n}", "title": "t", f"own {turn}": value} for n, value in enumerate((True, "yes"))
        ]
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(partial(put, http), items))
        assert sorted(answer.status_code for answer in answers) == [200, 422]
        for item, answer in zip(items, answers, strict=True):
            assert http.get(f"/v1/items/{item['item_id']}").is_success == answer.is_success


def test_what_another_worker_stored_is_known_before_an_item_is_put(http: httpx.Client, settings: Settings) -> None:
    store = open_store(settings.store)
    for turn in range(3):
        store.put_items([ItemChange(f"its {turn}", f'{{"item_id": "its {turn}", "title": "t", "of {turn}": 5}}')])
        assert put(http, {"item_id": f"ours {turn}", "title": "t", f"of {turn}": "five"}).status_code == 422
    store.close()


def test_items_have_so_many_columns_together(http: httpx.Client) -> None:
    wide = [{"item_id": f"{n}", "title": "t", **{f"own {n} {m}": 1 for m in range(49)}} for n in range(7)]
    answer = put(http, *wide)
    assert answer.status_code == 422
    assert "300 at most" in answer.json()["detail"]
    for item in wide[:5]:
        assert put(http, item).is_success
    assert put(http, wide[5]).status_code == 422
    assert put(http, {"item_id": "5", "title": "t"}).is_success


def test_what_another_worker_stored_a_moment_ago_is_known(http: httpx.Client, settings: Settings) -> None:
    store = open_store(settings.store)
    for turn in range(3):
        id_ = f"theirs {turn}"
        store.put_items([ItemChange(id_, f'{{"item_id": "{id_}", "title": "t"}}')])
        if turn == 0:
            event = {"user_id": "u", "item_id": id_, "event": "click"}
            assert http.post("/v1/events", json={"events": [event]}).status_code == 202
        elif turn == 1:
            assert http.get(f"/v1/items/{id_}").is_success
        assert http.delete(f"/v1/items/{id_}").is_success
    store.close()


def test_whole_numbers_and_fractions_go_together(http: httpx.Client) -> None:
    assert put(http, {"item_id": "a", "title": "t", "size": 1}, {"item_id": "b", "title": "t", "size": 1.5}).is_success
    assert put(http, {"item_id": "c", "title": "t", "floors": 3}).is_success
    assert put(http, {"item_id": "d", "title": "t", "floors": 5.5}).is_success
    assert [http.get(f"/v1/items/{id_}").json()["item"]["floors"] for id_ in "cd"] == [3, 5.5]


def test_an_item_alone_says_where_it_is_wrong(reading: httpx.Client) -> None:
    response = put(reading, {"item_id": "b", "title": "fine", "created_at": "yesterday"})
    assert response.status_code == 422
    assert [error["loc"] for error in response.json()["errors"]] == [["body", "items", 0, "created_at"]]


def test_a_stored_item_that_a_version_cannot_use_does_not_stop_the_others(
    http: httpx.Client, settings: Settings
) -> None:
    store = open_store(settings.store)
    contents = ('{"item_id": "odd", "title": "t", "price": {"a": 1}}', "{}", "[]", "no JSON", '{"item_id": "new 0"}')
    wrong = [ItemChange(f"odd {n}" if n else "odd", content) for n, content in enumerate(contents)]
    right = [ItemChange(f"new {n}", f'{{"item_id": "new {n}", "title": "new {n}"}}') for n in range(3)]
    store.put_items([right[0], *wrong, *right[1:]])
    store.close()
    eventually(lambda: all(http.get(f"/v1/items/new {number}").is_success for number in range(3)))
    assert http.get("/v1/items/odd").status_code == 404
    assert http.get("/v1/items/odd 3").status_code == 404
