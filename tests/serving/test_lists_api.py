"""/v1/recommend, /v1/rank, /v1/items: a real server over a real bundle."""

import json
from typing import Any

import httpx
import pytest

from recsys.config import PolicyConfig
from serving.schemas.lists import PolicyOverride

STRANGE = [
    "",
    " ",
    "\u0000",
    "<b>&amp;</b>",
    "中文" * 500,
    "مرحبا",
    "🎈" * 100,
    "'; DROP TABLE events; --",
    "../../etc",
]


def recommend(http: httpx.Client, **body: Any) -> dict[str, Any]:
    response = http.post("/v1/recommend", json=body)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def ids(answer: dict[str, Any]) -> list[str]:
    return [item["item_id"] for item in answer["items"]]


def test_a_list_has_ranks_falling_scores_and_an_id_of_its_own(
    reading: httpx.Client, users: list[str], items: list[str]
) -> None:
    answer = recommend(reading, user_id=users[0], n=5)
    assert set(answer) == {"request_id", "model_version", "variant", "items", "degraded", "cursor"}
    assert answer["model_version"] == reading.get("/readyz").json()["model_version"]
    assert [item["rank"] for item in answer["items"]] == [1, 2, 3, 4, 5]
    assert len(set(ids(answer))) == 5
    assert set(ids(answer)) <= set(items)
    scores = [item["score"] for item in answer["items"]]
    assert scores == sorted(scores, reverse=True)
    for item in answer["items"]:
        assert set(item) == {"item_id", "rank", "score", "p_click", "p_purchase", "sources"}
        assert item["sources"]
        for name in ("p_click", "p_purchase"):
            assert item[name] is None or 0 <= item[name] <= 1
    again = recommend(reading, user_id=users[0], n=5)
    assert ids(again) == ids(answer)
    assert again["request_id"] != answer["request_id"]


def test_unknown_users_and_histories_are_normal(reading: httpx.Client, items: list[str]) -> None:
    assert len(recommend(reading)["items"]) == 10
    assert len(recommend(reading, user_id="nobody", n=3)["items"]) == 3
    assert len(recommend(reading, history=[], n=3)["items"]) == 3
    assert len(recommend(reading, history=["unknown", items[0]], n=3)["items"]) == 3
    assert len(recommend(reading, history=[f"unknown {number}" for number in range(10_000)], n=3)["items"]) == 3
    assert ids(recommend(reading, history=items[:1])) != ids(recommend(reading, history=items[-1:]))


def test_what_may_be_left_out_may_be_null(reading: httpx.Client, users: list[str]) -> None:
    """As programs write it that send every field; a cursor is of both alike."""
    names = ("history", "context", "filter", "exclude", "policy", "timestamp", "cursor")
    without, nulls = (recommend(reading, user_id=users[0], n=3, **given) for given in ({}, dict.fromkeys(names)))
    assert ids(without) == ids(nulls)
    assert without["cursor"] == nulls["cursor"]


def test_an_explained_list_is_the_same_list(reading: httpx.Client, users: list[str]) -> None:
    answer = recommend(reading, user_id=users[0], n=3, explain=True)
    for item in answer["items"]:
        explanation = item["explanation"]
        assert set(explanation) == {"text", "collaborative", "behaviour", "context", "reasons"}
        assert all(isinstance(reason, str) for reason in explanation["reasons"])
    assert ids(answer) == ids(recommend(reading, user_id=users[0], n=3))


def test_excluded_and_filtered_items_are_in_no_list(reading: httpx.Client, users: list[str], items: list[str]) -> None:
    first = ids(recommend(reading, user_id=users[0]))
    assert not set(first[:3]) & set(ids(recommend(reading, user_id=users[0], exclude=[*first[:3], "unknown"])))
    wanted = reading.get(f"/v1/items/{items[0]}").json()["item"]["category"]
    for condition in (wanted, [wanted, "no such category"], {"within": wanted}, {"within": [wanted, "none"]}):
        answer = recommend(reading, user_id=users[0], filter={"category": condition})
        assert answer["items"]
        for id_ in ids(answer):
            assert reading.get(f"/v1/items/{id_}").json()["item"]["category"] == wanted
    assert recommend(reading, filter={"category": "no such category"})["items"] == []


def test_a_filter_by_range_keeps_to_its_bounds(reading: httpx.Client) -> None:
    for id_ in ids(recommend(reading, filter={"price": {"gte": 5, "lt": 20}})):
        assert 5 <= reading.get(f"/v1/items/{id_}").json()["item"]["price"] < 20


def test_an_unknown_filter_column_is_named(reading: httpx.Client) -> None:
    response = reading.post("/v1/recommend", json={"filter": {"colour_of_hair": "red"}})
    assert response.status_code == 422
    assert "colour_of_hair" in response.json()["detail"]


def test_every_rule_of_the_config_can_be_given_for_one_list() -> None:
    assert set(PolicyOverride.model_fields) == set(PolicyConfig.model_fields)


def test_a_list_takes_a_policy_and_a_query(reading: httpx.Client, users: list[str], items: list[str]) -> None:
    assert recommend(reading, user_id=users[0], policy={"diversity": 1.0})["items"]
    assert recommend(reading, user_id=users[0], policy={"discovery": 0.3})["items"]
    assert recommend(reading, user_id=users[0], policy={"seen": "exclude"})["items"]
    usual = recommend(reading, user_id=users[0])["items"]
    assert recommend(reading, user_id=users[0], policy={"seen": "auto", "discovery": "auto"})["items"] == usual
    refused = reading.post("/v1/recommend", json={"user_id": users[0], "policy": {"discovery": "much"}})
    assert "write auto, or a number from 0 to 1" in refused.text
    title = reading.get(f"/v1/items/{items[0]}").json()["item"]["title"]
    assert recommend(reading, context={"query": title, "hour": 12, "mobile": True})["items"]


def test_a_request_can_bring_rules_for_its_own_list(reading: httpx.Client, users: list[str]) -> None:
    usual = ids(recommend(reading, user_id=users[0], n=10))
    answer = recommend(
        reading,
        user_id=users[0],
        n=6,
        explain=True,
        policy={
            "pins": {usual[7]: 2, "unknown": 1},
            "caps": {"category": 3},
            "boosts": [{"where": {"price": {"lt": 12.0}}, "add": 0.5}],
            "quotas": [{"where": {"category": ["garden"]}, "at_least": 1}],
            "fresh": 2,
        },
    )
    assert ids(answer)[1] == usual[7]
    steps = [change["step"] for change in answer["policy"]]
    assert steps == ["available", "seen", "boost", "pins", "cap", "quota", "fresh"]
    assert "propensity" not in answer["items"][0]


def test_exploration_shows_its_propensities(reading: httpx.Client, users: list[str]) -> None:
    policy = {"exploration": 1.0, "explored_places": 2}
    usual = ids(recommend(reading, user_id=users[0], n=5))
    answer = recommend(reading, user_id=users[0], n=5, policy=policy)
    assert ids(answer)[:3] == usual[:3]
    assert not set(ids(answer)[3:]) & set(usual)
    propensities = [item["propensity"] for item in answer["items"]]
    assert propensities[:3] == [1.0, 1.0, 1.0]
    assert all(0 < propensity <= 0.5 for propensity in propensities[3:])


@pytest.mark.parametrize("text", STRANGE, ids=range(len(STRANGE)))
def test_strange_text_goes_through(reading: httpx.Client, text: str) -> None:
    assert recommend(reading, user_id=f"u{text}"[:256], context={"query": text}, history=[f"i{text}"[:256]])["items"]
    assert reading.get("/v1/items/" + (text.strip("./\u0000 ")[:80] or "x")).status_code == 404


def test_pages_join_without_repeats_to_the_end(reading: httpx.Client, users: list[str], items: list[str]) -> None:
    body: dict[str, Any] = {"user_id": users[0], "n": 25, "policy": {"seen": "keep"}}
    seen: list[str] = []
    while True:
        answer = recommend(reading, **body)
        assert [item["rank"] for item in answer["items"]] == [
            len(seen) + 1 + index for index in range(len(answer["items"]))
        ]
        seen += ids(answer)
        if answer["cursor"] is None:
            break
        body["cursor"] = answer["cursor"]
    assert len(seen) == len(set(seen))
    assert len(seen) > 25
    response = reading.post("/v1/recommend", json={**body, "user_id": "somebody else"})
    assert response.status_code == 422


def test_a_pin_counts_positions_of_all_pages(reading: httpx.Client, users: list[str]) -> None:
    body: dict[str, Any] = {"user_id": users[0], "n": 5}
    best, *_ = ids(recommend(reading, **body, policy={"seen": "keep"}))
    body["policy"] = {"seen": "keep", "pins": {best: 8}}
    first = recommend(reading, **body)
    second = recommend(reading, **body, cursor=first["cursor"])
    assert best not in ids(first)
    assert [item["rank"] for item in second["items"] if item["item_id"] == best] == [8]
    assert len({*ids(first), *ids(second)}) == 10
    third = recommend(reading, **body, cursor=second["cursor"])
    assert best not in ids(third)


def test_rank_lists_just_the_given_items_and_names_unknown_ones(
    reading: httpx.Client, users: list[str], items: list[str]
) -> None:
    wanted = [items[3], "unknown", items[1], items[3], items[2]]
    answer = reading.post("/v1/rank", json={"user_id": users[0], "items": wanted}).json()
    assert sorted(ids(answer)) == sorted(set(items[1:4]))
    assert answer["unknown_items"] == ["unknown"]
    assert answer["cursor"] is None, "all are listed"
    first = reading.post("/v1/rank", json={"items": wanted, "n": 1}).json()
    assert len(first["items"]) == 1
    assert first["cursor"]
    for nothing in ([], ["unknown"], [f"unknown {number}" for number in range(10_000)]):
        answer = reading.post("/v1/rank", json={"user_id": users[0], "items": nothing}).json()
        assert answer["items"] == []
        assert answer["unknown_items"] == nothing


@pytest.mark.parametrize("by", ["text", "collaborative", "both"])
def test_similar_items_are_others_of_the_catalogue(reading: httpx.Client, items: list[str], by: str) -> None:
    response = reading.get(f"/v1/items/{items[0]}/similar", params={"n": 4, "by": by})
    assert response.status_code == 200, response.text
    found = ids(response.json())
    assert items[0] not in found
    assert set(found) <= set(items)
    assert by == "collaborative" or len(found) == 4


def test_an_item_is_shown_and_an_unknown_one_is_a_404(reading: httpx.Client, items: list[str]) -> None:
    answer = reading.get(f"/v1/items/{items[0]}").json()
    assert answer["item"]["item_id"] == items[0]
    assert answer["item"]["title"]
    for path in ("/v1/items/unknown", "/v1/items/unknown/similar", "/v1/items/a%2Fb", "/v1/items/a%2Fb/similar"):
        response = reading.get(path)
        assert response.status_code == 404
        assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "body", "loc"),
    [
        ("recommend", {"n": 0}, ["body", "n"]),
        ("recommend", {"n": 501}, ["body", "n"]),
        ("recommend", {"n": "10"}, ["body", "n"]),
        ("recommend", {"n": 10**400}, ["body", "n"]),
        ("recommend", {"user": "u1"}, ["body", "user"]),
        ("recommend", {"user_id": 1}, ["body", "user_id"]),
        ("recommend", {"user_id": ""}, ["body", "user_id"]),
        ("recommend", {"user_id": " "}, ["body", "user_id"]),
        ("recommend", {"user_id": "u" * 257}, ["body", "user_id"]),
        ("recommend", {"history": [1]}, ["body", "history", 0]),
        ("recommend", {"history": ["i"] * 10_001}, ["body", "history"]),
        ("recommend", {"policy": {"diversity": 2}}, ["body", "policy", "diversity"]),
        ("recommend", {"policy": {"unknown": 1}}, ["body", "policy", "unknown"]),
        ("recommend", {"policy": {"caps": {"brand": 0}}}, ["body", "policy", "caps", "brand"]),
        ("recommend", {"policy": {"boosts": [{"add": 1}]}}, ["body", "policy", "boosts", 0, "where"]),
        ("recommend", {"policy": {"fresh": 1, "fresh_days": 1e300}}, ["body", "policy", "fresh_days"]),
        ("recommend", {"policy": {"fresh": 1, "fresh_days": 1e9}}, ["body", "policy", "fresh_days"]),
        ("recommend", {"policy": {"fresh": 10**7}}, ["body", "policy", "fresh"]),
        ("recommend", {"policy": {"pins": {"i1": 2**63}}}, ["body", "policy", "pins", "i1"]),
        ("recommend", {"policy": {"caps": {"brand": 10**30}}}, ["body", "policy", "caps", "brand"]),
        ("recommend", {"policy": {"explored_places": 10**30}}, ["body", "policy", "explored_places"]),
        ("recommend", {"context": {"hour": 10**30}}, ["body", "context", "hour"]),
        ("recommend", {"filter": {"price": 10**30}}, ["body", "filter", "price"]),
        ("recommend", {"filter": {"available": True, "colour": 1}}, ["body", "filter", "colour"]),
        ("recommend", {"filter": {"price": {"gte": "a lot"}}}, ["body", "filter", "price"]),
        ("recommend", {"filter": {"price": {"within": "a"}}}, ["body", "filter", "price"]),
        ("recommend", {"filter": {"category": {"within": ["a"] * 21}}}, ["body", "filter", "category", "within"]),
        ("rank", {"items": ["coffee-0"], "filter": {"colour": 1}}, ["body", "filter", "colour"]),
        (
            "recommend",
            {"policy": {"boosts": [{"where": {"price": 1}, "add": 1}, {"where": {"category": 1}, "add": 1}]}},
            ["body", "policy", "boosts", 1, "where", "category"],
        ),
        (
            "recommend",
            {"policy": {"quotas": [{"where": {"colour": 1}, "at_least": 1}]}},
            ["body", "policy", "quotas", 0, "where", "colour"],
        ),
        (
            "recommend",
            {"policy": {"quotas": [{"where": {}, "at_least": 1}]}},
            ["body", "policy", "quotas", 0, "where"],
        ),
        ("recommend", {"policy": {"caps": {"category": 1, "tags": 1}}}, ["body", "policy", "caps", "tags"]),
        ("recommend", {"context": {"query": 5}}, ["body", "context", "query"]),
        ("recommend", {"cursor": "nonsense"}, ["body", "cursor"]),
        ("rank", {"user_id": "u1"}, ["body", "items"]),
    ],
)
def test_wrong_input_says_where(reading: httpx.Client, path: str, body: dict[str, Any], loc: list[Any]) -> None:
    response = reading.post(f"/v1/{path}", json=body)
    assert response.status_code == 422
    assert response.json()["errors"][0]["loc"] == loc


@pytest.mark.parametrize(("timestamp", "words"), [("soon", "not a time"), ("1969-12-31", "before 1970")])
def test_a_wrong_timestamp_says_what_is_wrong(reading: httpx.Client, timestamp: str, words: str) -> None:
    response = reading.post("/v1/recommend", json={"timestamp": timestamp})
    assert response.status_code == 422
    [error] = response.json()["errors"]
    assert (error["loc"], error["msg"][: len(words)]) == (["body", "timestamp"], words)


def test_rules_at_their_bounds_make_a_list(reading: httpx.Client, items: list[str]) -> None:
    most = 1_000_000
    rules = {"fresh": most, "fresh_days": most, "pins": {items[0]: most}, "caps": {"brand": most}}
    quotas = [{"where": {"category": "books"}, "at_least": most}]
    policy = {**rules, "quotas": quotas, "exploration": 0.5, "explored_places": most}
    answer = reading.post("/v1/recommend", json={"n": 3, "policy": policy})
    assert answer.status_code == 200
    assert answer.json()["degraded"] == []


def test_lone_surrogates_and_nan_are_problems(reading: httpx.Client) -> None:
    for content in (
        b'{"user_id": "\\ud800"}',
        b'{"\\ud800": 1}',
        b'{"filter": {"price": NaN}}',
        b'{"context": {"a": 1e999}}',
    ):
        response = reading.post("/v1/recommend", content=content, headers={"content-type": "application/json"})
        assert response.status_code == 422, content
        assert response.headers["content-type"] == "application/problem+json"


def test_health_metrics_and_openapi_answer(reading: httpx.Client, users: list[str]) -> None:
    assert reading.get("/healthz").json() == {"status": "ok"}
    recommend(reading, user_id=users[0])
    text = reading.get("/metrics").text
    version = reading.get("/readyz").json()["model_version"]
    assert f'recsys_model_info{{variant="champion",version="{version}"}} 1.0' in text
    assert 'route="/v1/recommend",status="200"' in text
    assert users[0] not in text
    paths = reading.get("/openapi.json").json()["paths"]
    assert {"/v1/recommend", "/v1/rank", "/v1/events", "/v1/items/{item_id}", "/v1/models"} <= set(paths)
    assert reading.get("/docs").status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/recommend", {"user_id": "nobody", "n": 3}),
        ("/v1/recommend", {"user_id": "nobody", "filter": {"price": {"lt": 20}}, "policy": {"diversity": 0.3}}),
        ("/v1/rank", {"items": ["books-1-small", "unknown"]}),
        ("/v1/recommend", {"n": 0, "further": True}),
        ("/v1/recommend", {"n": 10_000}),
        ("/v1/recommend", {"filter": {"price": 2**70}}),
        ("/v1/recommend", {"cursor": "none"}),
        ("/v1/rank", {}),
        ("/v1/rank", []),
    ],
)
def test_the_short_way_answers_as_fastapi_does(reading: httpx.Client, path: str, body: Any) -> None:
    short, full = (
        reading.post(path, content=json.dumps(body), headers={"Content-Type": kind})
        for kind in ("application/json", "application/json; charset=utf-8")
    )
    assert short.status_code == full.status_code
    assert short.headers.keys() == full.headers.keys()
    for answer in (tree := [short.json(), full.json()]):
        answer.pop("request_id", None)
    assert tree[0] == tree[1]
