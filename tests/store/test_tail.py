"""The end of the log that servers share through Redis."""

import logging
import threading

import pytest

from benchmarks.databases import free_port
from recsys.store.tail import SharedTail, TailListener


def test_a_redis_between_servers_that_was_never_there_is_reported_once() -> None:
    pytest.importorskip("redis", reason="needs redis-py (install recsys[redis])")
    told, lines = threading.Event(), list[str]()

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())
            told.set()

    logger, listener = logging.getLogger("recsys.store"), Listener()
    tail = SharedTail(f"redis://127.0.0.1:{free_port()}/0", "log")
    logger.addHandler(listener)
    try:
        tail.start(TailListener(lambda after, entries: None, lambda: None))
        assert told.wait(10)
        assert not tail.is_subscribed
    finally:
        tail.close()
        logger.removeHandler(listener)
    assert len(lines) == 1
    assert "is away, the store is read instead" in lines[0]
