"""How long-running work reports how far it is."""

from collections.abc import Callable

Progress = Callable[[str], None]
"""Hears now and then, in a line of text, how far the work is."""


def silent(message: str) -> None:
    """A `Progress` that says nothing."""
