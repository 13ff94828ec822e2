"""What is done again and again ends when it is told to, whenever that is."""

import threading

import pytest

from serving.repeat import Repeat

_HOUR = 3_600.0


class AtTheWorstMoment(threading.Event):
    """A stop that comes just before what woke the thread is forgotten."""

    def __init__(self, repeat: Repeat) -> None:
        super().__init__()
        self._repeat = repeat

    def clear(self) -> None:
        self._repeat._stopping = True
        self.set()
        super().clear()


@pytest.mark.timeout(60)
def test_a_stop_is_never_slept_over() -> None:
    repeat = Repeat("test", lambda: _HOUR if repeat._stopping else 0.01, lambda: None)
    repeat._woken = AtTheWorstMoment(repeat)
    repeat.start()
    repeat._thread.join(10)
    assert not repeat._thread.is_alive()


def test_a_stop_right_after_the_start() -> None:
    for _ in range(200):
        repeat = Repeat("test", lambda: _HOUR, lambda: None)
        repeat.start()
        repeat.stop()
        assert not repeat._thread.is_alive()


def test_it_is_woken_and_survives_an_error() -> None:
    calls, again = [0], threading.Semaphore(0)

    def action() -> None:
        calls[0] += 1
        again.release()
        if calls[0] == 1:
            raise ValueError("the first time")

    repeat = Repeat("test", lambda: _HOUR, action)
    repeat.start()
    assert again.acquire(timeout=10)
    repeat.wake()
    assert again.acquire(timeout=10)
    repeat.stop()
    assert calls == [2]
