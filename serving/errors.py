"""Errors become problems: `application/problem+json`, RFC 9457, with a list of what is wrong where."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.routing import Match

from recsys.counts import counted
from recsys.errors import BundleError, ConfigError, DataError, NotTrainedError, RecsysError, StoreError, UnwritableError

logger = logging.getLogger("recsys.serving")

RETRY_SECONDS = "1"
WHOLE_BODY = (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
"""What is wrong with a body that is not read to its end."""

BODY = (*WHOLE_BODY, HTTPStatus.UNPROCESSABLE_ENTITY)
"""What can be wrong with a body: no UTF-8, too slow, too large, not what is asked for."""

UNREADABLE = "the body cannot be read; send JSON in UTF-8, not compressed, and not deeply nested"

_UNKNOWN_FIELD = "there is no such field; /docs lists those of every request"

REQUEST = "recsys.request"
"""Key of the scope that holds the X-Request-ID of the answer."""

METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
"""Methods that a path may have, in the order in which an answer names them."""

MAX_ERRORS = 100
"""Most entries of `errors` in one answer."""


class Fault(BaseModel):
    """One thing that is wrong: where (body, field, index, ...) and what."""

    loc: list[str | int]
    msg: str


class Problem(BaseModel):
    """The body of every answer that is an error."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[Fault] = []


class ProblemError(Exception):
    """Raised by a route to answer with a problem."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        errors: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors
        self.headers = headers


def wrong_field(name: str, message: str) -> ProblemError:
    """422: one field of the body is wrong."""
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, message, [Fault(loc=["body", name], msg=message)])


_STATUSES: tuple[tuple[type[RecsysError], HTTPStatus], ...] = (
    (NotTrainedError, HTTPStatus.SERVICE_UNAVAILABLE),
    (StoreError, HTTPStatus.SERVICE_UNAVAILABLE),
    (UnwritableError, HTTPStatus.SERVICE_UNAVAILABLE),
    (BundleError, HTTPStatus.CONFLICT),
    (DataError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (ConfigError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (RecsysError, HTTPStatus.INTERNAL_SERVER_ERROR),
)


def problem(
    status: HTTPStatus,
    detail: str,
    errors: Sequence[Fault] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """One problem as a response. 503 and 429 say when to try again."""
    if not errors and status in WHOLE_BODY:
        errors = [Fault(loc=["body"], msg=detail)]
    body = Problem(title=status.phrase, status=status, detail=detail, errors=list(errors[:MAX_ERRORS]))
    headers = dict(headers or {})
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        headers.setdefault("Retry-After", RETRY_SECONDS)
    content = _readable(body.model_dump())
    return Response(orjson.dumps(content), status, headers, media_type="application/problem+json")


GUARDED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS)
"""What every route that asks for a key may answer."""


def documented(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """How these problems stand in the OpenAPI document of a route."""
    schema = Problem.model_json_schema(ref_template="{model}")
    faults = schema.pop("$defs")["Fault"]  # a reference within a response would be looked for in the whole document
    schema["properties"]["errors"]["items"] = faults
    content = {"application/problem+json": {"schema": schema}}
    return {int(status): {"description": status.phrase, "content": content} for status in statuses}


def install(app: FastAPI) -> None:
    """Have the app answer every error with a problem. A client never sees a trace."""

    @app.exception_handler(ProblemError)
    async def on_problem(_request: Request, error: ProblemError) -> Response:
        return problem(error.status, error.detail, error.errors, error.headers)

    @app.exception_handler(RecsysError)
    async def on_domain_error(_request: Request, error: RecsysError) -> Response:
        status = next(status for kind, status in _STATUSES if isinstance(error, kind))
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            logger.error("%s: %s", type(error).__name__, error)
        faults = [Fault(loc=["body", *error.loc], msg=str(error))] if error.loc else []
        return problem(status, str(error), faults)

    @app.exception_handler(RequestValidationError)
    async def on_invalid(request: Request, error: RequestValidationError) -> Response:
        found = error.errors()
        faults = _faults(found, error.body)
        kind = request.headers.get("Content-Type", "missing")[:80]
        if found[0]["type"] == "model_attributes_type" and faults[0].loc == ["body"] and "json" not in kind.lower():
            # `curl -d` names another type by itself, and the body was never parsed.
            faults[0].msg = f"the body is not read as JSON: its Content-Type is {kind}, not application/json"
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{counted(len(faults), 'problem')} with the request", faults)

    @app.exception_handler(HTTPException)
    async def on_http(request: Request, error: HTTPException) -> Response:
        status, headers = HTTPStatus(error.status_code), dict(error.headers or {})
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(_methods(request))
        return problem(status, UNREADABLE if status == HTTPStatus.BAD_REQUEST else error.detail, headers=headers)

    @app.exception_handler(Exception)
    async def on_unexpected(request: Request, error: Exception) -> Response:
        # The trace goes to the log of the server, which raises the error again after this answer. What comes through
        # here passes no middleware, and its answer is found in the log by this header.
        detail = f"unexpected {type(error).__name__}; the server's log has more"
        headers = {"X-Request-ID": request.scope[REQUEST]} if REQUEST in request.scope else {}
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail, headers=headers)


def _faults(found: Sequence[Mapping[str, Any]], body: Any) -> list[Fault]:
    """What pydantic found, one fault for each place of the request. For a value that may be of several kinds, pydantic
    says of each kind why the value is not of it; if one kind fits except for something within, only that is kept."""
    messages: dict[tuple[str | int, ...], list[str]] = {}
    for fault in found:
        reasons = messages.setdefault(_place(fault, body), [])
        reason = _UNKNOWN_FIELD if fault["type"] == "extra_forbidden" else fault["msg"]
        if reason not in reasons:
            reasons.append(reason)
    within = {loc[:depth] for loc in messages for depth in range(len(loc))}
    return [Fault(loc=list(at), msg="; or: ".join(reasons)) for at, reasons in messages.items() if at not in within]


def _place(fault: Mapping[str, Any], body: Any) -> tuple[str | int, ...]:
    """Where a fault is in the request: its path without the names of kinds that pydantic has tried on the way."""
    first, *parts = fault["loc"]
    if first != "body":
        return first, *parts
    loc, value = [first], body
    for part in parts:
        there = part in value if isinstance(value, Mapping) else isinstance(value, list) and part in range(len(value))
        if there:
            value = value[part]
        if there or (fault["type"] == "missing" and part is parts[-1]):
            loc.append(part)
    return tuple(loc)


def _methods(request: Request) -> list[str]:
    """All that a path can be asked with: Starlette names those of the first route that has it."""
    scopes = {method: {**request.scope, "method": method} for method in METHODS}
    return [
        method
        for method, scope in scopes.items()
        if any(route.matches(scope)[0] == Match.FULL for route in request.app.routes)
    ]


def _readable(value: Any) -> Any:
    """The value with every string in valid UTF-8: half a surrogate pair in a request's key would be no JSON."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, list):
        return [_readable(part) for part in value]
    if isinstance(value, dict):
        return {key: _readable(part) for key, part in value.items()}
    return value
