"""A server that does not answer: who asks it again, and when."""

import pytest

from recsys.errors import StoreError
from recsys.store import circuit_breaker
from recsys.store.circuit_breaker import CircuitBreaker


def _call(of: CircuitBreaker, raised: type[Exception] | None = None) -> None:
    with of.guard():
        if raised is not None:
            raise raised


def test_while_it_is_silent_one_call_at_a_time_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(circuit_breaker, "PAUSE_SECONDS", 0.0)
    server = CircuitBreaker("store x", "check that it runs", TimeoutError)
    with server.guard():
        _call(server)  # as long as it answers they do not wait for each other
    with pytest.raises(TimeoutError):
        _call(server, TimeoutError)
    with server.guard(), pytest.raises(StoreError, match="store x does not answer; check that it runs"):
        _call(server)
    with server.guard():
        _call(server)


def test_after_a_call_without_an_answer_nobody_asks_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    server = CircuitBreaker("store x", "check that it runs", TimeoutError)
    with pytest.raises(TimeoutError):
        _call(server, TimeoutError)
    for _ in range(2):
        with pytest.raises(StoreError, match="does not answer"):
            _call(server)
    monkeypatch.setattr(circuit_breaker, "PAUSE_SECONDS", 0.0)
    with pytest.raises(LookupError):
        _call(server, LookupError)  # it refuses something, so it is there
    with server.guard():
        _call(server)
