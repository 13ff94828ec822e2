"""Times are whole microseconds since 1970 UTC; these are lengths of it."""

SECOND = 1_000_000
DAY = 86_400 * SECOND
