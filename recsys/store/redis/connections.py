"""Connections to one Redis server: opened on demand, and again after it was away."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlunsplit

from recsys.errors import ConfigError, StoreError
from recsys.store.address import redis_address
from recsys.store.circuit_breaker import CircuitBreaker

CALL_SECONDS = 5.0
"""How long a call may take, and connecting. Redis does one thing at a time: a longer one holds up everybody."""


class RedisConnections:
    """One connection for each concurrent call. Safe to use from many threads.

    Args:
        url: `redis://[[user]:password@]host[:port]/db`, perhaps with parameters.
        use: what Redis is for, in messages, before the address: "store", "lists in".
        own: parameters of the URL that the caller reads; where there are any, those of redis-py are not taken.
        remedy: what to check where Redis refuses.
        seconds: how long a call may take.
        greet: called with each new connection, instead of its own `on_connect`.

    Attributes:
        address: the URL without user, password and parameters, for messages.
        name: use and address.
        parameters: those of `own` that the URL has.
        client: redis-py's client; wrap its calls in `store_errors`.
        error: base of what redis-py raises.
        refusal: what redis-py raises where Redis answers that it will not.

    Raises:
        ConfigError: redis-py is not installed, the URL names no database, or has a parameter that nobody knows.
    """

    def __init__(
        self,
        url: str,
        use: str,
        *,
        own: tuple[str, ...] = (),
        remedy: str = "check that Redis runs there and lets this user in",
        seconds: float = CALL_SECONDS,
        greet: Callable[[Any], None] | None = None,
    ) -> None:
        try:
            import redis
        except ImportError as error:
            raise ConfigError("redis:// needs redis-py: install recsys[redis]") from error
        parts = redis_address(url)
        self.address = f"redis://{parts.hostname or 'localhost'}:{parts.port or 6379}{parts.path}"
        self.name = f"{use} {self.address}"
        self.parameters = {name: values[-1] for name, values in parse_qs(parts.query).items()} if own else {}
        if unknown := sorted(self.parameters.keys() - {*own}):
            raise ConfigError(f"{self.name}: there is no parameter {unknown[0]!r}; write one of {', '.join(own)}")
        self.error: type[Exception] = redis.RedisError
        self.refusal: type[Exception] = redis.ResponseError
        self._remedy, self._closed = remedy, False
        self._breaker = CircuitBreaker(self.name, remedy, redis.TimeoutError)
        self.client: Any = redis.Redis.from_url(
            urlunsplit(parts._replace(query="")) if own else url,
            socket_timeout=seconds,
            socket_connect_timeout=seconds,
            redis_connect_func=greet,
        )
        try:
            self.client.connection_pool.make_connection()  # redis-py knows all parameters, or says so now
        except TypeError as error:
            name = str(error).rpartition(" ")[2]
            raise ConfigError(f"{self.name}: there is no parameter {name}; leave it out of the URL") from error

    @contextmanager
    def store_errors(self) -> Iterator[None]:
        """Raise what redis-py raises as a `StoreError`; also where `close` was called, or while Redis is silent."""
        if self._closed:
            raise StoreError(f"{self.name} is closed; open it again")
        try:
            with self._breaker.guard():
                yield
        except self.error as error:
            raise StoreError(f"{self.name}: {error}; {self._remedy}") from error

    def close(self) -> None:
        """Let go of all."""
        self._closed = True
        self.client.close()
