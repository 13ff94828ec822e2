"""A server without keys, or with one that can be guessed, is for this machine only."""

import ipaddress
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from recsys.errors import ConfigError
from serving.calls.keys import ENVIRONMENT_KEY, SHORTEST_KEY, KeyRing
from serving.errors import ProblemError

_READING = ("GET", "HEAD")


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
            f"{SHORTEST_KEY} characters or more; make one with `openssl rand -hex 32`, or bind to 127.0.0.1"
        )
    if not keys:
        raise ConfigError(
            f"host {host!r} can be reached from outside and there are no API keys; "
            f"give a key file (--set serving.keys=FILE) or {ENVIRONMENT_KEY}, or bind to 127.0.0.1"
        )


def check_site(request: HTTPConnection) -> None:
    """Keep pages of other sites, open in a browser on this machine, from calling a server without keys.

    Such a page may send a form without anybody's leave (Fetch Metadata, W3C; older browsers send Origin alone), and may
    have the name of its own site lead to this machine (DNS rebinding), which the Host header reveals.

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
        raise ProblemError(
            HTTPStatus.FORBIDDEN, "a page of another site may not call a server without keys; give it keys"
        )


def _name(url: str) -> str:
    """The host's name in a URL; empty where there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
