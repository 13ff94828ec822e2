"""Work runs in threads, and the queue has an end."""

import asyncio
import threading

import pytest

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
