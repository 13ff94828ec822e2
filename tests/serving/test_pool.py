"""Work runs in threads, and the queue has an end."""

import asyncio
import threading
import weakref
from functools import partial

import pytest
from running import eventually

from serving.errors import ProblemError
from serving.pool import BoundedPool


def test_results_and_errors_come_back() -> None:
    async def check() -> None:
        pool = BoundedPool("test", threads=1, queue=1)
        assert await pool.run(threading.get_ident) != threading.get_ident()
        with pytest.raises(KeyError):
            await pool.run(lambda: {}["missing"])
        assert await pool.run(lambda: 1) == 1
        pool.close()

    asyncio.run(check())


def test_a_full_pool_says_so_and_then_takes_work_again() -> None:
    async def check() -> None:
        pool, release = BoundedPool("test", threads=1, queue=2), threading.Event()
        waiting = [asyncio.create_task(pool.run(release.wait)) for _ in range(3)]
        await asyncio.gather(*(asyncio.create_task(asyncio.sleep(0)) for _ in range(3)))
        with pytest.raises(ProblemError) as caught:
            await pool.run(lambda: True)
        assert caught.value.status == 429
        release.set()
        assert await asyncio.gather(*waiting) == [True] * 3
        assert await pool.run(lambda: True)
        pool.close()

    asyncio.run(check())


def test_threads_share_what_waits_and_leave_out_whoever_has_gone() -> None:
    async def check() -> None:
        pool, release, made = BoundedPool("test", threads=2, queue=100), threading.Event(), set[int]()
        busy = [asyncio.create_task(pool.run(release.wait)) for _ in range(2)]
        waiting = [asyncio.create_task(pool.run(lambda n=number: made.add(n))) for number in range(50)]  # type: ignore[misc]
        await asyncio.sleep(0)
        for gone in waiting[::2]:
            gone.cancel()
        release.set()
        await asyncio.gather(*busy, *waiting[1::2])
        assert made == set(range(1, 50, 2))
        pool.close()

    asyncio.run(check())


def test_nothing_of_a_call_is_kept_behind_it() -> None:
    class Large:
        """Stands for a version."""

    async def check() -> None:
        pool, large = BoundedPool("test", threads=1, queue=1), Large()
        known = weakref.ref(large)
        call = partial(isinstance, large, Large)
        del large
        assert await pool.run(call)
        del call
        await asyncio.get_running_loop().run_in_executor(None, eventually, lambda: known() is None)
        pool.close()

    asyncio.run(check())
