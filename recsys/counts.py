"""Counts in messages: one event, several events."""


def counted(n: int, one: str, several: str | None = None) -> str:
    """A number with what it counts: `counted(1, "event")` is "1 event", `counted(3412, "event")` "3,412 events".

    Args:
        n: how many.
        one: what follows the number 1.
        several: what follows any other number; without it, `one` with an s.
    """
    return f"{n:,} {one if n == 1 else several or f'{one}s'}"
