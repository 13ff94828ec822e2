"""Whatever is sent, the answer is one of the documented ones: never a 500, never an error that is not a problem."""

import json

import httpx
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64)
    | st.sampled_from([2**63, 10**30, 10**400, 1e9, 1e300])
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["u1", "i1", "2024-01-01", "purchase", "price", "gte", "query", "\ud800", "\u0000"])
)
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)
COUNTED = st.dictionaries(st.sampled_from(["category", "coffee-0", "x"]), LEAVES, max_size=2)
POLICY = st.fixed_dictionaries(
    {},
    optional={
        "discovery": st.floats(-1, 2),
        "diversity": st.floats(-1, 2),
        "seen": LEAVES,
        "fresh": st.just(1) | LEAVES,
        "fresh_days": LEAVES,
        "pins": COUNTED,
        "caps": COUNTED,
        "explored_places": LEAVES,
    },
)
LIST_BODY = st.fixed_dictionaries(
    {},
    optional={
        "user_id": LEAVES,
        "n": st.integers(-1, 600) | LEAVES,
        "history": JSON,
        "context": st.dictionaries(st.sampled_from(["query", "a"]), LEAVES) | JSON,
        "filter": st.dictionaries(st.sampled_from(["price", "category", "tags", "created_at", "x"]), JSON) | JSON,
        "exclude": JSON,
        "policy": POLICY | JSON,
        "explain": st.booleans() | LEAVES,
        "cursor": LEAVES,
        "items": st.lists(LEAVES, max_size=4) | JSON,
    },
)
EVENT = st.fixed_dictionaries(
    {"user_id": st.text(max_size=4), "item_id": st.text(max_size=4), "event": st.text(max_size=4)},
    optional={"timestamp": LEAVES, "event_id": LEAVES, "position": LEAVES, "value": LEAVES, "context": JSON},
)
CALLS = st.one_of(
    st.tuples(st.sampled_from(["/v1/recommend", "/v1/rank"]), LIST_BODY | JSON),
    st.tuples(st.just("/v1/events"), st.fixed_dictionaries({"events": st.lists(EVENT | JSON, max_size=3)}) | JSON),
)


@settings(max_examples=300, derandomize=True)
@given(CALLS)
def test_any_json_gets_an_answer_that_the_api_may_give(reading: httpx.Client, call: tuple[str, object]) -> None:
    path, body = call
    check(reading.post(path, content=json.dumps(body).encode(), headers={"content-type": "application/json"}))


@settings(max_examples=100, derandomize=True)
@given(st.sampled_from(["/v1/recommend", "/v1/rank", "/v1/events"]), st.binary(max_size=200))
def test_any_bytes_get_an_answer_that_the_api_may_give(reading: httpx.Client, path: str, body: bytes) -> None:
    check(reading.post(path, content=body, headers={"content-type": "application/json"}))


@pytest.mark.parametrize(
    "path", ["/v1/items/%00", "/v1/items/%ff", "/v1/items/%F0%9F%8E%88/similar", "/v1/items/" + "x" * 300]
)
def test_any_path_gets_an_answer_that_the_api_may_give(reading: httpx.Client, path: str) -> None:
    check(reading.get(path))
    check(reading.get(path, params={"n": "-1", "by": "\u0000"}))


def check(response: httpx.Response) -> None:
    assert response.status_code in (200, 202, 400, 404, 422), response.text
    body = orjson.loads(response.content)
    if response.is_error:
        assert response.headers["content-type"] == "application/problem+json"
        assert body["status"] == response.status_code
