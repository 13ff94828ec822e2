"""Time, in whole microseconds: moments since 1970 UTC, lengths of time, and how people and programs read them."""

import time
from datetime import UTC, datetime, timedelta

SECOND = 1_000_000
DAY = 86_400 * SECOND

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def clock() -> int:
    """The current moment."""
    return time.time_ns() // 1_000


def moment_of(microseconds: int) -> datetime:
    """A moment as a datetime in UTC, to the microsecond."""
    return _EPOCH + timedelta(microseconds=microseconds)


def iso_time(microseconds: int) -> str:
    """ISO 8601 to the microsecond, for programs; the number where that is beyond the year 9999."""
    try:
        return moment_of(microseconds).isoformat()
    except OverflowError:
        return str(microseconds)


def day_of(microseconds: int) -> str:
    """Year, month and day, for people."""
    return f"{moment_of(microseconds):%Y-%m-%d}"
