"""Answers as JSON: bytes straight from orjson, where NaN is null and numpy numbers are numbers."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from fastapi import Response
from starlette.types import Receive, Scope, Send


def json_response(content: Any, status: int = 200) -> Response:
    """An answer with this content."""
    return Response(_json(content), status, media_type="application/json")


class ListResponse(Response):
    """A list as JSON; what only the server's own records need is done after the answer.

    Args:
        content: of the answer.
        note: records the answer; the connection's next request is read afterwards.
    """

    def __init__(self, content: Mapping[str, Any], note: Callable[[], None]) -> None:
        super().__init__(_json(content), media_type="application/json")
        self._note = note

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._note()


def _json(content: Any) -> bytes:
    return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)
