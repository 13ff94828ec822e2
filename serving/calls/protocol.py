"""uvicorn's HTTP/1.1 with limits that it lacks, on the time for the head of a request, on its length, and on the time
that a caller may leave an answer lying; and with answers to callers who have closed their half of the connection, or
who would rather speak HTTP/2.

A connection costs a file and memory; some thousands that never finish their requests would keep everybody else out
(CWE-400, known as Slowloris). How long a body may take is `serving.calls.middleware.BodyLimit`'s part.
"""

import asyncio
import re
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from serving.calls.middleware import SECURITY_HEADERS
from serving.errors import problem

_HEAD_BYTES = 64 * 1024
"""Longest head of a request: its first line and its headers."""

_UPGRADE = re.compile(rb"(?<=\r\n)upgrade(?=[ \t]*:)", re.IGNORECASE)
"""The name of a header that asks to go on in another protocol."""


class TimedHeads(HttpToolsProtocol):
    """The protocol of one connection, which is closed when a head does not come in time or is too long, or when what
    was answered is not taken.

    The time begins when a head is due, and anew when one has begun.

    Attributes:
        head_seconds: how long a head may take.
        taken_seconds: how long a caller may take for what waits to be sent: a minute, as with other servers.
    """

    head_seconds: float
    taken_seconds: float = 60.0
    _waiting: asyncio.TimerHandle | None = None
    _untaken: asyncio.TimerHandle | None = None
    _come = 0
    _too_long = False
    _in_body = False  # also while the rest of one comes that was answered before its end, as one that is too long

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=0)  # what the system does not take at once is untaken, however short
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._have_head()
        self._have_taken()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._have_taken()
        self._untaken = self.loop.call_later(self.taken_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        self._have_taken()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self._expect_head()  # also when these bytes begin no request: empty lines end uvicorn's own timer
        if self._waiting is not None and not self._in_body:
            self._come += len(data)
            data = _without_upgrade(data)
        super().data_received(data)
        if self._waiting is not None and not self._in_body and self._come > _HEAD_BYTES:
            self._refuse_long_head()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Keep the connection of a caller who has asked and closed that half of it, until the answer is there: as
        `nc -N` does, and as RFC 9112, 9.6 allows. asyncio closes it where this is False."""
        waits = self.cycle is not None and not self.cycle.response_complete and not self._in_body
        if waits:
            self.cycle.keep_alive = False  # the newest of those that were sent in one go
        return waits

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._expect_head()

    def on_headers_complete(self) -> None:
        self._have_head()
        self._in_body = True
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > _HEAD_BYTES:
            self._too_long = True
            raise ValueError  # so that the parser stops, and `send_400_response` is called
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_body = False
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """To what is no HTTP and so reaches no app, and to a long head that came in one piece."""
        if self._too_long:
            self._refuse_long_head()
        else:
            self._refuse(HTTPStatus.BAD_REQUEST, msg)

    def _refuse_long_head(self) -> None:
        message = f"the head of the request is longer than {_HEAD_BYTES} bytes; send less in headers"
        self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, message)

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        answer = problem(status, message)
        headers = [*answer.raw_headers, *SECURITY_HEADERS.items(), (b"connection", b"close")]
        lines = [name + b": " + value + b"\r\n" for name, value in headers]
        self.transport.write(b"".join([STATUS_LINE[status], *lines, b"\r\n", bytes(answer.body)]))
        self.transport.close()

    def _expect_head(self) -> None:
        if self._waiting is None:
            self._come = 0
            self._waiting = self.loop.call_later(self.head_seconds, self.transport.close)

    def _have_taken(self) -> None:
        if self._untaken is not None:
            self._untaken.cancel()
            self._untaken = None

    def _have_head(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None


def heads_within(seconds: float) -> type[TimedHeads]:
    """The protocol for uvicorn, which makes it without arguments of ours: with how long a head may take."""
    return type("TimedHeads", (TimedHeads,), {"head_seconds": seconds})


def _without_upgrade(data: bytes) -> bytes:
    """A head whose wish for another protocol is not heard, which RFC 9110, 7.8 allows. Java's HttpClient asks for
    HTTP/2 with every request, and httptools then takes what follows the head for that protocol: no body would come."""
    head, end, body = data.partition(b"\r\n\r\n")
    return _UPGRADE.sub(b"unheard", head) + end + body
