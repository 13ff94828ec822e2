"""HTTP/1.1 as uvicorn speaks it, to callers who also ask in time: it has no limit of its own for the head of a request.

A connection costs a file and memory, and some thousands that never finish asking would keep everybody else out
(CWE-400, known as Slowloris). How long a body may take is `serving.middleware.BodyLimit`'s part.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


def heads_within(seconds: float) -> type[HttpToolsProtocol]:
    """The protocol of connections that are closed when a head has not come so long after it was due or begun."""

    class InTime(HttpToolsProtocol):
        _waiting: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._expect_head()

        def connection_lost(self, exc: Exception | None) -> None:
            self._have_head()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            if self.cycle is None or self.cycle.response_complete:
                self._expect_head()  # also when these bytes begin no request: empty lines end uvicorn's own timer
            super().data_received(data)

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._expect_head()

        def on_headers_complete(self) -> None:
            self._have_head()
            super().on_headers_complete()

        def _expect_head(self) -> None:
            if self._waiting is None:
                self._waiting = self.loop.call_later(seconds, self.transport.close)

        def _have_head(self) -> None:
            if self._waiting is not None:
                self._waiting.cancel()
                self._waiting = None

    return InTime
