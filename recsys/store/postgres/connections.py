"""Connections to one PostgreSQL server: opened on demand, and again after it was away."""

import os
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from recsys.errors import ConfigError, StoreError
from recsys.store.address import address_of
from recsys.store.circuit_breaker import CircuitBreaker

if TYPE_CHECKING:
    from psycopg import Connection

CONNECT_SECONDS = 3
"""How long opening a connection may take."""

CALL_SECONDS = 10
"""How long a statement may take, its wait for other writers included; and the statements of one call together."""

DOUBT_SECONDS = 1
"""After this time of a call, a second connection finds out whether the server answers at all."""

_REMEDY = "check that PostgreSQL runs there, lets this user in and has room on its disk"

_READ_COMMITTED = r"-c default_transaction_isolation=read\ committed"
"""Who has waited for a turn must see what was done meanwhile."""


def _has_unread_data(connection: "Connection") -> bool:
    """Whether the server has said something that nobody asked for: nearly always that it has closed an idle connection,
    as it does when it restarts, and as something between the two may after a while."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


class Connections:
    """One connection for each concurrent call. Safe to use from many threads.

    Attributes:
        address: the URL without user and password, for messages.

    Raises:
        ConfigError: psycopg is not installed.
    """

    def __init__(self, url: str) -> None:
        try:
            import psycopg
        except ImportError as error:
            raise ConfigError("a postgresql:// store needs psycopg: install recsys[postgres]") from error
        parts = address_of(url)
        self.address = f"postgresql://{parts.hostname or 'localhost'}{parts.path}"
        self._url = url
        self._connect = psycopg.connect
        self._error = psycopg.Error
        self._late = psycopg.errors.ConnectionTimeout
        self._breaker = CircuitBreaker(f"store {self.address}", _REMEDY, self._late)
        self._idle: list[Connection] = []
        self._lock = threading.Lock()
        self._closed = False

    @contextmanager
    def one(self, seconds: float = CALL_SECONDS) -> Iterator["Connection"]:
        """A connection that nobody else uses meanwhile; each statement is a transaction unless one is begun.

        After an error neither it nor the idle ones are used again: the server may have been away.

        Args:
            seconds: after which it is hung up, sooner where the server lets nobody in meanwhile; the server ends a
                statement itself after `CALL_SECONDS`.

        Raises:
            StoreError: the server cannot be reached, does not answer or refuses.
        """
        if self._closed:
            raise StoreError(f"store {self.address} is closed; open it again")
        try:
            connection = self._take()
            try:
                with self._watched(connection, seconds + 1):
                    yield connection
            except BaseException:
                connection.close()
                self._close_idle()
                raise
            self._give_back(connection)
        except self._error as error:
            raise StoreError(f"store {self.address}: {' '.join(str(error).split())}; {_REMEDY}") from error

    def close(self) -> None:
        """Close all connections; none is opened any more."""
        with self._lock:
            self._closed = True
        self._close_idle()

    def _take(self) -> "Connection":
        with self._lock:
            while self._idle:
                connection = self._idle.pop()
                if not _has_unread_data(connection):
                    return connection
                connection.close()
        # What a call relies on is not left to the settings of the database or the user.
        options = f"-c statement_timeout={CALL_SECONDS}s -c synchronous_commit=on {_READ_COMMITTED}"
        with self._breaker.guard():
            return self._connect(
                self._url, autocommit=True, connect_timeout=CONNECT_SECONDS, options=options, client_encoding="UTF8"
            )

    @contextmanager
    def _watched(self, connection: "Connection", seconds: float) -> Iterator[None]:
        """Hang up on a server that does not end a call itself: it may be frozen, or unplugged."""
        with socket.socket(fileno=os.dup(connection.fileno())) as line:
            over = threading.Event()
            threading.Thread(target=self._watch, args=(line, over, seconds), daemon=True).start()
            try:
                yield
            finally:
                over.set()

    def _watch(self, line: socket.socket, over: threading.Event, seconds: float) -> None:
        if over.wait(DOUBT_SECONDS) or (self._answers() and over.wait(seconds - DOUBT_SECONDS)):
            return
        with suppress(OSError):  # the call has just ended
            line.shutdown(socket.SHUT_RDWR)

    def _answers(self) -> bool:
        """Whether the server answers others: then a call that takes long is at work, or waits for its turn."""
        try:
            self._connect(self._url, connect_timeout=CONNECT_SECONDS).close()
        except self._late:
            self._breaker.trip()
            return False
        except self._error:  # it says why it lets nobody in
            return True
        return True

    def _give_back(self, connection: "Connection") -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.close()

    def _close_idle(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
