"""How often one key may call: a token bucket for each, filled again at a steady rate."""

import math
import time
from collections.abc import Callable

BURST_SECONDS = 2.0
"""A key that has been quiet may make the requests of this many seconds at once."""


class RateLimiter:
    """Limits of one worker, by key. Used from one event loop.

    Args:
        rate: requests a second; 0 limits nothing.
        clock: seconds that never go back.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._most = max(1.0, rate * BURST_SECONDS)
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}  # name -> tokens, when they were counted

    def wait(self, name: str) -> int:
        """0 where the call may go on and is counted; else the seconds after which it may be tried again."""
        if not self._rate:
            return 0
        now = self._clock()
        tokens, counted = self._buckets.get(name, (self._most, now))
        tokens = min(self._most, tokens + (now - counted) * self._rate)
        allowed = tokens >= 1.0
        self._buckets[name] = (tokens - 1.0 if allowed else tokens, now)
        return 0 if allowed else math.ceil((1.0 - tokens) / self._rate)
