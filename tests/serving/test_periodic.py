"""What is done again and again ends when it is told to, whenever that is."""

import threading

import pytest

from serving.periodic import PeriodicTask

_HOUR = 3_600.0


class AtTheWorstMoment(threading.Event):
    """A stop that comes just before what woke the thread is forgotten."""

    def __init__(self, task: PeriodicTask) -> None:
        super().__init__()
        self._task = task

    def clear(self) -> None:
        self._task._stopping = True
        self.set()
        super().clear()


@pytest.mark.timeout(60)
def test_a_stop_is_never_slept_over() -> None:
    task = PeriodicTask("test", lambda: _HOUR if task._stopping else 0.01, lambda: None)
    task._woken = AtTheWorstMoment(task)
    task.start()
    task._thread.join(10)
    assert not task._thread.is_alive()


def test_a_task_that_is_stopped_right_after_its_start_ends() -> None:
    for _ in range(200):
        task = PeriodicTask("test", lambda: _HOUR, lambda: None)
        task.start()
        task.stop()
        assert not task._thread.is_alive()


def test_a_task_is_woken_and_survives_an_error() -> None:
    calls, again = [0], threading.Semaphore(0)

    def action() -> None:
        calls[0] += 1
        again.release()
        if calls[0] == 1:
            raise ValueError("the first time")

    task = PeriodicTask("test", lambda: _HOUR, action)
    task.start()
    assert again.acquire(timeout=10)
    task.wake()
    assert again.acquire(timeout=10)
    task.stop()
    assert calls == [2]
