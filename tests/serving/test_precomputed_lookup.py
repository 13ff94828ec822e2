"""A store of lists that hangs: whoever asks is answered soon, and the next one at once."""

import asyncio
import threading

from serving.precomputed_lookup import THREADS, WAITING, PrecomputedLookup


class Hanging:
    """A store that answers only when it is let go: what a frozen server does."""

    def __init__(self) -> None:
        self.asked = 0
        self.go = threading.Event()

    def get(self, id_: str) -> str | None:
        self.asked += 1
        self.go.wait(30)
        return id_

    def forget(self, id_: str) -> None:
        raise NotImplementedError

    def close(self) -> None:
        pass

    def replace(self, lists: object) -> int:
        raise NotImplementedError


def test_a_store_that_hangs_is_given_up_and_left_alone_for_a_while() -> None:
    lists = Hanging()

    async def ask() -> list[str | None]:
        lookup = PrecomputedLookup(lists)
        first = await lookup.get("u")
        second = await lookup.get("u")
        lists.go.set()
        lookup.close()
        return [first, second]

    assert asyncio.run(ask()) == [None, None]
    assert lists.asked == 1


def test_a_store_that_many_ask_at_a_time_is_not_taken_for_one_that_is_away() -> None:
    lists = Hanging()

    async def ask() -> list[str | None]:
        lookup = PrecomputedLookup(lists)
        asking = [asyncio.create_task(lookup.get("u")) for _ in range(THREADS + WAITING)]
        await asyncio.sleep(0)
        one_too_many = await lookup.get("u")
        lists.go.set()
        answered = await asyncio.gather(*asking)
        then = await lookup.get("u")
        lookup.close()
        return [one_too_many, *answered, then]

    assert asyncio.run(ask()) == [None, *["u"] * (THREADS + WAITING + 1)]
