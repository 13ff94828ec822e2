"""Look-ups of the lists that a batch has made, with a time limit."""

import asyncio
import logging
import time

from recsys.errors import StoreError
from recsys.store.precomputed_lists import PrecomputedLists
from serving.errors import ProblemError
from serving.pool import BoundedPool

logger = logging.getLogger("recsys.serving")

THREADS = 4
WAITING = 64
"""Look-ups that run, and that may wait."""

SECONDS = 1.0
"""How long a look-up may take: a list that is made now takes less."""

SILENT_SECONDS = 5.0
"""How long the store of lists is left alone after it has not answered."""


class PrecomputedLookup:
    """Looks lists up in threads of its own, so that a store that hangs keeps nobody else waiting.

    Used from one event loop, except for `forget`.
    """

    def __init__(self, lists: PrecomputedLists) -> None:
        self._lists = lists
        self._looking_up = BoundedPool("looking up", THREADS, WAITING)
        self._silent_until = 0.0

    async def get(self, id_: str) -> str | None:
        """The list of an id; None where there is none, the store does not answer, or too many ask at this moment."""
        if time.monotonic() < self._silent_until:
            return None
        try:
            async with asyncio.timeout(SECONDS):
                return await self._looking_up.run(lambda: self._lists.get(id_))
        except ProblemError:  # the threads are all at work, which says nothing of the store
            return None
        except (StoreError, TimeoutError) as error:
            self._silent_until = time.monotonic() + SILENT_SECONDS
            why = error or "no answer in time"
            logger.warning("precomputed lists are not looked up but made anew, for %g s: %s", SILENT_SECONDS, why)
        return None

    def forget(self, id_: str) -> None:
        """Remove the list of an id. Raises StoreError: the store does not answer."""
        self._lists.forget(id_)

    def close(self) -> None:
        """Let look-ups under way finish, and close the connections."""
        self._looking_up.close()
        self._lists.close()
