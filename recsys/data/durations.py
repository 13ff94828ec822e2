"""Times are whole microseconds since 1970 UTC; these are lengths of it."""

SECOND = 1_000_000
DAY = 86_400 * SECOND

VISIT = 3_600 * SECOND
"""What a user does with an item so soon after the act before is the same visit to it."""
