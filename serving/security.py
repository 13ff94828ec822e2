"""API keys: hashed at rest, compared in constant time, with scopes. Without keys only this machine may call.

The file (`serving.keys`) holds hashes only; a key is long and random (`openssl rand -hex 32`), so sha256 is enough:

    [[key]]
    name = "shop"
    sha256 = "..."                      # printf %s "$KEY" | sha256sum
    scopes = ["read", "write"]  # read: lists, items, models, metrics; write: events, items; admin: models, users

The environment variable RECSYS_API_KEY is one more key, in clear, with every scope; a short one, for this machine only.
"""

import hashlib
import hmac
import ipaddress
import tomllib
from collections.abc import Callable, Coroutine, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from fastapi import Request, Response
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import HTTPConnection

from recsys.errors import ConfigError
from serving.errors import ProblemError
from serving.rates import Rates

ENVIRONMENT_KEY = "RECSYS_API_KEY"

_SHORTEST_KEY = 16
"""Characters of the environment's key from which on it is hard to guess."""

Scope = Literal["read", "write", "admin"]


class Key(BaseModel):
    """One key: the sha256 of it (hex), and what it may do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    scopes: frozenset[Scope] = Field(min_length=1)


class _KeyFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    key: list[Key]


class KeyRing:
    """All keys of a server.

    Args:
        guessable: whether one of them is known to be short.
    """

    def __init__(self, keys: list[Key], *, guessable: bool = False) -> None:
        self._keys = keys
        self.guessable = guessable

    def __bool__(self) -> bool:
        return bool(self._keys)

    @classmethod
    def load(cls, file: str, environment: Mapping[str, str]) -> "KeyRing":
        """Keys of the file (a path; empty: none) and of the environment.

        Raises:
            ConfigError: the file is missing or not of the form above.
        """
        keys = _read(Path(file)) if file else []
        if secret := environment.get(ENVIRONMENT_KEY):
            digest = digest_of(secret)
            keys.append(Key(name=ENVIRONMENT_KEY, sha256=digest, scopes=frozenset(get_args(Scope))))
        return cls(keys, guessable=0 < len(secret or "") < _SHORTEST_KEY)

    def scopes(self, secret: str) -> frozenset[Scope]:
        """What the bearer of a secret may do; nothing for an unknown one. Takes the same time for any of them."""
        digest = digest_of(secret)
        matches = [key.scopes for key in self._keys if hmac.compare_digest(key.sha256, digest)]
        return frozenset[Scope]().union(*matches)


def digest_of(secret: str) -> str:
    """sha256 of a key, hex."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def check_host(host: str, keys: KeyRing) -> None:
    """Refuse to be reachable from outside without keys, or with one that can be guessed.

    Raises:
        ConfigError: the host is not a loopback address and there are no keys, or a short one.
    """
    if _is_loopback(host):
        return
    if keys.guessable:
        raise ConfigError(
            f"host {host!r} can be reached from outside, and {ENVIRONMENT_KEY} can be guessed: it must hold "
            f"{_SHORTEST_KEY} characters or more; make one with `openssl rand -hex 32`, or bind to 127.0.0.1"
        )
    if not keys:
        raise ConfigError(
            f"host {host!r} can be reached from outside and there are no API keys; "
            f"give a key file (--set serving.keys=FILE) or {ENVIRONMENT_KEY}, or bind to 127.0.0.1"
        )


_READING = ("GET", "HEAD")

_SCOPES = "recsys.scopes"
"""Key of the scope of a request whose key is known: what it allows. A request is counted once."""


class Allow(HTTPBearer):
    """A dependency: the caller's key must have the scope. Without any keys everybody on this machine may, but no page
    of another site that is open in its browser, see `_check_site`.

    FastAPI asks dependencies when it has read the body, and not where that is no JSON; so routes are `GuardedRoute`s.
    """

    def __init__(self, scope: Scope) -> None:
        super().__init__(scheme_name="HTTPBearer", auto_error=False)
        self._scope = scope

    async def __call__(self, request: HTTPConnection) -> None:
        """Raises ProblemError: 401, 403 or 429."""
        if _SCOPES not in request.scope:
            request.scope[_SCOPES] = await self._scopes(request)
        if self._scope not in request.scope[_SCOPES]:
            raise ProblemError(HTTPStatus.FORBIDDEN, f"this API key lacks the scope {self._scope!r}")

    async def _scopes(self, request: HTTPConnection) -> frozenset[Scope]:
        """What the caller may do; the call is counted."""
        keys: KeyRing = request.app.state.keys
        if not keys:
            _check_site(request)
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


class GuardedRoute(APIRoute):
    """Asks its `Allow` dependencies before it looks at a body: who may not come in learns nothing of what is wrong."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See FastAPI's "Custom Request and APIRoute class"."""
        handle = super().get_route_handler()
        guards = [depends.dependency for depends in self.dependencies if isinstance(depends.dependency, Allow)]

        async def guarded(request: Request) -> Response:
            for guard in guards:
                await guard(request)
            return await handle(request)

        return guarded


def _check_site(request: HTTPConnection) -> None:
    """Keep pages of other sites, open in a browser on this machine, from calling a server without keys.

    Such a page may send a form without anybody's leave (Fetch Metadata, W3C; older browsers send Origin alone), and may
    have the name of its own site lead to this machine (DNS rebinding), which the Host header tells.

    Raises:
        ProblemError: 403.
    """
    headers = request.headers
    if "host" in headers and not _is_loopback(_name(f"//{headers['host']}")):
        detail = (
            f"without keys a server answers under names of this machine only, such as localhost; set {ENVIRONMENT_KEY}"
        )
        raise ProblemError(HTTPStatus.FORBIDDEN, detail)
    if request.scope["method"] in _READING:
        return
    foreign = "origin" in headers and not _is_loopback(_name(headers["origin"]))
    if foreign or headers.get("sec-fetch-site") == "cross-site":
        raise ProblemError(HTTPStatus.FORBIDDEN, "a page of another site may not call a server without keys")


def _name(url: str) -> str:
    """The host's name in a URL; empty where there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _within_rate(request: HTTPConnection, key: str) -> None:
    """Count a call of a known key, which bounds how many are counted.

    Raises:
        ProblemError: 429, the key has called too often.
    """
    rates: Rates = request.app.state.rates
    if seconds := rates.wait(key):
        message = f"this key calls more often than it may; try again in {seconds} s"
        raise ProblemError(HTTPStatus.TOO_MANY_REQUESTS, message, headers={"Retry-After": str(seconds)})


def _read(path: Path) -> list[Key]:
    try:
        return _KeyFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))).key
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"key file {path} cannot be read: {error}") from error
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(str(part) for part in fault["loc"])
        raise ConfigError(f"key file {path}: {place}: {fault['msg']}") from error


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
