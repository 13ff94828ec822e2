"""The threads of a server, by what they do: none of these kinds of work waits for another."""

from collections.abc import Callable
from dataclasses import dataclass, fields

from recsys.config import ServingConfig
from serving.pool import BoundedPool

_READING_THREADS = 2

_WRITING_THREADS = 4
"""Appending events waits for the disk more than it works."""

_CHANGING_THREADS = 2
"""Putting items waits while texts are encoded. Events of known items do not."""

_PROMOTIONS_WAITING = 4
"""Promotions and roll-backs that may wait while a version is loaded."""

_SHADOWS_WAITING = 4
"""Lists of shadow variants that may wait; further ones are not made."""


@dataclass(frozen=True)
class Threads:
    """All pools of one app.

    Attributes:
        scoring: make lists.
        falling_back: one, for lists that could not be made in time.
        writing: wait for the store.
        changing: put items, or wait for others that are being put.
        promoting: one that waits until another version is served.
        reading: for what is to be off the event loop, needs no store and makes no list.
        shadowing: one, for lists that nobody sees.
    """

    scoring: BoundedPool
    falling_back: BoundedPool
    writing: BoundedPool
    changing: BoundedPool
    promoting: BoundedPool
    reading: BoundedPool
    shadowing: BoundedPool

    @classmethod
    def of(cls, serving: ServingConfig, under_way: Callable[[str], Callable[[int], None]]) -> "Threads":
        """Start them.

        Args:
            under_way: name of a pool -> what that pool calls with the number of its calls that run or wait.
        """

        def pool(name: str, threads: int, queue: int) -> BoundedPool:
            return BoundedPool(name, threads, queue, under_way(name))

        return cls(
            scoring=pool("scoring", serving.threads, serving.queue),
            falling_back=pool("falling back", 1, serving.queue),
            writing=pool("writing", _WRITING_THREADS, serving.queue),
            changing=pool("changing items", _CHANGING_THREADS, serving.queue),
            promoting=pool("promoting", 1, _PROMOTIONS_WAITING),
            reading=pool("reading", _READING_THREADS, serving.queue),
            shadowing=pool("shadowing", 1, _SHADOWS_WAITING),
        )

    def close(self) -> None:
        """Finish what is under way."""
        for field in fields(self):
            getattr(self, field.name).close()
