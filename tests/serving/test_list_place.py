"""A place of lists that hangs: whoever asks is answered soon, and the next one at once."""

import asyncio
import threading

from serving.list_place import THREADS, WAITING, ListPlace


class Hanging:
    """A place that answers only when it is let go: what a frozen server does."""

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


def test_a_place_that_hangs_is_given_up_and_left_alone_for_a_while() -> None:
    lists = Hanging()

    async def ask() -> list[str | None]:
        place = ListPlace(lists)
        first = await place.get("u")
        second = await place.get("u")
        lists.go.set()
        place.close()
        return [first, second]

    assert asyncio.run(ask()) == [None, None]
    assert lists.asked == 1


def test_too_many_look_ups_at_once_say_nothing_of_the_place() -> None:
    lists = Hanging()

    async def ask() -> tuple[list[str | None], str | None]:
        place = ListPlace(lists)
        running = [asyncio.create_task(place.get("u")) for _ in range(THREADS + WAITING)]
        await asyncio.sleep(0)  # all of them wait in the pool
        refused = await place.get("u")
        lists.go.set()
        answers = await asyncio.gather(*running)
        last = await place.get("last")
        place.close()
        assert refused is None
        return answers, last

    answers, last = asyncio.run(ask())
    assert answers == ["u"] * (THREADS + WAITING)
    assert last == "last"
