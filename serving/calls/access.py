"""Who may call a route: the scope of its key, and how often."""

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any, get_args

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from starlette.requests import HTTPConnection

from serving.calls.keys import KeyRing, Scope, digest_of
from serving.calls.paths import check_text
from serving.calls.rate_limiter import RateLimiter
from serving.calls.this_machine import check_site
from serving.errors import ProblemError

_SCOPES = "recsys.scopes"
"""Key of the scope of a request whose key is known: what it allows. A request is counted once."""


class Allow(HTTPBearer):
    """A dependency: the caller's key must have the scope. Without any keys everybody on this machine is allowed, except
    pages of other sites in its browser, see `check_site`.

    FastAPI resolves dependencies after it has read the body, and not at all if that is not JSON; so routes are
    `GuardedRoute`s.
    """

    def __init__(self, scope: Scope) -> None:
        super().__init__(scheme_name="HTTPBearer", auto_error=False)
        self._scope = scope

    async def __call__(self, request: HTTPConnection) -> None:
        """Raises ProblemError: 401, 403 or 429."""
        if _SCOPES not in request.scope:
            request.scope[_SCOPES] = await self._scopes(request)
        if self._scope not in request.scope[_SCOPES]:
            raise ProblemError(
                HTTPStatus.FORBIDDEN, f"this API key lacks the scope {self._scope!r}; use one that has it"
            )

    async def _scopes(self, request: HTTPConnection) -> frozenset[Scope]:
        """What the caller may do; the call is counted."""
        keys: KeyRing = request.app.state.keys
        if not keys:
            check_site(request)
            _within_rate(request, "")
            return frozenset(get_args(Scope))
        credentials = await super().__call__(request)
        scopes = keys.scopes(credentials.credentials) if credentials else frozenset[Scope]()
        if not scopes:
            challenge = {"WWW-Authenticate": "Bearer"}
            raise ProblemError(
                HTTPStatus.UNAUTHORIZED, "send a known API key: Authorization: Bearer KEY", headers=challenge
            )
        assert credentials is not None, "scopes come from credentials"
        _within_rate(request, digest_of(credentials.credentials))
        return scopes


READ, WRITE, ADMIN = Depends(Allow("read")), Depends(Allow("write")), Depends(Allow("admin"))
"""Dependencies of `GuardedRoute`s."""


class GuardedRoute(APIRoute):
    """Checks its `Allow` dependencies before it reads a body: callers without permission learn nothing about it. Then
    it checks that path and query are text."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See FastAPI's "Custom Request and APIRoute class"."""
        handle = super().get_route_handler()
        guards = [depends.dependency for depends in self.dependencies if isinstance(depends.dependency, Allow)]

        async def guarded(request: Request) -> Response:
            for guard in guards:
                await guard(request)
            check_text(request.scope)
            return await handle(request)

        return guarded


def _within_rate(request: HTTPConnection, key: str) -> None:
    """Count a call of a known key, which bounds how many are counted.

    Raises:
        ProblemError: 429, the key has called too often.
    """
    limiter: RateLimiter = request.app.state.rate_limiter
    if seconds := limiter.wait(key):
        message = f"this key calls more often than it may; try again in {seconds} s"
        raise ProblemError(HTTPStatus.TOO_MANY_REQUESTS, message, headers={"Retry-After": str(seconds)})
