"""Plain ASGI middleware for every request: body limit, security headers, telemetry."""

import asyncio
import logging
import time
from http import HTTPStatus
from uuid import uuid4

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.errors import REQUEST, problem
from serving.watching.metrics import Metrics
from serving.watching.traces import NAMED_METHODS, Traces

logger = logging.getLogger("recsys.serving.access")

SECURITY_HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cache-control": b"no-store",
}
"""As ASGI sends them: names in lower case, bytes."""


class BodyLimit:
    """Answers 413 to a body above the limit, announced or as soon as too much has come, and 408 to a slow one.

    Args:
        limit: bytes.
        seconds: how long a whole body may take to come.
    """

    def __init__(self, app: ASGIApp, limit: int, seconds: float) -> None:
        self._app = app
        self._limit = limit
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        message = f"the body is larger than the limit of {self._limit} bytes; send less at a time"
        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isdecimal() and int(announced) > self._limit:
            await problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message)(scope, receive, send)
            return
        received, complete = 0, False
        deadline = asyncio.get_running_loop().time() + self._seconds

        async def counted() -> Message:
            nonlocal received, complete
            try:
                async with asyncio.timeout_at(None if complete else deadline):
                    part = await receive()
            except TimeoutError as error:
                late = f"the body did not come within {self._seconds:g} s"
                raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, late, {"Connection": "close"}) from error
            complete = not part.get("more_body", False)
            received += len(part.get("body", b""))
            if received > self._limit:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message)
            return part

        await self._app(scope, counted, send)


class SecurityHeaders:
    """Adds headers that keep browsers from guessing, framing and caching."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                named = {name for name, _ in message["headers"]}
                further = [header for header in SECURITY_HEADERS.items() if header[0] not in named]
                message["headers"] = [*message["headers"], *further]
            await send(message)

        await self._app(scope, receive, with_headers)


class Telemetry:
    """Measures, logs and traces every answer, by the route's template: never by the path, which may hold ids.

    The answer's X-Request-ID is the line's `request`.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, traces: Traces) -> None:
        self._app = app
        self._metrics = metrics
        self._traces = traces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, request = time.perf_counter(), uuid4().hex
        status = HTTPStatus.INTERNAL_SERVER_ERROR.value
        scope[REQUEST] = request

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request.encode())]
            await send(message)

        with self._traces.request(scope) as span:
            try:
                await self._app(scope, receive, noted)
            finally:
                route = getattr(scope.get("route"), "path_format", "none")
                self._note(scope["method"], route, status, time.perf_counter() - started, request)
                span.answered(route, status)

    def _note(self, method: str, route: str, status: int, seconds: float, request: str) -> None:
        method = method if method in NAMED_METHODS else "other"
        self._metrics.latency.labels(method, route, str(status)).observe(seconds)
        facts = {"request": request, "method": method, "route": route, "status": status, "seconds": seconds}
        logger.info("%s %s %d", method, route, status, extra={"facts": facts})
