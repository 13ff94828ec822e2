"""Take many entries at once although some may be wrong: these are found by halving, and left out."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from recsys.errors import DataError

State = TypeVar("State")
Entry = TypeVar("Entry")


def take_fitting(
    state: State,
    entries: Sequence[Entry],
    take: Callable[[State, Sequence[Entry]], State],
    refuse: Callable[[Entry, DataError], None],
) -> State:
    """The state after all entries that fit it, in their order.

    Args:
        take: gives the state after some entries; raises a DataError, and changes nothing, where one is wrong.
        refuse: called with each entry that is left out, and why.
    """
    try:
        return take(state, entries)
    except DataError as error:
        if len(entries) == 1:
            refuse(entries[0], error)
            return state
        half = len(entries) // 2
        for part in (entries[:half], entries[half:]):
            state = take_fitting(state, part, take, refuse)
        return state
