"""Every error is a problem, with where and what; limits and headers hold for every route."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel

from recsys.errors import BundleError, ConfigError, DataError, NotTrainedError, RecsysError, StoreError
from serving import errors
from serving.calls.middleware import BodyLimit, SecurityHeaders, Telemetry
from serving.watching.metrics import Metrics
from serving.watching.traces import NoTraces


class Body(BaseModel):
    numbers: list[int]


FAILURES = {
    "data": (DataError("bad row"), 422),
    "config": (ConfigError("bad key"), 422),
    "located": (DataError("no such column", loc=("filter", "colour")), 422),
    "bundle": (BundleError("bad file"), 409),
    "untrained": (NotTrainedError("not yet"), 503),
    "store": (StoreError("gone"), 503),
    "other": (RecsysError("odd"), 500),
    "bug": (ZeroDivisionError("secret detail"), 500),
}


def make_app(metrics: Metrics) -> FastAPI:
    app = FastAPI()
    app.add_middleware(BodyLimit, limit=1_000, seconds=0.2)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(Telemetry, metrics=metrics, traces=NoTraces())
    errors.install(app)

    @app.get("/fail/{name}")
    async def fail(name: str) -> None:
        raise FAILURES[name][0]

    @app.post("/sum")
    async def total(body: Body) -> int:
        return sum(body.numbers)

    return app


def call(method: str, path: str, metrics: Metrics | None = None, **arguments: object) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(make_app(metrics or Metrics()), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.request(method, path, **arguments)  # type: ignore[arg-type]

    return asyncio.run(send())


def check_problem(response: httpx.Response, status: int) -> dict[str, object]:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert set(body) == {"type", "title", "status", "detail", "errors"}
    assert body["status"] == status
    return body  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", FAILURES)
def test_errors_are_problems(name: str) -> None:
    error, status = FAILURES[name]
    body = check_problem(call("GET", f"/fail/{name}"), status)
    if name == "bug":
        assert "secret" not in str(body)
        assert "ZeroDivisionError" in str(body["detail"])
    else:
        assert body["detail"] == str(error)


def test_503_says_when_to_try_again() -> None:
    assert int(call("GET", "/fail/store").headers["retry-after"]) >= 1


def test_what_does_not_exist_or_is_not_allowed() -> None:
    check_problem(call("GET", "/nothing"), 404)
    response = call("GET", "/sum")
    check_problem(response, 405)
    assert response.headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/v1/items", "GET, PUT"),
        ("PATCH", "/v1/items/i1", "DELETE, GET"),
        ("PUT", "/v1/users/u1", "DELETE, GET"),
        ("GET", "/v1/recommend", "POST"),
        ("POST", "/healthz", "GET, HEAD"),
    ],
)
def test_all_that_a_path_can_be_asked_with_is_named(http: httpx.Client, method: str, path: str, allowed: str) -> None:
    response = http.request(method, path)
    check_problem(response, 405)
    assert response.headers["allow"] == allowed


def test_a_balancer_may_ask_for_the_head_alone(http: httpx.Client) -> None:
    for path in ("/healthz", "/readyz"):
        response = http.head(path)
        assert (response.status_code, response.content) == (200, b"")


@pytest.mark.parametrize(
    ("path", "body", "places"),
    [
        (
            "/v1/recommend",
            {"filter": {"price": {"foo": 1}, "category": {"k": 1}}},
            ["filter.price.foo", "filter.category.k"],
        ),
        ("/v1/recommend", {"context": {"query": "q" * 2_001}}, ["context.query"]),
        ("/v1/recommend", {"user_id": 5, "nn": 1}, ["user_id", "nn"]),
        ("/v1/rank", {"user_id": "u"}, ["items"]),
        (
            "/v1/events",
            {"events": [{"item_id": "i", "event": "click", "timestamp": True}]},
            ["events.0.user_id", "events.0.timestamp"],
        ),
    ],
)
def test_places_are_those_of_the_request(
    http: httpx.Client, path: str, body: dict[str, object], places: list[str]
) -> None:
    errors = check_problem(http.post(path, json=body), 422)["errors"]
    found = [".".join(str(part) for part in error["loc"]) for error in errors]  # type: ignore[attr-defined]
    assert found == [f"body.{place}" for place in places]


def test_a_field_that_does_not_exist_is_said_not_to(http: httpx.Client) -> None:
    (error,) = check_problem(http.post("/v1/recommend", json={"policy": {"divrsity": 1}}), 422)["errors"]  # type: ignore[misc]
    assert error == {
        "loc": ["body", "policy", "divrsity"],
        "msg": "there is no such field; /docs lists those of every request",
    }


@pytest.mark.parametrize("content", [b"", b"{", b"nul", b"\xff\xfe", b'{"\\ud800": 1}', b"[" * 900, b"1" * 900])
def test_broken_json_is_a_problem(content: bytes) -> None:
    response = call("POST", "/sum", content=content, headers={"content-type": "application/json"})
    assert response.status_code in (400, 422)
    problem = check_problem(response, response.status_code)
    assert problem["errors"][0]["loc"][0] == "body"  # type: ignore[index]


def test_an_error_that_knows_its_place_says_it() -> None:
    body = check_problem(call("GET", "/fail/located"), 422)
    assert body["errors"] == [{"loc": ["body", "filter", "colour"], "msg": "no such column"}]


def test_a_body_above_the_limit_is_refused_announced_or_not() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b'{"numbers": ['
        for _ in range(200):
            yield b"1,         "

    headers = {"content-type": "application/json"}
    problem = check_problem(call("POST", "/sum", content=b"1" * 1_001, headers=headers), 413)
    assert [error["loc"] for error in problem["errors"]] == [["body"]]  # type: ignore[attr-defined]
    check_problem(call("POST", "/sum", content=chunks(), headers=headers), 413)
    assert call("POST", "/sum", json={"numbers": [1, 2]}).json() == 3


def test_every_answer_has_its_headers_and_is_timed_by_route() -> None:
    metrics = Metrics()
    for path in ("/fail/data", "/fail/bug", "/nothing/of-u77"):
        response = call("GET", path, metrics)
        assert path == "/fail/bug" or response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["x-request-id"]
    text = metrics.render().decode()
    assert 'recsys_request_seconds_count{method="GET",route="/fail/{name}",status="422"} 1.0' in text
    assert 'recsys_request_seconds_count{method="GET",route="/fail/{name}",status="500"} 1.0' in text
    assert 'recsys_request_seconds_count{method="GET",route="none",status="404"} 1.0' in text
    assert "u77" not in text
